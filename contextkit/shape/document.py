"""JSON in and out. The law: reading gives a value or says "not JSON"; writing gives one compact text for one value.

Written JSON is always valid: no NaN, no lone surrogates, no keys that are not text. Whatever cannot be written as
JSON (a set, a date, a circle) is written as its text.
"""

from __future__ import annotations

import json
import math
import re
from operator import is_
from typing import Any, Final

from contextkit.shape.pieces import pieces
from contextkit.shape.shaped import BoundError

__all__ = [
    "HEAVY_MARKS",
    "MAX_DEPTH",
    "MAX_MARKS",
    "MAX_WIDE",
    "MISSING",
    "check_depth",
    "check_marks",
    "check_width",
    "check_written_depth",
    "clean_text",
    "plain",
    "read",
    "shared",
    "write",
]

MAX_DEPTH: Final = 200
"""Nesting of a document that is shaped as JSON; deeper ones are cut as text."""

MAX_MARKS: Final = 800_000
"""Commas and opening brackets of a document that is shaped as JSON; denser ones are cut as text.

Every list of small rows in 5 MB is within it: `{"id": 1234}, ` has two marks in 14 characters, 715,000 in all. Plain
selections took 0.7 to 0.9 seconds just below it.
"""

HEAVY_MARKS: Final = 400_000
"""The same for shapes that make every value anew (value options, tables, models): a table took a second below it."""

MAX_WIDE: Final = 200_000
"""Members of wide objects together: names that are all different have to be made, which rows share."""

_WIDE: Final = 1_000

_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE: Final = re.compile("[\ud800-\udfff]")
_NOT_NESTING: Final = bytes(code for code in range(256) if code not in b'{}[]"')


class _Missing:
    """The type of MISSING: nothing stands here (JSON null is something)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final[Any] = _Missing()

# A circle is found by its depth: looking for it by identity would cost more than the rest of the writing.
_ENCODE: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


# Texts that are written at once. Writing piece by piece takes half as long again; it spares a short text no more than
# some 300 KB, and of a long one what the encoder holds at most (100,000 strings, 7 MB) is less than twice the text.
_SHORT: Final = 30_000
_LONG: Final = 4_000_000


def read(text: str) -> Any:
    """The array or object that a text holds, else MISSING (also for a bare number or string: that is text).

    Raises:
        BoundError: its objects of more than 1,000 members have more than MAX_WIDE together.
    """
    head = text[:64].lstrip()[:1]
    if head not in ("{", "[") and (head or not text[64:].lstrip().startswith(("{", "["))):
        return MISSING
    try:
        value = json.loads(text, object_hook=_Width() if _may_be_wide(text) else None)
    except (ValueError, RecursionError):  # not JSON, too deep, or a number of thousands of digits
        return MISSING
    return value if isinstance(value, (dict, list)) else MISSING


def write(value: Any, size: int = 0) -> str:
    """Compact JSON of a plain value.

    Args:
        value: what is written.
        size: about how many characters it will be, where that is known: then it is written with little memory beside
            the text.

    Raises:
        BoundError: the value is nested too deeply.
    """
    try:
        if _SHORT < size < _LONG:
            return "".join(map(clean_text, pieces(value, _ENCODE)))
        return clean_text(_ENCODE(value))
    except (ValueError, TypeError):
        return clean_text(_ENCODE(plain(value)))
    except RecursionError:
        raise BoundError("too deep to write") from None


def shared(made: Any, value: Any) -> Any:
    """The value itself where its copy has the same members or elements, so that a copy of a copy takes no room."""
    if len(made) != len(value):
        return made
    pairs = (made.values(), value.values()) if isinstance(value, dict) else (made, value)
    return value if all(map(is_, *pairs)) else made


def clean_text(text: str) -> str:
    """The text without lone surrogates, which UTF-8 and the API do not have; pairs become the character they mean."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _LONE.sub(
            "\ufffd", _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
        )
    return text


def check_marks(text: str, most: int = MAX_MARKS) -> None:
    """Refuse a document of so many values that shaping it would take seconds, or many times its memory.

    Raises:
        BoundError: its text has more than `most` commas and opening brackets, those in strings included.
    """
    if len(text) > most and text.count(",") + text.count("[") + text.count("{") > most:
        raise BoundError("too many values")


def check_width(value: Any, text: str) -> None:
    """Refuse a document with objects that are used as long tables from names to values.

    Raises:
        BoundError: its objects of more than 1,000 members have more than MAX_WIDE together.
    """
    if not _may_be_wide(text):
        return
    width, level = _Width(), [value]
    while level:
        for one in level:
            if isinstance(one, dict):
                width(one)
        level = [
            below
            for one in level
            for below in (one.values() if isinstance(one, dict) else one)
            if isinstance(below, (dict, list))
        ]


def _may_be_wide(text: str) -> bool:
    return len(text) > MAX_WIDE * len('"":0,')


class _Width:
    """The members of wide objects so far; given to the parser, it sees every object once and gives it back."""

    def __init__(self) -> None:
        self.members = 0

    def __call__(self, one: dict[str, Any]) -> dict[str, Any]:
        if len(one) > _WIDE:
            self.members += len(one)
            if self.members > MAX_WIDE:
                raise BoundError("too many names")
        return one


def plain(value: Any, depth: int = 0) -> Any:
    """The value with everything that JSON does not know made text, and NaN made null.

    Raises:
        BoundError: deeper than MAX_DEPTH, which also ends circles.
    """
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, depth + 1) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return str(value)


def check_written_depth(value: Any, text: str) -> None:
    """`check_depth` by the text of a document, ten times faster where its strings hold no brackets.

    What is left of the text without all but brackets and quotes, and then without empty pairs of quotes, is its
    nesting; each round takes the innermost pairs away.

    Raises:
        BoundError: it is nested too deeply.
    """
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    nesting = text.encode().translate(None, _NOT_NESTING).replace(b'""', b"")
    if b'"' in nesting:
        check_depth(value)
        return
    for _ in range(MAX_DEPTH):
        if not nesting:
            return
        nesting = nesting.replace(b"{}", b"").replace(b"[]", b"")
    if nesting:
        raise BoundError("too deep")


def check_depth(value: Any) -> None:
    """Refuse a value nested deeper than MAX_DEPTH, without recursion.

    Raises:
        BoundError: it is.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = (
            [
                child
                for one in level
                for child in (one.values() if isinstance(one, dict) else one)
                if isinstance(child, (dict, list))
            ]
            if isinstance(level[0], (dict, list))
            else []
        )
        if not level:
            return
    raise BoundError("too deep")
