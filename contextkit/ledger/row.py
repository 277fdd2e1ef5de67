"""One call as a row, and sums over rows.

Law: tokens are what was billed; a cost says which price made it; an unknown price is None, never 0. A row never
changes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.api.usage import Price, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.api.request import Purpose

__all__ = ["NOT_TOLD", "Row", "Totals", "sums"]

NOT_TOLD: Final = "usage not told"
"""The note of a call whose answer did not say what was billed: its tokens and its cost are not known."""


class Row(NamedTuple):
    """One call.

    Attributes:
        at: Unix seconds when it was asked.
        step: the named place in the user's program, "outer/inner" where steps nest; "" for none.
        purpose: turn, summary, warm, route or side.
        model: the model that answered.
        usage: billed tokens by class.
        price: the price used, USD a token; None when the model's is not known, or the answer told no usage.
        estimate: prompt tokens that were expected.
        stop_reason: as the API gave it.
        message_id: as the API gave it.
        note: what else the row should say: a fold, a failure, a stream that broke off.
        conversation: whose call it was; "" where that was not told.
    """

    at: float
    step: str
    purpose: Purpose
    model: str
    usage: Usage
    price: Price | None
    estimate: int = 0
    stop_reason: str = ""
    message_id: str = ""
    note: str = ""
    conversation: str = ""

    @property
    def cost(self) -> float | None:
        """USD; None when the price is not known, or what it is to be multiplied with."""
        return self.price.of(self.usage) if self.price else None

    @property
    def uncached(self) -> float | None:
        """USD the same call would have cost if no prompt cache existed: every prompt token at the base price."""
        return self.price.of(Usage(input=self.usage.prompt, output=self.usage.output)) if self.price else None

    def as_dict(self) -> dict[str, Any]:
        """The row as plain JSON, with its costs."""
        return (
            self._asdict()
            | {"usage": asdict(self.usage), "price": asdict(self.price) if self.price else None}
            | {"cost": self.cost, "uncached": self.uncached}
        )

    def record(self) -> dict[str, Any]:
        """The row as one flat dict of numbers and texts, for a data frame or a CSV file: tokens, USD, Unix seconds."""
        usage = self.usage
        return {
            "at": self.at,
            "time": _iso(self.at),
            "step": self.step,
            "purpose": self.purpose,
            "model": self.model,
            "conversation": self.conversation,
            "input": usage.input,
            "read": usage.read,
            "write_5m": usage.write_5m,
            "write_1h": usage.write_1h,
            "output": usage.output,
            "prompt": usage.prompt,
            "cost": self.cost,
            "uncached": self.uncached,
            "estimate": self.estimate,
            "stop_reason": self.stop_reason,
            "message_id": self.message_id,
            "note": self.note,
        }


def _iso(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):  # beyond what a calendar holds: the number itself stands beside it
        return ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over rows.

    Attributes:
        calls: how many rows.
        usage: tokens by class.
        cost: USD of the rows whose price is known; None when none is.
        uncached: the same without a cache.
        unpriced: rows whose price, or whose usage, is not known.
    """

    calls: int
    usage: Usage
    cost: float | None
    uncached: float | None
    unpriced: int = 0

    @property
    def hit_rate(self) -> float:
        """Share of all prompt tokens that were read from the cache."""
        return self.usage.read / self.usage.prompt if self.usage.prompt else 0.0

    @property
    def saved(self) -> float | None:
        """USD that the prompt cache saved; below 0 where more was written than was read again."""
        return None if self.cost is None or self.uncached is None else self.uncached - self.cost

    def as_dict(self) -> dict[str, Any]:
        """The sums as plain JSON."""
        return asdict(self) | {"hit_rate": self.hit_rate, "saved": self.saved}


def sums(rows: Iterable[Row]) -> Totals:
    """Sums over rows, in one pass."""
    parts = [0] * 5
    calls, unpriced, cost, uncached = 0, 0, 0.0, 0.0
    for row in rows:
        usage, price = row.usage, row.price
        calls += 1
        parts[0] += usage.input
        parts[1] += usage.read
        parts[2] += usage.write_5m
        parts[3] += usage.write_1h
        parts[4] += usage.output
        if price is None:
            unpriced += 1
        else:
            cost += price.of(usage)
            uncached += usage.prompt * price.input + usage.output * price.output
    known = calls > unpriced
    return Totals(calls, Usage(*parts), cost if known else None, uncached if known else None, unpriced)
