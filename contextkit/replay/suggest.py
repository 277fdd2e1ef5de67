"""The cheapest settings for recorded sessions at a given recall.

Law: an exhaustive search over a small grid, the same every time; what it saves is said against what was billed and
against leaving the history as it is. USD and units are never added up: where a price is not known the sessions with
one count, and without any a share is said and no sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from contextkit.compact.worth import rates
from contextkit.replay.bill import bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.compare import Report, outcome
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
        cost: USD with it, or units of the base input price where no price is known.
        automatic: the same with automatic caching and no folds.
        recall: what it keeps.
        tried: settings that were tried.
        billed: USD of what was billed, at today's prices; None where a session has no bill.
        known: USD; False: units.
        left_out: sessions whose model has no known price.
    """

    policy: BreakEven | None
    cost: float
    automatic: float
    recall: Recall
    tried: int
    billed: float | None = None
    known: bool = True
    left_out: int = 0

    @property
    def saved(self) -> float:
        """Share of automatic caching's cost."""
        return 1 - self.cost / self.automatic if self.automatic else 0.0

    @property
    def saved_of_billed(self) -> float | None:
        """Share of what was billed; below 0 where that was less."""
        return 1 - self.cost / self.billed if self.billed else None

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON; a sum is None where no price is known."""
        of_billed = self.saved_of_billed
        return {
            "policy": self.policy.name + f",ttl={self.policy.ttl}" if self.policy else None,
            "cost_usd": round(self.cost, 6) if self.known else None,
            "automatic_usd": round(self.automatic, 6) if self.known else None,
            "saved": round(self.saved, 4),
            "saved_usd": round(self.automatic - self.cost, 6) if self.known else None,
            "billed_usd": round(self.billed, 6) if self.billed is not None else None,
            "saved_of_billed": round(of_billed, 4) if of_billed is not None else None,
            "recall_window": round(self.recall.share, 4),
            "tried": self.tried,
            "left_out": self.left_out,
        }


def suggest(found: Sequence[Trace], *, recall: float = 0.9, identifiers: int = 1_000) -> Suggestion:
    """Search budget, kept turns, patience and lifetime.

    Args:
        found: the sessions, all together.
        recall: the least share of references into folded ranges that has to stand in the window, 0 to 1.
        identifiers: tokens of the list beside the summaries.
    """
    counted = [one for one in found if rates(one.model, "5m", prompt=0).known]
    known, left_out = bool(counted), len(found) - len(counted) if counted else 0
    counted = counted or list(found)
    plain = sum(bill(one, Automatic().moves(one), "5m").cost for one in counted)
    grid = [
        BreakEven(budget=budget, keep=int(budget * share), patience=patience, ttl=ttl, identifiers=identifiers)
        for budget, share, patience, ttl in product(BUDGETS, SHARES, PATIENCES, TTLS)
    ]
    # Cheapest first without looking at recall, which is the slow part: the first that keeps enough is the answer.
    bare = [replace(policy, listing=False) for policy in grid]
    costs = [sum(bill(one, policy.moves(one), policy.ttl).cost for one in counted) for policy in bare]
    all_of = [references(one) for one in counted]
    whole = partial(Suggestion, tried=len(grid), billed=_billed(counted), known=known, left_out=left_out)
    for _, _, policy in sorted(zip(costs, range(len(grid)), grid, strict=True), key=lambda one: one[:2]):
        outcomes = [outcome(one, policy, names) for one, names in zip(counted, all_of, strict=True)]
        kept = sum((made.recall for made in outcomes), Recall())
        if kept.share >= recall:
            return whole(policy=policy, cost=sum(made.bill.cost for made in outcomes), automatic=plain, recall=kept)
    return whole(policy=None, cost=plain, automatic=plain, recall=Recall())


def _billed(found: Sequence[Trace]) -> float | None:
    """USD of what was billed for all sessions; None where one has no bill."""
    costs = [Report(one, ()).billed()["cost_usd"] for one in found]
    return None if None in costs else sum(costs)
