"""What a thinking block is bound to: a running hash over a request's messages (preserved-thinking page).

Law: marks, the order of tools, deferred tools, JSON spelling and key order are not content; thinking itself is
named only by its signature. A compaction block stands for everything that it summarises.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import canonical, digest, walk
from contextkit.emulator.signature import claims_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["THINKING", "Place", "base", "ends", "identity", "link", "places", "summarises"]

THINKING: Final = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Place:
    """A thinking block in a request, and what stands before it.

    Attributes:
        index: of its message.
        at: of the block in the message.
        block: the block.
        chain: hash of everything before it that is not thinking.
        before: identity of the thinking block before it; empty for none.
    """

    index: int
    at: int
    block: Mapping[str, Any]
    chain: bytes
    before: bytes

    @property
    def path(self) -> str:
        """As the API names it."""
        return f"messages.{self.index}.content.{self.at}"


def base(body: Mapping[str, Any]) -> bytes:
    """Hash of system, and of the set of tools that are not deferred."""
    system = body.get("system") or ()
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    tools = [_stable(tool) for tool in body.get("tools") or () if not tool.get("defer_loading")]
    return digest(*(_stable(block) for block in blocks), b"tools", *sorted(tools))


def places(body: Mapping[str, Any], secret: bytes) -> Iterator[Place]:
    """Every thinking block that counts."""
    for place in _walk(body, secret):
        if place.block:
            yield place


def ends(body: Mapping[str, Any], secret: bytes) -> tuple[bytes, bytes]:
    """The hash after a request's last block, and the identity of its last thinking block."""
    *_, last = _walk(body, secret)
    return last.chain, last.before


def _walk(body: Mapping[str, Any], secret: bytes) -> Iterator[Place]:
    """Every thinking block, then one empty place for the end."""
    chain, before = b"", b""
    for (index, at), role, block in _blocks(body):
        if block.get("type") in THINKING:
            yield Place(index, at, block, chain, before)
            before = identity(block)
        else:
            chain = link(chain, role, block, secret)
    yield Place(-1, -1, {}, chain, before)


def link(chain: bytes, role: str, block: Mapping[str, Any], secret: bytes) -> bytes:
    """The hash after one more block."""
    if summarises(block):
        claims = claims_of(block.get("signature") or block.get("encrypted_content"), secret)
        if claims is not None and "chain" in claims:
            return bytes.fromhex(claims["chain"])
    return digest(chain, role.encode(), _stable(block))


def identity(block: Mapping[str, Any]) -> bytes:
    """What names a thinking block."""
    return digest(str(block.get("signature") or block.get("data") or "").encode("utf-8", "surrogatepass"))


def summarises(block: Mapping[str, Any]) -> bool:
    """Whether a block is a compaction with content; one without is a no-op (SDK docstring)."""
    return block.get("type") == "compaction" and block.get("content") is not None


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[tuple[int, int], str, Mapping[str, Any]]]:
    """The blocks from the newest compaction on."""
    found = [
        ((index, at), str(message["role"]), block)
        for index, message in enumerate(body["messages"])
        for at, block in enumerate(walk(message))
    ]
    newest = max((at for at, (_, _, block) in enumerate(found) if summarises(block)), default=0)
    yield from found[newest:]


def _stable(block: Mapping[str, Any]) -> bytes:
    """The bytes of a block without its mark, and with every key in order."""
    data = canonical(block)
    if data.startswith(b"text\0"):
        return data
    return json.dumps(json.loads(data.decode("utf-8", "surrogatepass")), sort_keys=True).encode()
