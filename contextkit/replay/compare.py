"""Several policies on one recorded session, beside what was really billed.

Law: one trace, one price list, one bill for all policies; what was billed is priced by the same list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contextkit.api.usage import price
from contextkit.replay.apart import apart
from contextkit.replay.bill import bill
from contextkit.replay.recall import recall, references
from contextkit.replay.trace import trace
from contextkit.transcripts import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from contextkit.replay.apart import Apart
    from contextkit.replay.bill import Bill
    from contextkit.replay.policies import Policy
    from contextkit.replay.recall import Recall, References
    from contextkit.replay.trace import Trace

__all__ = ["Outcome", "Report", "compare", "outcome", "traces"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one policy would have cost, and kept."""

    policy: Policy
    bill: Bill
    recall: Recall

    @property
    def recallable(self) -> float:
        """Of references into folded ranges, the share that the model can read: in the window, or in the archive."""
        return 1.0 if self.policy.archive else self.recall.share

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain JSON; `cost_usd` is None where the model's price is not known."""
        total = self.bill
        hour = self.policy.ttl == "1h"
        return {
            "name": self.policy.name,
            "read": round(total.read),
            "write_5m": 0 if hour else round(total.write),
            "write_1h": round(total.write) if hour else 0,
            "uncached": round(total.uncached),
            "output": total.output,
            "summary_tokens_in": round(total.summary_in),
            "summary_tokens_out": round(total.summary_out),
            "cost_usd": round(total.cost, 6) if total.known else None,
            "folds": total.folds,
            "breaks": total.breaks,
            "largest_prompt": round(total.largest),
            "recall_window": round(self.recall.share, 4),
            "recall_archive": round(self.recallable, 4),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """One session under several policies, and turns in it that do not need each other."""

    trace: Trace
    outcomes: tuple[Outcome, ...]
    independent: tuple[Apart, ...] = ()

    def billed(self) -> dict[str, Any]:
        """What was really billed, at the prices that the policies have."""
        used = self.trace.billed
        listed = price(self.trace.model)
        known = listed is not None and any(step.billed for step in self.trace.steps)
        return {
            "read": used.read,
            "write_5m": used.write_5m,
            "write_1h": used.write_1h,
            "uncached": used.input,
            "output": used.output,
            "cost_usd": round(listed.of(used), 6) if known and listed else None,
        }

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {
            "file": self.trace.file,
            "calls": len(self.trace.steps),
            "model": self.trace.model,
            "notes": list(self.trace.notes),
            "billed": self.billed(),
            "policies": [found.as_dict() for found in self.outcomes],
            "independent": [found.as_dict() for found in self.independent],
        }


def traces(path: str | Path, *, model: str = "") -> list[Trace]:
    """The conversations in a file; `model` prices them as another model's.

    Raises:
        FormatError: no reader knows the file.
    """
    return [made for session in read(path) if (made := trace(session, model=model)) is not None]


def compare(found: Trace, policies: Iterable[Policy]) -> Report:
    """Run every policy over a trace."""
    all_of = references(found)
    return Report(found, tuple(outcome(found, policy, all_of) for policy in policies), apart(found))


def outcome(found: Trace, policy: Policy, all_of: References) -> Outcome:
    """Run one policy over a trace whose references are known."""
    moves: Sequence[Any] = list(policy.moves(found))
    return Outcome(policy, bill(found, moves, policy.ttl), recall(found, all_of, moves))
