"""JSON pointers into a request body: from a position of the prompt, and only to what is there.

Law: a pointer that comes out of here resolves in the body it was made for (RFC 6901); a longer one is cut to its
longest part that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from contextkit.cache.blocks import life
from contextkit.cache.settings import is_web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.facts import Ttl
    from contextkit.cache.spell import Spelled

__all__ = ["Marked", "content_pointer", "mark_pointer", "marks", "position", "resolved", "tool_pointer"]


class Marked(NamedTuple):
    """A mark in a request.

    Attributes:
        place: pointer to its block.
        block: what it stands on.
        ttl: the lifetime that it asks for, as the cache takes it.
    """

    place: str
    block: Mapping[str, Any]
    ttl: Ttl


def resolved(body: Any, pointer: str) -> str:
    """The longest beginning of a pointer that leads to something in the body; "" is the body itself."""
    at, found = body, ""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if (type(at) is dict or isinstance(at, Mapping)) and key in at:
            at = at[key]
        elif isinstance(at, list) and key.isdecimal() and int(key) < len(at):
            at = at[int(key)]
        else:
            break
        found += f"/{part}"
    return found


def tool_pointer(body: Mapping[str, Any], index: int) -> str:
    """Where the tool stands that is number `index` of those in the prefix; deferred and web tools are none of them."""
    kept = [at for at, tool in enumerate(body.get("tools") or ()) if not tool.get("defer_loading") and not is_web(tool)]
    return f"/tools/{kept[index]}" if index < len(kept) else "/tools"


def content_pointer(body: Mapping[str, Any], message: int, block: int) -> str:
    """Where a message's block stands, in either spelling of content."""
    content = body["messages"][message].get("content")
    return f"/messages/{message}/content" + ("" if isinstance(content, str) else f"/{block}")


def position(body: Mapping[str, Any], now: Spelled, pos: int) -> str:
    """Where the block stands that is position `pos` of the prompt: tools, then system, then messages."""
    if pos < len(now.tools):
        return resolved(body, tool_pointer(body, pos))
    if pos < now.head:
        return resolved(body, f"/system/{pos - len(now.tools)}")
    if pos - now.head >= len(now.blocks.owns):
        return "/messages"
    return resolved(body, content_pointer(body, *now.blocks.message_of(pos - now.head)))


def mark_pointer(body: Mapping[str, Any], now: Spelled, pos: int) -> str:
    """Where the mark of a position is written: beside its block, or at the top for the automatic one."""
    place = resolved(body, f"{position(body, now, pos)}/cache_control")
    return place if place.endswith("/cache_control") else resolved(body, "/cache_control") or place


def marks(body: Mapping[str, Any]) -> Iterator[Marked]:
    """Every mark in the order of the prompt.

    Marks inside a tool result's content count too: the API takes them there. The automatic mark at the top is not
    among them.
    """
    for at, tool in enumerate(body.get("tools") or ()):
        if tool.get("cache_control"):
            yield Marked(f"/tools/{at}", tool, life(tool["cache_control"]))
    system = body.get("system")
    if isinstance(system, list):
        yield from _in(system, "/system")
    for at, message in enumerate(body["messages"]):
        content = message.get("content")
        if isinstance(content, list):
            yield from _in(content, f"/messages/{at}/content")


def _in(blocks: list[Any], where: str) -> Iterator[Marked]:
    for at, block in enumerate(blocks):
        inner = block.get("content") if block.get("type") == "tool_result" else None
        if isinstance(inner, list):
            yield from _in(inner, f"{where}/{at}/content")
        if block.get("cache_control"):
            yield Marked(f"{where}/{at}", block, life(block["cache_control"]))
