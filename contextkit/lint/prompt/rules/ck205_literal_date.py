"""CK205: a date or a time is written into a prompt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.lint.prompt.cues import cue_of
from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["LiteralDate"]

_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_TIME: Final = (
    r"(?:[T ,]{1,2}(?:at )?\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?(?:Z\b|UTC|[AaPp][Mm]|[+-]\d{2}:?\d{2}))?)"
)
_DATE: Final = re.compile(
    rf"(?<![\w./:-])(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{4}}/\d{{2}}/\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th)? {_MONTH},? \d{{4}})"
    rf"(?P<time>{_TIME})?(?![\w/-])"
)
_CLOCK: Final = re.compile(r"(?<![\w./:-])\d{1,2}:\d{2}(?::\d{2})?(?: ?(?:Z|UTC|[AaPp][Mm]))?(?![\w/:-])")
_EPOCH: Final = re.compile(r"(?<![\w.])1[5-9]\d{8}(?:\d{3}|\.\d{1,6})?(?![\w.])")


class LiteralDate(PromptRule):
    """A date or a time that looks like "now" is written into the stable part of a prompt.

    What it does:
        Reports dates and times: as a warning beside words such as "today", "current", "as of", and where a time of
        day is given; as an info where nothing is said. Dates of facts ("released", "cutoff", "since"), samples
        ("for example", fenced code) are left alone.

    Why is this bad:
        A prompt that says what day it is, is wrong tomorrow or written anew every day; then everything behind it is
        written to the cache again.

    Example:
        Today is Monday, 2026-03-02.

    Use instead:
        The date stands in the latest message of the user.
    """

    code = "CK205"
    name = "literal-date"
    severity = Severity.WARNING
    advice = "Put the date into the newest user message; a date that is a fact may stay."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every date of this moment in the stable part."""
        spans = [(found.start(), found.end(), bool(found["time"])) for found in _DATE.finditer(prompt.text)]
        taken = {position for start, end, _ in spans for position in range(start, end)}
        for start, end, timed in spans:
            cue = cue_of(prompt, start, end)
            if prompt.is_stable(start) and cue in {"now", "none"}:
                yield cls._found(prompt, start, end, sure=timed or cue == "now")
        for shape in (_CLOCK, _EPOCH):
            for found in shape.finditer(prompt.text):
                start, end = found.span()
                if start not in taken and prompt.is_stable(start) and cue_of(prompt, start, end) == "now":
                    yield cls._found(prompt, start, end, sure=True)

    @classmethod
    def _found(cls, prompt: Prompt, start: int, end: int, *, sure: bool) -> Finding:
        shown = prompt.text[start:end]
        if sure:
            return cls.between(
                prompt, start, end, f"{shown!r} in the stable part of the prompt is a moment that passes"
            )
        message = f"{shown!r} in the stable part of the prompt: does it change?"
        return cls.between(prompt, start, end, message, severity=Severity.INFO)
