"""CK141: more than four marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.api.facts import MAX_MARKS
from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.marks import count, endless
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TooManyMarks"]


class TooManyMarks(SourceRule):
    """More than four marks.

    What it does:
        Reports requests with more than four `cache_control`, the one at the top of the request included, and loops
        that put one on every message and never take one away.

    Why is this bad:
        The API refuses the request.

    Example:
        for block in system:
            block["cache_control"] = {"type": "ephemeral"}

    Use instead:
        system[-1]["cache_control"] = {"type": "ephemeral"}
    """

    code = "CK141"
    name = "too-many-marks"
    severity = Severity.ERROR
    advice = "Mark the last tool, the last block of system, and the last two user messages at most."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a request, at its fifth mark; one a loop that marks without end."""
        for sent in program.sent:
            marks = count(sent)
            if len(marks) > MAX_MARKS:
                spot = marks[MAX_MARKS].spot
                least = "at least " if len({mark.spot for mark in marks}) < len(marks) else ""
                message = f"the request has {least}{len(marks)} marks; the API takes {MAX_MARKS}"
                flow = (spot.place("the fifth mark"), sent.spot.place("sent here"))
                yield cls.at(spot.path, spot.line, spot.column + 1, message, flow=flow)
            elif (endlessly := endless(sent, program.text)) is not None:
                spot = endlessly
                message = "every round of the loop adds a mark and none is taken away"
                flow = (spot.place("marked here"), sent.spot.place("sent here"))
                yield cls.at(spot.path, spot.line, spot.column + 1, message, flow=flow)
