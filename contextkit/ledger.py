"""The ledger: one row a call, whatever the call was for.

Law: tokens are what was billed; a cost says which price made it; an unknown price is None, never 0. Rows are only
appended, and appending never raises.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from contextkit.api import usage as prices
from contextkit.api.usage import Price, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.request import Purpose

__all__ = ["Ledger", "Row", "Totals"]


class Row(NamedTuple):
    """One call.

    Attributes:
        at: Unix seconds when it was asked.
        step: the named place in the user's program; "" for none.
        purpose: turn, summary, warm, route or side.
        model: the model that answered.
        usage: billed tokens by class.
        price: the price used, USD a token; None when the model's is not known.
        estimate: prompt tokens that were expected.
        stop_reason: as the API gave it.
        message_id: as the API gave it.
        note: what else the row should say: a fold, a failure, a stream that broke off.
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

    @property
    def cost(self) -> float | None:
        """USD; None when the price is not known."""
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


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over rows.

    Attributes:
        calls: how many rows.
        usage: tokens by class.
        cost: USD of the rows whose price is known; None when none is.
        uncached: the same without a cache.
        unpriced: rows whose price is not known.
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


@dataclass(slots=True)
class Ledger:
    """All calls of a conversation, oldest first."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        *,
        at: float,
        purpose: Purpose,
        model: str,
        usage: Usage,
        step: str = "",
        speed: str | None = None,
        geo: str | None = None,
        batch: bool = False,
        **said: Any,
    ) -> Row:
        """Append a call; `said` are further fields of `Row`."""
        price = prices.price(model, prompt=usage.prompt, at=at, speed=speed, geo=geo, batch=batch)
        row = Row(at, step, purpose, model, usage, price, **said)
        self.rows.append(row)
        return row

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def totals(self, purpose: Purpose | None = None) -> Totals:
        """Sums over all rows, or over those of one purpose."""
        rows = [row for row in self.rows if purpose is None or row.purpose == purpose]
        costs = [row.cost for row in rows if row.cost is not None]
        uncached = [row.uncached for row in rows if row.uncached is not None]
        return Totals(
            len(rows),
            sum((row.usage for row in rows), Usage()),
            sum(costs) if costs else None,
            sum(uncached) if uncached else None,
            len(rows) - len(costs),
        )
