"""Which lifetime pays: five minutes, an hour, or five minutes kept alive, by the gaps between calls seen so far.

Law: arithmetic on prices and gaps, nothing else. The expectation is what each choice would have cost a call if the
coming gaps are like those that were; it says so, and shows the share of long gaps at which the choice turns.

Source: prompt-caching and pricing pages (5m write 1.25x, 1h write 2x, read per model; a read renews for free; a
request with `max_tokens: 0` is a keep-alive at read price).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Final, Literal

from contextkit.api.facts import TTL_SECONDS, Ttl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.api.usage import Price

__all__ = ["SHORT", "Advice", "Choice", "advise"]

Choice = Literal["5m", "1h", "keep-alive"]

SHORT: Final = 240.0
"""Gaps under this many seconds make no difference: the entry is alive with either lifetime, generation included."""

_PING_EVERY: Final = 270.0
"""Seconds between keep-alives: a tenth of the lifetime is left for the call to arrive."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Expected USD of one call's prompt under each choice.

    Attributes:
        choice: the cheapest.
        usd_5m: with five-minute writes.
        usd_1h: with one-hour writes.
        usd_keep_alive: with five-minute writes and a keep-alive in every gap that needs one.
        long_share: share of the gaps seen that are longer than five minutes.
        turns_at: share of gaps between five minutes and an hour from which on an hour is cheaper than five minutes.
        gaps: how many gaps the expectation rests on.
    """

    choice: Choice
    usd_5m: float
    usd_1h: float
    usd_keep_alive: float
    long_share: float
    turns_at: float
    gaps: int

    @property
    def ttl(self) -> Ttl:
        """The lifetime that marks ask for under this choice."""
        return "1h" if self.choice == "1h" else "5m"


def advise(gaps: Sequence[float], *, prefix: float, growth: float, price: Price) -> Advice:
    """The cheapest choice for a conversation.

    Args:
        gaps: seconds between the starts of consecutive calls, as seen so far; empty counts as one short gap.
        prefix: tokens that a call finds in the cache.
        growth: tokens that a call adds.
        price: the model's price.
    """
    seen = gaps or (0.0,)
    short = prefix * price.read + growth * price.write_5m
    five = sum(short if gap < TTL_SECONDS["5m"] else (prefix + growth) * price.write_5m for gap in seen)
    hour_hit = prefix * price.read + growth * price.write_1h
    hour = sum(hour_hit if gap < TTL_SECONDS["1h"] else (prefix + growth) * price.write_1h for gap in seen)
    alive = sum(short + floor(gap / _PING_EVERY) * prefix * price.read for gap in seen)
    costs: dict[Choice, float] = {"5m": five, "1h": hour, "keep-alive": alive}
    extra = growth * (price.write_1h - price.write_5m)
    lost = (prefix + growth) * price.write_5m - short
    return Advice(
        min(costs, key=lambda name: (costs[name], name != "5m")),
        five / len(seen),
        hour / len(seen),
        alive / len(seen),
        sum(gap >= TTL_SECONDS["5m"] for gap in seen) / len(seen),
        min(1.0, extra / lost) if lost > 0 else 1.0,
        len(gaps),
    )
