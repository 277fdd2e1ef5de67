"""A short look at what changed: at most 80 characters on either side of the first difference, or only lengths.

Law: bounded. However large the blocks are, what comes out is short; with `redact` no character of them comes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contextkit.api.messages import canonical

__all__ = ["EMPTY", "Window", "between", "kept", "short"]

_WIDTH: Final = 80
_LEAD: Final = 20
_DEEP: Final = 50
_FLAT: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Window:
    """The place of a difference.

    Attributes:
        offset: bytes of the block's canonical text that are the same; None when it is not known.
        before: what stood there, at most 80 characters; "" when it was not kept.
        after: what stands there now.
    """

    offset: int | None = None
    before: str = ""
    after: str = ""


EMPTY: Final = Window()


Kept = str | bytes | dict[str, Any] | None


def kept(block: Mapping[str, Any]) -> Kept:
    """What is remembered of a block, so that a window can be shown: its texts, or else its canonical bytes.

    The two commonest kinds are copied flat: their texts are shared with the request, so that it costs next to nothing.
    """
    kind = block.get("type")
    if kind == "text" and type(block.get("text")) is str:
        return str(block["text"])
    if kind == "tool_result" and type(block.get("content")) is str:
        return {**block}
    given = block.get("input")
    if kind == "tool_use" and type(given) is dict and _FLAT.issuperset(map(type, given.values())):
        return {**block, "input": {**given}}
    return _canonical(block)


def _canonical(block: Mapping[str, Any]) -> bytes | None:
    try:
        return canonical(block)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None


def short(value: Any, *, redact: bool) -> str:
    """A setting's value, in at most 80 characters; of an object nothing but that it was there is known."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return "(an object)"
    return f"{len(value)} characters" if redact else value[:_WIDTH]


def between(old: Kept, block: Mapping[str, Any] | None, *, redact: bool) -> tuple[Window, str]:
    """The window around the first difference, and a JSON pointer to it inside the block.

    Args:
        old: what `kept` gave for the earlier block; None when nothing was kept.
        block: the block now.
        redact: lengths only.
    """
    new = None if block is None else kept(block)
    after = _bytes(new)
    if after is None:
        return EMPTY, ""
    was = _bytes(old)
    if was is None:
        return Window(None, "", f"{len(after)} bytes" if redact else _text(after[:_WIDTH])), ""
    at = _first_difference(was, after)
    pointer = _pointer(old, new)
    if redact:
        return Window(at, f"{len(was)} bytes", f"{len(after)} bytes"), pointer
    start = max(0, at - _LEAD)
    return Window(at, _text(was[start : start + _WIDTH]), _text(after[start : start + _WIDTH])), pointer


def _bytes(value: Kept) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return _canonical(value) if isinstance(value, dict) else value


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")[:_WIDTH]


def _first_difference(old: bytes, new: bytes) -> int:
    """How many bytes at the start are the same; halves the stretch instead of walking it."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _pointer(old: Kept, new: Kept) -> str:
    if isinstance(old, str) and isinstance(new, str):
        return "/text"
    try:
        return _walk(_parsed(old), _parsed(new), 0)
    except (ValueError, RecursionError):
        return ""


def _parsed(value: Kept) -> Any:
    if isinstance(value, str):
        return {"type": "text", "text": value}
    data = _bytes(value) or b"null"
    if data.startswith(b"text\0"):
        return {"type": "text", "text": data[5:].decode("utf-8", "surrogatepass")}
    return json.loads(data.decode("utf-8", "surrogatepass"))


def _walk(old: Any, new: Any, depth: int) -> str:
    """The path to the first value that differs; the order of keys counts."""
    if depth < _DEEP and isinstance(old, Mapping) and isinstance(new, Mapping) and list(old) == list(new):
        for key in new:
            if json.dumps(old[key]) != json.dumps(new[key]):
                name = str(key)[:_WIDTH].replace("~", "~0").replace("/", "~1")
                return f"/{name}{_walk(old[key], new[key], depth + 1)}"
    if depth < _DEEP and isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (a, b) in enumerate(zip(old, new, strict=True)):
            if json.dumps(a) != json.dumps(b):
                return f"/{at}{_walk(a, b, depth + 1)}"
    return ""
