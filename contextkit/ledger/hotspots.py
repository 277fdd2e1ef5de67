"""Where the money goes: the steps that take most of the cost, how fast their prompts grow, and what is sent again.

Law: figures of billed rows only. What a call sends again is what its conversation's last call of the same model had
sent already; rows that name no conversation are taken as one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from contextkit.errors import ConfigError
from contextkit.ledger.row import Row, Totals, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HotSpot", "hot_spots"]


@dataclass(frozen=True, slots=True)
class HotSpot:
    """One step.

    Attributes:
        step: its path; "" for calls outside of every step.
        totals: its sums.
        share: of the whole cost (0 to 1); of all prompt tokens where no price is known.
        so_far: of the whole, together with the dearer steps.
        growth: prompt tokens by which a call is longer than the conversation's call before it, on average; calls
            after which it shrank (a fold) are left out.
        reread: share of the step's prompt tokens that the conversation's call before had sent already.
    """

    step: str
    totals: Totals
    share: float
    so_far: float
    growth: float
    reread: float

    def as_dict(self) -> dict[str, Any]:
        """The step as plain JSON."""
        return asdict(self) | {"totals": self.totals.as_dict()}


def hot_spots(rows: Sequence[Row], share: float = 0.8, *, depth: int | None = None) -> list[HotSpot]:
    """The dearest steps, until they take `share` of the cost.

    Args:
        rows: of a ledger.
        share: above 0 and up to 1; 1 gives every step.
        depth: as in `Ledger.by`.

    Raises:
        ConfigError: the share is not one.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"share is {share!r}", where="hot_spots()", fix="Give a share: above 0 and up to 1.")
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(row.step if depth is None else "/".join(row.step.split("/")[:depth]), []).append(at)
    before = _before(rows)
    totals = {name: sums(rows[at] for at in places) for name, places in groups.items()}
    priced = any(found.cost for found in totals.values())
    weights = {name: (found.cost or 0.0) if priced else float(found.usage.prompt) for name, found in totals.items()}
    whole, so_far, spots = sum(weights.values()), 0.0, list[HotSpot]()
    for name in sorted(groups, key=lambda each: -weights[each]):
        part = weights[name] / whole if whole else 0.0
        so_far += part
        growth, reread = _history(rows, groups[name], before)
        spots.append(HotSpot(name, totals[name], part, min(so_far, 1.0), growth, reread))
        if so_far >= share - 1e-9 and share < 1:
            break
    return spots


def _before(rows: Sequence[Row]) -> list[int | None]:
    """For each row the prompt of the call before it: same conversation, same model, a turn as well."""
    last: dict[tuple[str, str], int] = {}
    found: list[int | None] = []
    for row in rows:
        key = row.conversation, row.model
        found.append(last.get(key) if row.purpose == "turn" else None)
        if row.purpose == "turn":
            last[key] = row.usage.prompt
    return found


def _history(rows: Sequence[Row], places: Sequence[int], before: Sequence[int | None]) -> tuple[float, float]:
    """Mean growth of a call in tokens, and the share that was sent before."""
    grown, again, prompt = list[int](), 0, 0
    for at in places:
        size, old = rows[at].usage.prompt, before[at]
        prompt += size
        if old is None:
            continue
        again += min(size, old)
        if size >= old:
            grown.append(size - old)
    return sum(grown) / len(grown) if grown else 0.0, again / prompt if prompt else 0.0
