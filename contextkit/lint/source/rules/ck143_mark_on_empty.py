"""CK143: a mark on a text that is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.marks import marked
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MarkOnEmpty"]


class MarkOnEmpty(SourceRule):
    """A mark on a text that is empty.

    What it does:
        Reports `cache_control` on a text block whose text is the empty string, or may be it by its default.

    Why is this bad:
        The API refuses the request: cache_control cannot be set for empty text blocks.

    Example:
        {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}

    Use instead:
        blocks = [{"type": "text", "text": notes, "cache_control": {"type": "ephemeral"}}] if notes else []
    """

    code = "CK143"
    name = "mark-on-empty-text"
    severity = Severity.ERROR
    advice = "Leave the block out when its text is empty, or mark the block before it."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a mark."""
        for sent in program.sent:
            for block, mark in marked(sent):
                if block.empty:
                    sure = block.text is not None
                    message = f"a mark on a text that {'is' if sure else 'may be'} empty"
                    severity = cls.severity if sure else Severity.WARNING
                    spot = mark.spot
                    flow = (sent.spot.place("sent here"),)
                    yield cls.at(spot.path, spot.line, spot.column + 1, message, flow=flow, severity=severity)
