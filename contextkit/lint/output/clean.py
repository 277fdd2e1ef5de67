"""Untrusted text made safe to show.

Law: what is shown has no control character, no terminal sequence, no character that changes the direction of the
text or is not seen, and no half of a pair; each stands as an escape, so that nothing is hidden either.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["MAX_WIDTH", "plain", "width", "window"]

MAX_WIDTH: Final = 160
"""Characters of a source line that are shown."""

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str, limit: int = 2_000) -> str:
    """One line of text that is safe on a terminal; longer than `limit` characters it is cut."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_seen(sign) for sign in cut)


def _seen(sign: str) -> str:
    if sign == "\t":
        return "    "
    if unicodedata.category(sign) in _HIDDEN:
        code = ord(sign)
        return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
    return sign


def width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def window(line: str, start: int, end: int) -> tuple[str, str]:
    """A source line as it is shown, and the blanks and carets that stand below it.

    Args:
        line: the line.
        start: 0-based, the first marked character.
        end: the character after the last marked one; the mark is at least one wide.
    """
    first = 0 if len(line) <= MAX_WIDTH else max(0, min(start - MAX_WIDTH // 3, len(line) - MAX_WIDTH))
    last = min(len(line), first + MAX_WIDTH)
    start, end = min(max(start, first), last), min(max(end, start + 1), last)
    before, marked, after = plain(line[first:start]), plain(line[start:end]), plain(line[end:last])
    head, tail = "..." if first else "", "..." if last < len(line) else ""
    carets = "^" * max(1, width(marked))
    return f"{head}{before}{marked}{after}{tail}", " " * width(head + before) + carets
