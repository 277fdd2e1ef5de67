"""`cache_control` marks in a request: where they stand, and what the API refuses of them.

Law: a mark is an instruction, not content. Everything here is from the prompt-caching page and the SDK types;
texts marked (unverified) are ours where the rule is documented and its wording is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.api.facts import MAX_MARKS, TTL_SECONDS, UNMARKABLE, Ttl
from contextkit.api.messages import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["blocks_in_order", "mark_of", "refused_marks"]

Path = tuple[str, int, int]
"""Where a block stands: ("tools", i, 0), ("system", i, 0) or ("messages", i, j)."""


def mark_of(block: Mapping[str, Any]) -> Ttl | None:
    """The lifetime that a block's mark asks for; None without a mark."""
    mark = block.get("cache_control")
    if not mark:
        return None
    return "1h" if mark.get("ttl") == "1h" else "5m"


def blocks_in_order(body: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every block that can be cached, in the order the server renders: tools, system, messages."""
    for at, tool in enumerate(body.get("tools") or ()):
        yield ("tools", at, 0), tool
    system = body.get("system") or ()
    for at, block in enumerate([{"type": "text", "text": system}] if isinstance(system, str) else system):
        yield ("system", at, 0), block
    for index, message in enumerate(body["messages"]):
        for at, block in enumerate(walk(message)):
            yield ("messages", index, at), block


def _named(path: Path) -> str:
    part, index, at = path
    return f"messages.{index}.content.{at}" if part == "messages" else f"{part}.{index}"


def refused_marks(body: Mapping[str, Any]) -> Iterator[str]:
    """The API's message for every mark that it refuses."""
    marked = [(path, block) for path, block in blocks_in_order(body) if block.get("cache_control")]
    for path, block in marked:
        yield from _refused(_named(path), block, block["cache_control"])
    lives = [mark_of(block) for _, block in marked]
    automatic = body.get("cache_control")
    if automatic and not _known(automatic):
        yield "cache_control: Input should be 'ephemeral' with ttl '5m' or '1h'"  # (unverified)
    own = _last_mark(body)
    if automatic and own and own != _life(automatic):
        yield "cache_control: the last block is already marked with a different ttl"  # (unverified)
    if automatic and not own:
        lives.append(_life(automatic))
    if len(lives) > MAX_MARKS:
        yield f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {len(lives)}."
    if "5m" in lives and "1h" in lives[lives.index("5m") :]:
        yield "cache_control: a ttl='1h' block must not come after a ttl='5m' block"  # (unverified)


def _life(mark: Mapping[str, Any]) -> Ttl:
    return "1h" if mark.get("ttl") == "1h" else "5m"


def _known(mark: Mapping[str, Any]) -> bool:
    return mark.get("type") == "ephemeral" and (mark.get("ttl") or "5m") in TTL_SECONDS


def _last_mark(body: Mapping[str, Any]) -> Ttl | None:
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    blocks = walk(messages[-1]) if messages else []
    return mark_of(blocks[-1]) if blocks else None


def _refused(where: str, block: Mapping[str, Any], mark: Mapping[str, Any]) -> Iterator[str]:
    if not _known(mark):
        yield f"{where}.cache_control: Input should be 'ephemeral' with ttl '5m' or '1h'"  # (unverified)
    if block.get("type") in UNMARKABLE:
        yield f"{where}.cache_control: Extra inputs are not permitted"
    if block.get("type") == "text" and not str(block.get("text")).strip():
        yield f"{where}: cache_control cannot be set for empty text blocks"
    if block.get("defer_loading"):
        yield f"{where}: cache_control cannot be set on tools with defer_loading"  # (unverified)
