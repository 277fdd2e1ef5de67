"""CK308: a text in tools or system that looks as if it changed from request to request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.requests.memory import Spot
from contextkit.lint.requests.texts import excerpt, head_texts
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["VolatileText"]

_LOOKS: Final = (
    ("a time", re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\b[0-2]?\d:[0-5]\d:[0-5]\d\b")),
    (
        "today's date",
        re.compile(
            r"\b(?:today|now|current (?:date|time|day)|date|as of)\b[^\n]{0,20}?"
            r"(?:\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}"
            r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}|\d{1,2}\.? (?:jan|feb|mar|apr"
            r"|may|jun|jul|aug|sep|oct|nov|dec))",
            re.IGNORECASE,
        ),
    ),
    ("a uuid", re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")),
    ("a number of seconds since 1970", re.compile(r"\b1[6-9]\d{8}(?:\.\d+|\d{3})?\b")),
    ("a temporary path", re.compile(r"/tmp/[\w.-]{4,}|/var/folders/\w{2}/|\\Temp\\\w")),  # noqa: S108  (a pattern)
    (
        "an id of a request or session",
        re.compile(r"\b(?:request|session|trace|run|correlation)[ _-]?id\b\W{1,4}[\w-]{6,}", re.IGNORECASE),
    ),
)
_TEXT: Final = 200_000
_HINTS: Final = 20


class VolatileText(BodyRule):
    """A text in tools or system that looks as if it changed from request to request.

    What it does:
        Finds dates, times, uuids, seconds since 1970, temporary paths and ids of requests or sessions in tools and
        system prompt. It is a hint, given only where the file holds a single request with that prefix: where several
        have it, it has not changed, and where it did change the change itself is reported.

    Why is this bad:
        A value that changes stands before everything else and loses the whole cache each time.

    Example:
        {"system": "You are helpful. Current time: 2026-11-22T12:01:07Z"}

    Use instead:
        {"system": "You are helpful.", "messages": ["What is due? (It is 2026-11-22T12:01:07Z.)"]}
    """

    code = "CK308"
    name = "volatile-text"
    severity = Severity.INFO
    advice = "If the value changes between requests, move it to the end of the newest user message."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Note what looks volatile in a head that was not seen before."""
        if seen.ticket is not None:
            head = memory.head(seen.ticket.now)
            if head.requests == 1 and not seen.breaks and seen.first:
                record = seen.record.bare()
                for place, text in head_texts(seen.record.body):
                    head.hints += [
                        Spot(record, seen.record.pointer(place), f"{what} in the prefix: {excerpt(text, at)!r}")
                        for what, at in _found(text[:_TEXT])
                    ]
                del head.hints[_HINTS:]
        yield from ()

    @classmethod
    def end(cls, memory: Memory) -> Iterator[Finding]:
        """The hints of heads that only one request had."""
        if memory.requests > 1 and len(memory.heads) > 1:
            return  # several heads: where they differ is reported as what it is
        for head in memory.heads.values():
            if head.requests == 1:
                for spot in head.hints:
                    yield cls.at(
                        memory.path,
                        spot.record.line,
                        1,
                        spot.said,
                        request=spot.record.number,
                        pointer=spot.place,
                    )


def _found(text: str) -> Iterator[tuple[str, int]]:
    """The first of each kind that the text holds; what an earlier kind covers is not named again."""
    covered = -1
    for what, look in _LOOKS:
        found = look.search(text)
        if found and not found.start() <= covered < found.end():
            covered = found.start()
            yield what, found.start()
