"""The texts of a request's tools and system prompt, each with its pointer, and how a spot in one is shown.

Law: only what is rendered anew for every request is looked at. What a tool or the model once said stands in the
history as it was said, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.settings import is_web

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["excerpt", "head_texts", "said_texts"]

_DEPTH: Final = 30
_BEFORE: Final = 25
_AFTER: Final = 55


def head_texts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pointer and text of everything in tools and system, in the order of the prompt."""
    for at, tool in enumerate(body.get("tools") or ()):
        if isinstance(tool, Mapping) and not tool.get("defer_loading") and not is_web(tool):
            yield from _strings(tool, f"/tools/{at}", 0)
    system = body.get("system")
    if isinstance(system, str):
        yield "/system", system
    for at, block in enumerate(system if isinstance(system, list) else ()):
        if isinstance(block, Mapping) and isinstance(block.get("text"), str):
            yield f"/system/{at}/text", block["text"]


def said_texts(body: Mapping[str, Any], first: int) -> Iterator[tuple[str, str]]:
    """Pointer and text of what the user says, tool results aside, from a message on; not that of the last message."""
    messages = body["messages"]
    for at in range(first, len(messages) - 1):
        content = messages[at].get("content")
        if messages[at].get("role") != "user":
            continue
        if isinstance(content, str):
            yield f"/messages/{at}/content", content
        for index, block in enumerate(content if isinstance(content, list) else ()):
            if block.get("type") == "text" and isinstance(block.get("text"), str):
                yield f"/messages/{at}/content/{index}/text", block["text"]


def _strings(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif depth < _DEPTH and isinstance(value, Mapping):
        for key, item in value.items():
            if key != "cache_control":
                name = str(key).replace("~", "~0").replace("/", "~1")
                yield from _strings(item, f"{place}/{name}", depth + 1)
    elif depth < _DEPTH and isinstance(value, list):
        for at, item in enumerate(value):
            yield from _strings(item, f"{place}/{at}", depth + 1)


def excerpt(text: str, at: int) -> str:
    """A short look at a place in a text."""
    return text[max(0, at - _BEFORE) : at + _AFTER]
