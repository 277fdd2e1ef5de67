"""Thinking stays with its conversation: signed with a reply, checked when it comes back (preserved-thinking page).

Law: a signature binds what stood before the block when it was made: system, the set of tools, every earlier block
that is not thinking, the thinking block before it, the block's own text, and the model. A run of thinking may be gone
at the start, at the end or whole; one that is missing in the middle, or is back again, breaks what follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import has_user_text, walk
from contextkit.emulator.answer import Refusal
from contextkit.emulator.chain import THINKING, Place, base, ends, identity, link, places
from contextkit.emulator.signature import claims_of, covers, seal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.api.messages import Block
    from contextkit.emulator.world import Options

__all__ = ["Checked", "check", "sign", "sign_summary"]

_INVALID: Final = "Invalid `signature` in `thinking` block"
_BOUND: Final = f"{_INVALID}. The block is bound to a different conversation"
_MODIFIED: Final = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must"
    " remain as they were in the original response."
)

_Spot = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Checked:
    """A request whose thinking was looked at.

    Attributes:
        body: without the blocks that were dropped.
        transformations: what the API reports of them in `input_transformations`.
    """

    body: dict[str, Any]
    transformations: list[dict[str, Any]]


def sign(content: Sequence[Block], body: Mapping[str, Any], options: Options) -> list[Block]:
    """A reply's blocks with a signature on every thinking block that has none.

    Args:
        content: the reply.
        body: the request that it answers, as it was sent.
        options: the secret.
    """
    if not any(block["type"] in THINKING for block in content):
        return list(content)
    chain, before = ends(body, options.secret)
    root = base(body).hex()
    signed: list[Block] = []
    for block in content:
        done = block
        if block["type"] == "thinking" and not block.get("signature"):
            claims = {"model": _model(body), "base": root, "chain": chain.hex(), "before": before.hex()}
            done = {**block, "signature": seal(claims, str(block["thinking"]), options.secret)}
        if done["type"] in THINKING:
            before = identity(done)
        else:
            chain = link(chain, "assistant", done, options.secret)
        signed.append(done)
    return signed


def sign_summary(text: str, body: Mapping[str, Any], options: Options) -> str:
    """The signature of a compaction block: later thinking finds in it what it was bound to."""
    return seal({"chain": ends(body, options.secret)[0].hex()}, text, options.secret)


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
    gone: dict[_Spot, str] = {}
    allowed: list[_Spot] = []
    root = ""
    for number, place in enumerate(places(body, options.secret)):
        root = root or base(body).hex()
        claims = _claims(place, body, options)
        if claims is None:
            continue
        if not facts.reads_thinking(_model(body), claims.get("model", "")):
            gone[place.index, place.at] = "model_binding_mismatch"
        elif row is not None and row.binds_thinking and not _fits(claims, place, root, first=number == 0):
            if behaviour == "drop_block":
                gone[place.index, place.at] = "prefix_binding_mismatch"
            elif behaviour or options.binding == "enforce":
                raise Refusal(f"{place.path}: {_BOUND}")
            else:
                allowed.append((place.index, place.at))
    return _without(body, gone, allowed)


def _fits(claims: Mapping[str, str], place: Place, root: str, *, first: bool) -> bool:
    """Whether a block stands where it was made. The first one that is left may have lost those before it."""
    if claims.get("base") != root or claims.get("chain") != place.chain.hex():
        return False
    return first or claims.get("before") == place.before.hex()


def _claims(place: Place, body: Mapping[str, Any], options: Options) -> dict[str, str] | None:
    """What a block's signature says; None for one that this emulator did not make.

    Raises:
        Refusal: the block was changed, or is foreign and those are refused.
    """
    if place.block["type"] != "thinking":
        return None
    claims = claims_of(place.block.get("signature"), options.secret)
    if claims is None:
        if options.foreign_signatures == "refuse":
            raise Refusal(f"{place.path}: {_INVALID}")
        return None
    if not covers(claims, str(place.block.get("thinking"))):
        raise Refusal(f"{place.path}: {_MODIFIED if _in_open_loop(place, body) else _INVALID}")
    return claims


def _in_open_loop(place: Place, body: Mapping[str, Any]) -> bool:
    """Whether a block is in the latest assistant message of a running tool loop."""
    messages = body["messages"]
    latest = max(at for at, message in enumerate(messages) if message["role"] == "assistant")
    after = [message for message in messages[latest + 1 :] if message["role"] == "user"]
    return place.index == latest and bool(after) and not any(has_user_text(message["content"]) for message in after)


def _without(body: dict[str, Any], gone: dict[_Spot, str], allowed: Sequence[_Spot]) -> Checked:
    """The request without what is dropped, and the report."""
    messages = list(body["messages"])
    dropped: dict[_Spot, str] = {}
    for index in sorted({index for index, _ in gone}):
        blocks = walk(messages[index])
        dropped |= _runs(index, blocks, gone)
        kept = [block for at, block in enumerate(blocks) if (index, at) not in dropped]
        messages[index] = {**messages[index], "content": kept}
    found = [(spot, "thinking_dropped", reason) for spot, reason in dropped.items()]
    found += [(spot, "thinking_mismatch_allowed", "prefix_binding_mismatch") for spot in allowed]
    report = [
        {"type": kind, "path": f"messages.{index}.content.{at}", "reason": reason}
        for (index, at), kind, reason in sorted(found)
    ]
    return Checked({**body, "messages": messages} if dropped else body, report)


def _runs(index: int, blocks: Sequence[Mapping[str, Any]], gone: Mapping[_Spot, str]) -> dict[_Spot, str]:
    """What falls in one message: a prefix mismatch takes the rest of its run of thinking along (SDK docstring)."""
    dropped: dict[_Spot, str] = {}
    run = ""
    for at, block in enumerate(blocks):
        reason = gone.get((index, at), run) if block.get("type") in THINKING else ""
        if reason:
            dropped[index, at] = reason
        run = reason if reason == "prefix_binding_mismatch" else ""
    return dropped


def _model(body: Mapping[str, Any]) -> str:
    row = facts.model(str(body["model"]))
    return row.id if row else str(body["model"])
