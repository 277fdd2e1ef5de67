"""A block's content as nested tuples that can be hashed: the same for every spelling of the same content.

Law: a block's keys may stand in any order, empty fields and marks do not count, text and `[{"type": "text"}]` are one;
inside a tool's schema and a call's input the order of keys and the type of every value count (prompt-caching page).
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["by_value", "call_form", "form", "length_of", "ordered"]

_BY_VALUE: Final = 2
"""The format of `marshal` without references: equal values give equal bytes, whoever else holds them."""
_MEDIA_SIZE: Final = 4_000
"""Characters that an image counts for: its base64 says nothing about its tokens (vision page: up to 1,568)."""


def form(block: Mapping[str, Any]) -> tuple[Any, int]:
    """A block's content as nested tuples (the same for every spelling), and its length in characters."""
    if "cache_control" in block or None in block.values():
        block = {key: value for key, value in block.items() if value is not None and key != "cache_control"}
    kind, count = block.get("type"), len(block)
    if kind == "tool_use" and count == 4:  # noqa: PLR2004  (type, id, name, input)
        return call_form(block)
    if kind == "text" and count == 2:  # noqa: PLR2004
        return ("text", block["text"]), len(block["text"])
    if kind == "tool_result" and count == 3:  # noqa: PLR2004  (type, id, content)
        inner, length = _content(block["content"])
        return (kind, block["tool_use_id"], inner), length
    if kind == "image":
        return _any(block)[0], _MEDIA_SIZE
    return _any(block)


def call_form(block: Mapping[str, Any]) -> tuple[Any, int]:
    """`form` of a tool call that holds type, id, name and input."""
    given, length, parts = block["input"], 0, []
    if type(given) is not dict:
        return _any(block)
    for key, value in given.items():
        if type(value) is str:
            length += len(key) + len(value)
            parts.append((key, value))
        else:
            made = ordered(value)
            length += len(key) + length_of(made)
            parts.append((key, made))
    return ("tool_use", block["id"], block["name"], *parts), length


def _any(block: Mapping[str, Any]) -> tuple[Any, int]:
    parts: list[Any] = []
    length = 0
    for key in sorted(block):
        if key == "content":
            made, more = _content(block[key])
        else:
            made = ordered(block[key])
            more = length_of(made) if key != "source" else _MEDIA_SIZE
        length += more
        parts.append((key, made))
    return tuple(parts), length


def _content(content: Any) -> tuple[Any, int]:
    """The content of a tool result or document: text, or a list of blocks."""
    if type(content) is str:
        return (("text", content),), len(content)
    if type(content) in {list, tuple} and all(isinstance(item, Mapping) for item in content):
        forms = [form(item) for item in content]
        return tuple([made for made, _ in forms]), sum([length for _, length in forms])
    made = ordered(content)
    return made, length_of(made)


def ordered(value: Any) -> Any:
    """Any JSON as something hashable, in which order and type count."""
    kind = type(value)
    if kind is str:
        return value
    if isinstance(value, Mapping):
        return ("{", *[(key, item if type(item) is str else ordered(item)) for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return ("[", *[ordered(item) for item in value])
    if value is None or kind is bool or kind is int or kind is float:
        return (repr(value),)
    if isinstance(value, (str, bytes)):
        return str(value) if isinstance(value, str) else (value,)
    return ("?", kind.__name__)  # the SDK will say what it thinks of it; here it is only a place


def length_of(made: Any) -> int:
    """Characters of the texts in a form."""
    if type(made) is str:
        return len(made) + 4
    return sum([length_of(item) for item in made]) if type(made) is tuple else 0


def by_value(value: Any) -> bytes | None:
    """Any JSON as bytes in which order and type count, made in C; None for what is not plain JSON."""
    try:
        return marshal.dumps(value, _BY_VALUE)
    except ValueError:  # a subclass, or nested too deeply
        return None
