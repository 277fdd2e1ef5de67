"""Kept lines under a cap. The law: what matters most stays first, what stays stands in the order of the text.

Errors go before everything, then each word of `keep_lines` before the words behind it, then the lines that are only
near a match. Of lines that matter alike, those from both ends stay. Gaps are not marked one by one: a note at the end
counts all that went, and the room is for lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.shape.shaped import is_note, note_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["ERRORS", "ranked", "wanted", "weighed"]

ERRORS: Final = re.compile(
    r"(?:errors?|exception|fatal|panic|critical|fail(?:ed|ure|ures|s|ing)?|traceback|segfault)\b"
    r"|\b(?:emerg|alert|crit|err|abort(?:ed)?)\b",
    re.IGNORECASE,
)
"""What says that something went wrong, in the words of logs and shells; `ValueError:` and `npm ERR!` are among it."""


def wanted(words: Sequence[str]) -> re.Pattern[str]:
    """What finds any of the words, in any case."""
    return re.compile("|".join(map(re.escape, words)), re.IGNORECASE)


def ranked(lines: Sequence[str], words: Sequence[str]) -> list[int | None]:
    """How much each line matters: 0 the most, len(words) + 1 without a match, None for notes (they are made anew)."""
    any_word, each = wanted(words), [wanted([word]) for word in words]
    ranks: list[int | None] = []
    for line in lines:
        if line.startswith("[... ") and is_note(line):
            ranks.append(None)
        elif not any_word.search(line):
            ranks.append(len(words) + 1)
        elif ERRORS.search(line):
            ranks.append(0)
        else:
            ranks.append(1 + next(at for at, word in enumerate(each) if word.search(line)))
    return ranks


def weighed(
    text: str,
    words: Sequence[str],
    *,
    context: int,
    max_chars: int,
    max_lines: int | None,
    head: float,
    handle: str | None,
) -> tuple[str, str]:
    """The lines that matter most, within the room, as (text, note); ("", "") when no line matches or none fits.

    Args:
        text: what `keep_lines` and the options behind it left.
        words: those of `keep_lines`, what matters more first.
        context: lines kept around a line that matches.
        max_chars: the most characters of the result, its note included.
        max_lines: the most lines of the result, its note included.
        head: of lines that matter alike, the share that stays from the beginning.
        handle: where the whole is kept; the note names it.
    """
    lines = text.split("\n")
    ranks = ranked(lines, words)
    hits = [at for at, rank in enumerate(ranks) if rank is not None and rank <= len(words)]
    if not hits:
        return "", ""
    near = _near(hits, context, len(lines))
    # A gap that was shorter than a note about it stands there, too: it is no part of what was chosen.
    ranks = [rank if at in near else None for at, rank in enumerate(ranks)]
    count = sum(rank is not None for rank in ranks)
    room, most = max_chars, len(lines) if max_lines is None else max_lines
    longest = note_of(f"{count:,} of {count:,} chosen lines cut", handle)
    noted = most > 1 and room >= len(longest) * 3 // 2
    if noted:
        room, most = room - len(longest) - 1, most - 1
    kept = _fitting(lines, ranks, room, most, head)
    kept &= _near(kept.intersection(hits), context, len(lines))
    if not kept:
        first = min((rank, at) for at, rank in enumerate(ranks) if rank is not None)[1]
        return _around(lines[first], words, max_chars), ""
    note = note_of(f"{count - len(kept):,} of {count:,} chosen lines cut", handle)
    body = "\n".join([lines[at] for at in sorted(kept)])
    return (f"{body}\n{note}", note) if noted and len(kept) < count else (body, "")


def _near(hits: Iterable[int], context: int, length: int) -> set[int]:
    """The places within the context of some lines, their own too."""
    return {at for hit in hits for at in range(max(hit - context, 0), min(hit + context + 1, length))}


def _fitting(lines: Sequence[str], ranks: Sequence[int | None], room: int, most: int, head: float) -> set[int]:
    """The places of the lines that stay."""
    groups: dict[int, list[int]] = {}
    for at, rank in enumerate(ranks):
        if rank is not None:
            groups.setdefault(rank, []).append(at)
    kept: set[int] = set()
    for _, places in sorted(groups.items()):
        for at in _from_both_ends(places, lines, head):
            size = len(lines[at]) + 1
            if size <= room + 1 and len(kept) < most:
                kept.add(at)
                room -= size
    return kept


def _from_both_ends(places: Sequence[int], lines: Sequence[str], head: float) -> Iterator[int]:
    """Places from the beginning and from the end in turns, so that the beginning has its share of the characters."""
    first, last = 0, len(places) - 1
    before = total = 0
    while first <= last:
        ahead = head >= 1 or (head > 0 and before <= head * total)
        at = places[first] if ahead else places[last]
        first, last = (first + 1, last) if ahead else (first, last - 1)
        size = len(lines[at]) + 1
        before, total = before + size * ahead, total + size
        yield at


def _around(line: str, words: Sequence[str], room: int) -> str:
    """The part of a line around what matters in it."""
    found = wanted(words).search(line)
    at = found.start() if found else 0
    start = max(min(at - room // 4, len(line) - room), 0)
    return line[start : start + room]
