"""What compaction's plans said: how often each verdict came, why it came last, and every fold with its figures.

Law: noting a verdict is a few dictionary operations; what waits is counted, only what was done is kept as a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["FoldRow", "Verdicts"]

_DONE = "fold"


class FoldRow(NamedTuple):
    """One fold that was made.

    Attributes:
        reason: in words.
        cost: how much more its call cost, the summary call included, as it was reckoned: USD, or None.
        saving: how much less every later call was to cost: USD, or None.
        at: Unix seconds; None where the time was not told.
    """

    reason: str
    cost: float | None
    saving: float | None
    at: float | None = None


@dataclass(slots=True)
class Verdicts:
    """The tally of a conversation's plans.

    Attributes:
        counts: how often each verdict came: fold, merge, defer, refuse.
        reasons: the last reason of each.
        folds: every fold that was made, oldest first.
    """

    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    folds: list[FoldRow] = field(default_factory=list)

    def note(
        self,
        verdict: str,
        reason: str,
        cost: float | None = None,
        saving: float | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Count a verdict; a fold is kept with its figures."""
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        self.reasons[verdict] = reason
        if verdict == _DONE:
            self.folds.append(FoldRow(reason, cost, saving, at))

    def as_dict(self) -> dict[str, Any]:
        """The tally as plain JSON."""
        return {
            "counts": dict(self.counts),
            "reasons": dict(self.reasons),
            "folds": [fold._asdict() for fold in self.folds],
        }
