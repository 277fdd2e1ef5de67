"""The cheapest settings for recorded sessions at a given recall.

Law: an exhaustive search over a small grid, the same every time; what it saves is said against what was billed and
against leaving the history as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from contextkit.replay.bill import bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.compare import outcome
from contextkit.replay.policies import Automatic
from contextkit.replay.recall import Recall, references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.api.facts import Ttl
    from contextkit.replay.trace import Trace

__all__ = ["Suggestion", "suggest"]

BUDGETS: Final = (40_000, 60_000, 100_000, 150_000)
SHARES: Final = (0.1, 0.2, 0.35)  # of the budget, for the newest turns
PATIENCES: Final = (1.0, 2.0, 4.0)
TTLS: Final[tuple[Ttl, ...]] = ("5m", "1h")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The settings that cost least, and what they cost over all sessions.

    Attributes:
        policy: the settings; None where nothing in the grid reaches the recall.
        cost: USD with it, or units of the base input price where the price is not known.
        automatic: the same with automatic caching and no folds.
        recall: what it keeps.
        tried: settings that were tried.
    """

    policy: BreakEven | None
    cost: float
    automatic: float
    recall: Recall
    tried: int

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "policy": self.policy.name + f",ttl={self.policy.ttl}" if self.policy else None,
            "cost_usd": round(self.cost, 6),
            "automatic_usd": round(self.automatic, 6),
            "saved": round(1 - self.cost / self.automatic, 4) if self.automatic else 0.0,
            "recall_window": round(self.recall.share, 4),
            "tried": self.tried,
        }


def suggest(found: Sequence[Trace], *, recall: float = 0.9, identifiers: int = 1_000) -> Suggestion:
    """Search budget, kept turns, patience and lifetime.

    Args:
        found: the sessions, all together.
        recall: the least share of references into folded ranges that has to stand in the window, 0 to 1.
        identifiers: tokens of the list beside the summaries.
    """
    plain = sum(bill(one, Automatic().moves(one), "5m").cost for one in found)
    grid = [
        BreakEven(budget=budget, keep=int(budget * share), patience=patience, ttl=ttl, identifiers=identifiers)
        for budget, share, patience, ttl in product(BUDGETS, SHARES, PATIENCES, TTLS)
    ]
    # Cheapest first without looking at recall, which is the slow part: the first that keeps enough is the answer.
    bare = [replace(policy, listing=False) for policy in grid]
    costs = [sum(bill(one, policy.moves(one), policy.ttl).cost for one in found) for policy in bare]
    all_of = [references(one) for one in found]
    for _, _, policy in sorted(zip(costs, range(len(grid)), grid, strict=True), key=lambda one: one[:2]):
        outcomes = [outcome(one, policy, known) for one, known in zip(found, all_of, strict=True)]
        kept = sum((made.recall for made in outcomes), Recall())
        if kept.share >= recall:
            return Suggestion(policy, sum(made.bill.cost for made in outcomes), plain, kept, len(grid))
    return Suggestion(None, plain, plain, Recall(), len(grid))
