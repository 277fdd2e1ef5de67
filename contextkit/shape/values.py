"""Values made shorter. The law: each is still the same value, only less exact, or named by its hash."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from contextkit.shape.document import MAX_DEPTH, MISSING, shared
from contextkit.shape.shaped import BoundError
from contextkit.shape.text import cut

__all__ = ["Values", "elide"]

_DATE: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(?:[.,]\d{1,12})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_DATA_URL: Final = re.compile(r"data:([\w.+/-]{0,80})(?:;[\w=.-]{1,80}){0,4},[A-Za-z0-9+/=_%.~-]{64,}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{256,}={0,2}|(?:[A-Za-z0-9+/]{60,76}\r?\n){4,}[A-Za-z0-9+/]{1,76}={0,2}")
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
_SHORTER: Final = frozenset({dict, list, str, float})  # most other values are seen here, without a call
_HASH_CHARS: Final = 8


@dataclass(frozen=True, slots=True)
class Values:
    """The value options of a shape; called on a document it gives the document with shorter values.

    Attributes as in `Shape`.
    """

    round_to: int | None = None
    dates: str | None = None
    drop_null: bool = False
    drop_empty: bool = False
    max_string: int | None = None
    elide_binary: bool = False

    @property
    def active(self) -> bool:
        """Whether any option does anything."""
        return self != Values()

    def __call__(self, document: Any) -> Any:
        """The document with shorter values.

        Raises:
            BoundError: nested deeper than MAX_DEPTH.
        """
        short = self._short(document, 0)
        return document.__class__() if short is MISSING else short

    def _short(self, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise BoundError("too deep")
        if isinstance(value, dict):
            pairs = ((key, self._short(one, depth + 1) if type(one) in _SHORTER else one) for key, one in value.items())
            return shared({key: one for key, one in pairs if one is not MISSING and not self._drops(one)}, value)
        if isinstance(value, list):
            # Elements keep their places: only members of objects are left out.
            return shared([self._short(one, depth + 1) if type(one) in _SHORTER else one for one in value], value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, float) and self.round_to is not None:
            return self._number(value)
        return value

    def _drops(self, value: Any) -> bool:
        if value is None:
            return self.drop_null
        return self.drop_empty and isinstance(value, (str, list, dict)) and value in _EMPTY

    def _number(self, value: float) -> float | int:
        if not math.isfinite(value):
            return value
        rounded: float | int = round(value, self.round_to)
        rounded = int(rounded) if rounded == int(rounded) and abs(rounded) < 2**53 else rounded
        return rounded if len(repr(rounded)) <= len(repr(value)) else value  # 5e-05 is shorter than 0.0001

    def _text(self, value: str) -> str:
        if self.dates is not None and len(value) <= 40 and (found := _DATE.fullmatch(value)):  # noqa: PLR2004  (a date)
            value = self._date(found)
        elif self.elide_binary:
            value = elide(value)
        if self.max_string is not None and len(value) > self.max_string:
            value, _ = cut(value, self.max_string)
        return value

    def _date(self, found: re.Match[str]) -> str:
        day, minute, second, zone = found.groups(default="")
        if self.dates == "day":
            return day
        return f"{day}T{minute}{second if self.dates == 'second' else ''}{zone}"


def elide(text: str) -> str:
    """A text with its data URLs and long base64 named by type, size and hash of what stood there."""
    if len(text) < 70:  # noqa: PLR2004  (shorter than anything that is elided)
        return text
    text = _DATA_URL.sub(lambda found: _named(found[0], found[1] or "data"), text)
    return _BASE64.sub(lambda found: _named(found[0], "base64") if _looks_encoded(found[0]) else found[0], text)


def _looks_encoded(text: str) -> bool:
    """Base64 mixes cases and digits; a long word, a number or a ruler does not."""
    return bool(re.search(r"[a-z]", text) and re.search(r"[A-Z]", text) and re.search(r"\d", text))


def _named(text: str, kind: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARS]
    return f"[{kind}, {len(text):,} characters, sha256 {digest}]"
