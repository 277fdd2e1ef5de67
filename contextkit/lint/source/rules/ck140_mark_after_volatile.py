"""CK140: a mark after something that changes at every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.marks import volatile_before
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MarkAfterVolatile"]


class MarkAfterVolatile(SourceRule):
    """A mark after something that changes at every call.

    What it does:
        Reports `cache_control` on a block that changes with every call, or that stands after one, where the changing
        value is made elsewhere in the source than the mark.

    Why is this bad:
        Each call writes an entry that no later call can read: 25 % dearer than no mark at all.

    Example:
        system = [
            {"type": "text", "text": f"It is {datetime.now()}."},
            {"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}},
        ]

    Use instead:
        system = [
            {"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": f"It is {datetime.now()}."},
        ]
    """

    code = "CK140"
    name = "mark-after-volatile"
    severity = Severity.WARNING
    advice = "Put the mark before the part that changes, or that part after the mark."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a mark."""
        for sent in program.sent:
            for mark, taint in volatile_before(sent):
                if (mark.spot.path, mark.spot.line) == (taint.spot.path, taint.spot.line):
                    continue
                spot = mark.spot
                yield cls.at(
                    spot.path, spot.line, spot.column + 1,
                    f"this mark stands after `{taint.what}`, which changes at every call: what it writes is never read",
                    flow=(taint.spot.place("made here"), sent.spot.place("sent here")),
                )  # fmt: skip
