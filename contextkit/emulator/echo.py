"""The script that plays when none is given: it answers every request with that request's own bill.

Law: it sees what any script sees, the body and the clock, and bills a cache of its own by the same rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.cache.simulator import PromptCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.cache.prefix import CountsFor
    from contextkit.emulator.clock import Ticking

__all__ = ["echo"]


def echo(counts: CountsFor, clock: Ticking) -> Callable[[dict[str, Any]], str]:
    """A script function that tells what the request costs.

    Args:
        counts: makes the token counts.
        clock: the emulator's clock.
    """
    cache = PromptCache(counts)

    def answer(body: dict[str, Any]) -> str:
        bill = cache.bill(body, clock.now)
        total = bill.read + bill.write_5m + bill.write_1h + bill.uncached
        why = f" Not more was read because: {bill.miss}." if bill.miss else ""
        return (
            f"This prompt has {total:,} tokens (estimated): {bill.read:,} read from the cache,"
            f" {bill.write_5m:,} written for 5 minutes, {bill.write_1h:,} for an hour, {bill.uncached:,} uncached.{why}"
        )

    return answer
