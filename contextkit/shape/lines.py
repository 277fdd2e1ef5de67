"""Text by lines: logs, shell output, diffs. The law: a line stays as it is or is counted among those that went."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from contextkit.shape.shaped import BoundError, is_note, note_of
from contextkit.shape.table import csv_columns
from contextkit.shape.text import cap_lines
from contextkit.shape.weigh import wanted, weighed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contextkit.shape.caps import Caps
    from contextkit.shape.chain import Shape

__all__ = ["changes_only", "dedupe_lines", "keep_lines", "steps"]

MAX_LINES: Final = 1_000_000
"""Lines of a text that is worked on by lines; a longer one is capped as it is."""

_COUNTED: Final = re.compile(r"(.*) \[x(\d+)\]")
_DIFF_LINE: Final = ("+", "-", "@@", "diff ", "index ", "rename ", "new file", "deleted file", "similarity ", "Binary ")


def keep_lines(text: str, words: Sequence[str], *, context: int = 0) -> str:
    """The lines that hold one of the words (any case), with `context` lines around each; gaps are counted.

    A text in which no line matches stays as it is: an empty answer would say that nothing happened.
    """
    lines = _lines(text)
    is_hit = wanted(words).search
    hits = [at for at, line in enumerate(lines) if is_hit(line) or (line.startswith("[... ") and is_note(line))]
    if not any(not is_note(lines[at]) for at in hits):
        return text
    kept = sorted({near for at in hits for near in range(at - context, at + context + 1) if 0 <= near < len(lines)})
    out: list[str] = []
    last = -1
    for at in [*kept, len(lines)]:
        gap = at - last - 1
        if gap > 0:
            out.append(_gap(lines[last + 1 : at]))
        if at < len(lines):
            out.append(lines[at])
        last = at
    return "\n".join(out)


def _gap(lines: Sequence[str]) -> str:
    """A note of some lines that went, or the lines themselves when they are shorter than the note."""
    note = note_of(f"{len(lines):,} lines without a match")
    plain = "\n".join(lines)
    return plain if len(plain) <= len(note) else note


def dedupe_lines(text: str) -> str:
    """Each run of equal lines once with its count, where that is shorter."""
    out: list[str] = []
    for line, run in groupby(_lines(text)):
        times = sum(1 for _ in run)
        marked = f"{line} [x{times}]"
        if times > 1 and len(marked) < (len(line) + 1) * times - 1 and not _COUNTED.fullmatch(line):
            out.append(marked)
        else:
            out.extend([line] * times)
    return "\n".join(out)


def _lines(text: str) -> list[str]:
    if text.count("\n") >= MAX_LINES:
        raise BoundError("too many lines")
    return text.split("\n")


def changes_only(text: str) -> str:
    """A unified diff without its unchanged lines; a text without a hunk stays as it is."""
    lines = _lines(text)
    if not any(line.startswith("@@") for line in lines):
        return text
    return "\n".join(line for line in lines if line.startswith(_DIFF_LINE) or is_note(line))


def steps(shape: Shape) -> Callable[[str, Caps], tuple[str, str]]:
    """The text options of a shape as one function of (text, caps) that gives (text, note), within the caps."""
    links = _links(shape)

    def run(text: str, caps: Caps) -> tuple[str, str]:
        for link in links:
            shorter = link(text)
            text = shorter if len(shorter) <= len(text) else text
        if shape.keep_lines and (caps.over(text) or _too_many(text, shape.max_lines)):
            short, note = _most_important(text, shape, caps)
            if short:
                return short, note
        note = ""
        if shape.max_lines is not None:
            text, note = cap_lines(text, shape.max_lines, head=shape.head, handle=caps.handle)
        return caps.text(text) if caps.over(text) else (text, note)

    return run


def _links(shape: Shape) -> list[Callable[[str], str]]:
    """The options that take something away, in their order."""
    links: list[Callable[[str], str]] = []
    if shape.html is not None:
        from contextkit.shape.markup import converter  # noqa: PLC0415  (an optional package)

        links.append(converter(shape.html))
    if shape.columns:
        links.append(lambda text: csv_columns(text, tuple(shape.columns)))
    if shape.diff:
        links.append(changes_only)
    if shape.keep_lines:
        links.append(lambda text: keep_lines(text, shape.keep_lines, context=shape.context_lines))
    if shape.dedupe:
        links.append(dedupe_lines)
    if shape.elide_binary:
        from contextkit.shape.values import elide  # noqa: PLC0415  (with the option only)

        links.append(elide)
    return links


def _too_many(text: str, most: int | None) -> bool:
    return most is not None and text.count("\n") >= most


def _most_important(text: str, shape: Shape, caps: Caps) -> tuple[str, str]:
    """The kept lines that matter most, within every cap; ("", "") when no line matches or none fits."""
    room = caps.room(text)
    while room > 0:
        short, note = weighed(
            text,
            shape.keep_lines,
            context=shape.context_lines,
            max_chars=room,
            max_lines=shape.max_lines,
            head=shape.head,
            handle=caps.handle,
        )
        if shape.dedupe:
            short = dedupe_lines(short)  # lines that were apart may be neighbours now
        if not caps.over(short):
            return short, note
        room = min(room, len(short)) * 9 // 10
    return "", ""
