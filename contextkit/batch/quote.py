"""What the items cost before they are sent: arithmetic on estimated tokens and dated prices.

Law: deciding only. Tokens are estimates, answers are reckoned at a stated length, and the share of items that read
the prefix is stated too: the API promises none for batches (30 to 98 % were seen, batch-processing page).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.api.usage import Price, price
from contextkit.batch.values import Quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.batch.prefix import Prefix

__all__ = ["STEPS", "quote"]

STEPS: Final = (100_000, 200_000)
"""Prompt sizes above which some model's whole request costs more (api/usage.py)."""

_WORST: Final = 0.3

Bulk = tuple[int, int, int]
"""How many items, their tokens without the prefix, the tokens of their answers."""


def quote(
    prefix: Prefix, bulks: Sequence[Bulk], *, chunks: int, size: int, hits: float, at: float, warm: bool
) -> Quote:
    """The cost of items.

    Args:
        prefix: what they share.
        bulks: the items by price step of their prompts, one more than `STEPS`.
        chunks: batches they are split into.
        size: bytes of them all.
        hits: share that reads the prefix, 0 to 1.
        at: Unix seconds, for prices that change.
        warm: the prefix is written once, before.
    """
    requests = sum(bulk[0] for bulk in bulks)
    geo = prefix.body.get("inference_geo")
    rows = [
        (bulk, price(prefix.model, prompt=([1, *STEPS][step]) + (step > 0), at=at, batch=True, geo=geo))
        for step, bulk in enumerate(bulks)
        if bulk[0]
    ]
    known = [(bulk, found) for bulk, found in rows if found is not None]
    whole = len(known) == len(rows)
    first = _writes(known[0][1], prefix) * prefix.tokens * 2 if known and warm and requests > 1 else 0.0

    def cost(share: float) -> float | None:
        return sum(_cost(bulk, found, prefix, share) for bulk, found in known) if whole else None

    usd, worst, bare = cost(hits), cost(min(_WORST, hits)), cost(-1.0)
    return Quote(
        requests=requests,
        chunks=chunks,
        bytes=size,
        model=prefix.model,
        prefix=prefix.tokens,
        prompt=sum(bulk[1] for bulk in bulks) + requests * prefix.tokens,
        output=sum(bulk[2] for bulk in bulks),
        usd=None if usd is None else usd + first,
        usd_without_batch=None if usd is None else usd * 2 + first,
        usd_without_prefix=bare,
        usd_worst=None if worst is None else worst + first,
        hits=hits if prefix.shared else 0.0,
        pays_from=_turns(known[0][1], prefix) if known and prefix.shared else None,
    )


def _cost(bulk: Bulk, found: Price, prefix: Prefix, hits: float) -> float:
    """USD of items of one price step; `hits` below 0 for no mark."""
    count, tokens, output = bulk
    shared = prefix.tokens * count
    if not prefix.shared or hits < 0:
        return (tokens + shared) * found.input + output * found.output
    head = shared * (hits * found.read + (1 - hits) * _writes(found, prefix))
    return head + tokens * found.input + output * found.output


def _writes(found: Price, prefix: Prefix) -> float:
    return found.write_5m if prefix.ttl == "5m" else found.write_1h


def _turns(found: Price, prefix: Prefix) -> float:
    """The share of hits at which reading and writing cost as much as neither."""
    write = _writes(found, prefix)
    return (write - found.input) / (write - found.read)
