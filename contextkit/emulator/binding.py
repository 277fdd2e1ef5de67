"""Thinking's signatures: made with a reply, checked when it comes back (preserved-thinking page).

Law: a signature binds what stood before the block when it was made: system, the set of tools, every earlier block
that is not thinking, the thinking block before it, the block's own text, and the model. Marks, the order of tools,
deferred tools, JSON spelling and key order are not content. A run of thinking may be gone at the start, at the end or
whole; one that is missing in the middle, or is back again, breaks what follows it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import canonical, digest, dumps, has_user_text, walk
from contextkit.emulator.answer import Refusal

if TYPE_CHECKING:
    from contextkit.api.messages import Block
    from contextkit.emulator.world import Options

__all__ = ["Checked", "check", "chain_of", "sign", "sign_summary"]

_MARK: Final = "emu1."
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_BOUND: Final = "Invalid `signature` in `thinking` block. The block is bound to a different conversation"
_MODIFIED: Final = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must"
    " remain as they were in the original response."
)
_READS: Final[dict[str, tuple[str, ...]]] = {
    # Whose thinking a model can read beside its own (preserved-thinking page); models that are not here are not
    # restricted, except that nobody else reads the 5.2 models.
    "claude-opus-5-5": ("claude-opus-", "claude-sonnet-", "claude-haiku-"),
    "claude-sonnet-5-5": ("claude-sonnet-", "claude-opus-4-8", "claude-haiku-"),
    "claude-fable-5-1": ("claude-opus-",),
    "claude-mythos-5-1": ("claude-opus-",),
}
_OWN_ONLY: Final = frozenset({"claude-fable-5-2", "claude-mythos-5-2"})


@dataclass(frozen=True, slots=True)
class Checked:
    """A request whose thinking was looked at.

    Attributes:
        body: without the blocks that were dropped.
        transformations: what the API reports of them in `input_transformations`.
    """

    body: dict[str, Any]
    transformations: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A thinking block in a request, and what stands before it."""

    index: int
    at: int
    block: Mapping[str, Any]
    chain: bytes
    before: bytes

    @property
    def path(self) -> str:
        return f"messages.{self.index}.content.{self.at}"


def sign(content: Sequence[Block], body: Mapping[str, Any], options: Options) -> list[Block]:
    """A reply's blocks with a signature on every thinking block that has none.

    Args:
        content: the reply.
        body: the request that it answers, as it was sent.
        options: the secret.
    """
    chain, before = chain_of(body)
    base = _base(body)
    signed: list[Block] = []
    for block in content:
        done = block
        if block["type"] == "thinking" and not block.get("signature"):
            claims = {"m": _model(body), "b": base.hex(), "c": chain.hex(), "p": before.hex()}
            done = {**block, "signature": _seal(claims, str(block["thinking"]), options)}
        if done["type"] in _THINKING:
            before = _identity(done)
        else:
            chain = _next(chain, "assistant", done, options)
        signed.append(dict(done))
    return signed


def sign_summary(text: str, body: Mapping[str, Any], options: Options) -> str:
    """The signature of a compaction block: it stands for everything that it summarises."""
    chain, _ = chain_of(body)
    return _seal({"c": chain.hex()}, text, options)


def chain_of(body: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The hash of a request's messages without thinking, and the identity of its last thinking block."""
    chain, before = b"", b""
    for _, role, block in _blocks(body):
        if block.get("type") in _THINKING:
            before = _identity(block)
        else:
            chain = _next(chain, role, block, None)
    return chain, before


def check(body: dict[str, Any], options: Options, *, drop: bool = False) -> Checked:
    """Check every thinking block of a valid request.

    Args:
        body: the request.
        options: what is enforced.
        drop: a mismatch drops the block unless the request says otherwise, as in batches.

    Raises:
        Refusal: a block was changed, or is bound to another conversation.
    """
    row = facts.model(_model(body))
    wanted = (body.get("thinking") or {}).get("block_binding") or {}
    behaviour = wanted.get("prefix_mismatch_behavior") or ("drop_block" if drop else "")
    base = _base(body)
    gone: dict[tuple[int, int], str] = {}
    allowed: list[_Place] = []
    first = True
    for place in _places(body):
        claims = _claims(place, body, options)
        if claims is not None:
            if not _readable(str(claims.get("m")), row):
                gone[place.index, place.at] = "model_binding_mismatch"
            elif row is not None and row.binds_thinking and not _fits(claims, place, base, first=first):
                if behaviour == "drop_block":
                    gone[place.index, place.at] = "prefix_binding_mismatch"
                elif behaviour or options.binding == "enforce":
                    raise Refusal(f"{place.path}: {_BOUND}")
                else:
                    allowed.append(place)
        first = False
    return _without(body, gone, allowed)


def _without(body: dict[str, Any], gone: dict[tuple[int, int], str], allowed: list[_Place]) -> Checked:
    """The request without what is dropped; a prefix mismatch takes the rest of its run of thinking along."""
    messages = list(body["messages"])
    for index in {index for index, _ in gone}:
        kept, run = [], ""
        for at, block in enumerate(walk(messages[index])):
            run = run if block.get("type") in _THINKING else ""
            reason = gone.get((index, at), run)
            if reason and block.get("type") in _THINKING:
                gone[index, at] = reason
                run = reason if reason == "prefix_binding_mismatch" else ""
            else:
                kept.append(block)
        messages[index] = {**messages[index], "content": kept}
    found = [(key, "thinking_dropped", reason) for key, reason in gone.items()]
    found += [((place.index, place.at), "thinking_mismatch_allowed", "prefix_binding_mismatch") for place in allowed]
    report = [
        {"type": kind, "path": f"messages.{index}.content.{at}", "reason": reason}
        for (index, at), kind, reason in sorted(found)
    ]
    return Checked({**body, "messages": messages} if gone else body, report)


def _fits(claims: Mapping[str, Any], place: _Place, base: bytes, *, first: bool) -> bool:
    """Whether a block stands where it was made. The first one that is left may have lost those before it."""
    if "c" not in claims or claims.get("b") != base.hex() or claims["c"] != place.chain.hex():
        return False
    return first or claims.get("p") == place.before.hex()


def _readable(maker: str, row: facts.Model | None) -> bool:
    made = facts.model(maker)
    if row is None or made is None or made.id == row.id:
        return True
    if made.id in _OWN_ONLY:
        return row.id in _OWN_ONLY
    return row.id not in _READS or made.id.startswith(_READS[row.id])


def _claims(place: _Place, body: Mapping[str, Any], options: Options) -> dict[str, Any] | None:
    """What a block's signature says; None for one that this emulator did not make.

    Raises:
        Refusal: the block was changed, or is foreign and those are refused.
    """
    if place.block.get("type") != "thinking":
        return None
    claims = _open(str(place.block.get("signature") or ""), options)
    if claims is None:
        if options.foreign_signatures == "refuse":
            raise Refusal(f"{place.path}: Invalid `signature` in `thinking` block")
        return None
    if claims["t"] != _text_hash(str(place.block.get("thinking"))):
        text = _MODIFIED if _latest(place, body) else "Invalid `signature` in `thinking` block"
        raise Refusal(f"{place.path}: {text}")
    return claims


def _latest(place: _Place, body: Mapping[str, Any]) -> bool:
    """Whether a block is in the latest assistant message of a running tool loop."""
    messages = body["messages"]
    latest = max((at for at, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    after = [message for message in messages[latest + 1 :] if message["role"] == "user"]
    return place.index == latest and bool(after) and not any(has_user_text(message["content"]) for message in after)


def _places(body: Mapping[str, Any]) -> Iterator[_Place]:
    chain, before = b"", b""
    for (index, at), role, block in _blocks(body):
        if block.get("type") in _THINKING:
            yield _Place(index, at, block, chain, before)
            before = _identity(block)
        else:
            chain = _next(chain, role, block, None)


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[tuple[int, int], str, Mapping[str, Any]]]:
    """The blocks that count: from the newest compaction on, which stands for everything before it."""
    found = [
        ((index, at), str(message["role"]), block)
        for index, message in enumerate(body["messages"])
        for at, block in enumerate(walk(message))
    ]
    newest = max((at for at, (_, _, block) in enumerate(found) if _summarises(block)), default=0)
    yield from found[newest:]


def _summarises(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "compaction" and block.get("content") is not None


def _next(chain: bytes, role: str, block: Mapping[str, Any], _: Options | None) -> bytes:
    if _summarises(block):
        claims = _peek(str(block.get("signature") or block.get("encrypted_content") or ""))
        if claims is not None and "c" in claims:
            return bytes.fromhex(claims["c"])  # the block takes the place of what it summarises
    return digest(chain, role.encode(), _stable(block))


def _base(body: Mapping[str, Any]) -> bytes:
    """System, and the set of tools that are not deferred."""
    system = body.get("system") or ()
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    tools = [_stable(tool) for tool in body.get("tools") or () if not tool.get("defer_loading")]
    return digest(*(_stable(block) for block in blocks), b"tools", *sorted(tools))


def _stable(block: Mapping[str, Any]) -> bytes:
    """The bytes of a block without its mark, and with every key in order."""
    data = canonical(block)
    if data.startswith(b"text\0"):
        return data
    return json.dumps(json.loads(data), sort_keys=True).encode()


def _identity(block: Mapping[str, Any]) -> bytes:
    return digest(str(block.get("signature") or block.get("data") or "").encode("utf-8", "surrogatepass"))


def _model(body: Mapping[str, Any]) -> str:
    row = facts.model(str(body["model"]))
    return row.id if row else str(body["model"])


def _text_hash(text: str) -> str:
    return digest(text.encode("utf-8", "surrogatepass")).hex()


def _seal(claims: Mapping[str, str], text: str, options: Options) -> str:
    payload = dumps({**claims, "t": _text_hash(text)}).encode()
    code = blake2b(payload, key=options.secret[:64], digest_size=16).digest()
    return _MARK + urlsafe_b64encode(code + payload).decode()


def _peek(signature: str) -> dict[str, Any] | None:
    """The claims of a signature, whoever made it."""
    if not signature.startswith(_MARK):
        return None
    try:
        found = json.loads(urlsafe_b64decode(signature[len(_MARK) :])[16:])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _open(signature: str, options: Options) -> dict[str, Any] | None:
    """The claims of a signature that this emulator made."""
    claims = _peek(signature)
    if claims is None or "t" not in claims:
        return None
    data = urlsafe_b64decode(signature[len(_MARK) :])
    code = blake2b(data[16:], key=options.secret[:64], digest_size=16).digest()
    return claims if code == data[:16] else None
