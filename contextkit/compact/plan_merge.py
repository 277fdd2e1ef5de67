"""When summaries are merged one level up, and what that costs and saves.

Law: the lowest full level is merged whole, together with a fold, since what follows it is written again then. A
merge that would not pay for itself in the calls that are still expected waits, until the level is full twice over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contextkit.compact.worth import Sizes, Worth, rates, summary_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.api.facts import Ttl
    from contextkit.compact.policies import Compaction

__all__ = ["Merge", "Standing", "merge", "priced"]


class Merge(NamedTuple):
    """Put one summary of `level` in the place of the summaries `first` up to, not including, `end`.

    `worth` says what that costs at this call, beside the fold, and saves at every later one; None: not priced.
    """

    first: int
    end: int
    level: int
    worth: Worth | None = None

    @property
    def reason(self) -> str:
        """In words, for the ledger."""
        told = f"{self.end - self.first} summaries make one of level {self.level}"
        return told if self.worth is None else f"{told}, which pays for itself after {self.worth.payback:,.0f} calls"

    def full(self, policy: Compaction) -> bool:
        """Whether the level holds twice its fan-out: then the merge is made whatever it costs."""
        return self.end - self.first >= 2 * policy.fan_out


def merge(levels: Sequence[int], policy: Compaction, *, cold: bool) -> Merge | None:
    """The summaries that a new one at level 1 pushes one level up.

    The lowest level that is full is merged whole: what follows it is written again with the fold anyway. A cold
    cache makes room one summary earlier, since then the merge costs its own call only.
    """
    full = policy.fan_out - cold
    for level in range(1, policy.levels + 1):
        held = [at for at, found in enumerate(levels) if found == level]
        if len(held) >= max(full, 2):
            return Merge(held[0], held[-1] + 1, min(level + 1, policy.levels))
    return None


class Standing(NamedTuple):
    """What stands in the window before a merge, in tokens.

    Attributes:
        head: the first message and whatever else stands between the fixed part and the summaries.
        summaries: all of them.
        many: how many these are.
        total: the prompt.
    """

    head: float
    summaries: float
    many: int
    total: float


def priced(
    wanted: Merge,
    seen: Standing,
    summary: float,
    *,
    summarizer: str,
    model: str,
    ttl: Ttl,
    warm: bool,
    at: float | None,
) -> Merge:
    """A merge with what it is worth, given that a fold is made at the same call.

    Warm, head and summaries are written where the fold alone would have read them: the entries before them were
    last renewed when a summary was the newest. Cold, they are written in either case, less by what the merge saves.

    Args:
        wanted: the merge.
        seen: what stands now.
        summary: tokens of the new summary, at most.
        summarizer: as in `worth.summary_call`.
        model: the conversation's own.
        ttl: of its cache entries.
        warm: whether its prefix is in the cache.
        at: Unix seconds, for prices that changed.
    """
    merged = seen.summaries * (wanted.end - wanted.first) / max(seen.many, 1)
    new = min(summary, merged)
    call = summary_call(Sizes(0.0, merged, 0.0, 0.0, new), summarizer, model=model, ttl=ttl, warm=warm, at=at)
    price = rates(model, ttl, prompt=seen.total, at=at)
    stay = (seen.head + seen.summaries) * (price.read if warm else price.write)
    joined = (seen.head + seen.summaries - merged + new) * price.write
    return wanted._replace(worth=Worth(call.cost + joined - stay, (merged - new) * price.read, call))
