"""Text in, shorter text out. The law: what stays is verbatim, what goes is counted in a note, the limit is kept.

Cuts are made at line or sentence ends near the limit; the same text gives the same cut, and a text that is within
its limit is never touched, so a cut text is not cut again into something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.shape.document import clean_text
from contextkit.shape.shaped import Shaped, note_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cap", "cap_lines", "cut", "fair_share"]

HEAD: Final = 0.7
"""Share of the room that goes to the beginning."""

_NEAR: Final = 0.15
"""A cut may move this share of its part to reach a line or sentence end."""

_ENDS: Final = (". ", "! ", "? ", "; ", ", ", " ")


def cap(text: str, max_chars: int, *, head: float = HEAD, handle: str | None = None) -> Shaped:
    """The beginning and the end of a text, with a note of what was cut between.

    Args:
        text: any text.
        max_chars: the most characters of the result, the note included. Under about 60 there is no room for a note
            and the beginning alone stays.
        head: share of the room for the beginning, 0 to 1.
        handle: names the place of the whole text in the note.
    """
    whole = clean_text(text)
    short, note = cut(whole, max_chars, head=head, handle=handle)
    return Shaped(short, bool(note) or short != whole, len(text), note)


def cut(text: str, max_chars: int, *, head: float = HEAD, handle: str | None = None) -> tuple[str, str]:
    """`cap` on clean text, as (text, note); the note is empty when nothing was cut or nothing fits beside it."""
    if len(text) <= max_chars:
        return text, ""
    longest = note_of(f"{len(text):,} of {len(text):,} characters cut", handle)
    room = max_chars - len(longest) - 2
    if room < len(longest) // 2:
        return text[: max(0, max_chars)], ""
    first = _end(text, int(room * min(max(head, 0.0), 1.0)))
    last = _start(text, len(text) - (room - first if head >= 1 else room - int(room * head)))
    if head >= 1:
        last = len(text)
    note = note_of(f"{last - first:,} of {len(text):,} characters cut", handle)
    parts = [text[:first].rstrip("\n"), note, text[last:].lstrip("\n")]
    return "\n".join(part for part in parts if part), note


def fair_share(lengths: Sequence[int], limit: int) -> int:
    """The largest cap for each of several texts under which all of them together keep to `limit`."""
    left, count = limit, len(lengths)
    for length in sorted(lengths):
        if length * count > left:
            return max(left // count, 0)
        left, count = left - length, count - 1
    return limit


def _end(text: str, at: int) -> int:
    """A good place to stop at or shortly before `at`: after a line, a sentence, a word."""
    least = at - int(at * _NEAR) - 1
    if at <= 0 or text[at - 1 : at] == "\n":
        return max(at, 0)
    line = text.rfind("\n", max(least, 0), at)
    if line >= 0:
        return line + 1
    for end in _ENDS:
        found = text.rfind(end, max(least, 0), at)
        if found >= 0:
            return found + len(end)
    return at


def _start(text: str, at: int) -> int:
    """A good place to go on at or shortly after `at`."""
    most = at + int((len(text) - at) * _NEAR) + 1
    if at >= len(text) or text[at - 1 : at] == "\n":
        return min(at, len(text))
    line = text.find("\n", at, most)
    if line >= 0:
        return line + 1
    for end in _ENDS:
        found = text.find(end, at, most)
        if found >= 0:
            return found + len(end)
    return at


def cap_lines(text: str, max_lines: int, *, head: float = HEAD, handle: str | None = None) -> tuple[str, str]:
    """The first and the last lines, with a note of how many were cut between; as (text, note).

    Of lines that are together shorter than the note about them the first ones stay, without it.
    """
    lines = text.split("\n")
    if len(lines) <= max_lines:
        return text, ""
    room = max(max_lines - 1, 0)
    first = round(room * head)
    last = room - first
    note = note_of(f"{len(lines) - room:,} of {len(lines):,} lines cut", handle)
    short = "\n".join([*lines[:first], note, *lines[len(lines) - last :]])
    return (short, note) if len(short) <= len(text) else ("\n".join(lines[:max_lines]), "")
