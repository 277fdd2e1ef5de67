"""CK125: a result cut to what is left of a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.history import trims
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BudgetTrim"]


class BudgetTrim(SourceRule):
    """A result cut to what is left of a budget.

    What it does:
        Reports text that is cut to what is left of a budget, where the remainder depends on the other messages, and
        that is sent as part of the history.

    Why is this bad:
        The remainder is another at every turn, so the same old result is cut at another place each time.

    Example:
        room = BUDGET - sum(len(m["content"]) for m in messages)
        messages.append({"role": "user", "content": output[:room]})

    Use instead:
        messages.append({"role": "user", "content": output[:4_000]})
    """

    code = "CK125"
    name = "budget-trimmed-result"
    severity = Severity.WARNING
    advice = "Cut every result to the same length, once, before it is first sent."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a cut."""
        for taint, sent in trims(program):
            yield cls.on(
                taint, f"`{taint.what}` is cut to what is left of a budget, which every turn changes",
                [sent.spot.place("sent here")],
            )  # fmt: skip
