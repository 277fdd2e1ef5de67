"""CK144: a prefix too short to be cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.marks import below_minimum
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BelowMinimum"]


class BelowMinimum(SourceRule):
    """A prefix too short to be cached.

    What it does:
        Counts a marked prefix that is all literal and reports it when it is below the model's minimum. The count is
        an estimate, with a margin of a quarter, so that what is reported is below for certain. A text
        of a few words, as samples and tests have, is only worth a look (info).

    Why is this bad:
        A shorter prefix is neither written nor read, without an error: the mark does nothing.

    Example:
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]

    Use instead:
        system=[{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]
    """

    code = "CK144"
    name = "prefix-below-minimum"
    severity = Severity.WARNING
    advice = "Mark a longer prefix (more instructions, the tools, the conversation), or leave the mark out."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a request, at its last mark."""
        for sent in program.sent:
            short = below_minimum(sent)
            if short is not None:
                mark, tokens, least = short
                spot = mark.spot
                message = f"about {tokens} tokens before this mark; this model caches from {least} on"
                weight = Severity.INFO if tokens < _STAND_IN else cls.severity
                yield cls.at(
                    spot.path,
                    spot.line,
                    spot.column + 1,
                    message,
                    severity=weight,
                    flow=(sent.spot.place("sent here"),),
                )


_STAND_IN: Final = 16
"""A text of a few words ("You help.") stands in for another, in a sample or a test."""
