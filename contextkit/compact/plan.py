"""What to do about the history before a call: fold, wait, or leave it; a pure function of sizes, prices and time.

Law: a plan that would not get smaller is no plan. A plan carries its verdict and its figures; nothing here changes
the history, and work per call does not grow with it. Which entries a fold takes stands in plan_range.py, when
summaries are merged in plan_merge.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from contextkit.compact.plan_merge import Merge, Standing, merge, priced
from contextkit.compact.plan_range import Fold, Pace, fold, worth_waiting
from contextkit.compact.worth import Sizes, SummaryCall, Worth, rates, summary_call, worth
from contextkit.when import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.api.facts import Model, Ttl
    from contextkit.compact.policies import Compaction
    from contextkit.history.log import Log

__all__ = ["Clear", "Fold", "Merge", "Plan", "Since", "Situation", "Verdict", "decide", "fold", "merge"]

Verdict = Literal["fold", "defer", "refuse"]
"""fold: do it now. defer: not yet, ask again at the next call. refuse: it cannot or should not be done at all."""

_SHORT_FOLDS: Final = 2
"""Folds in a row that did not get below the budget, after which the breaker is open."""

_CLEARED: Final = 0.5
"""A clear goes before a fold that costs more now, if it frees this share of what the fold would."""

_HELD: Final = "holding the old turns has cost as much as folding them"

_CLOSES: Final = 0.25
"""Share of the budget that a fold has to free while the breaker is open."""


class Clear(NamedTuple):
    """Send handles in the place of the tool results of entries `first` up to, not including, `end`, without thinking.

    It frees about `tokens` tokens and needs no summary.
    """

    first: int
    end: int
    tokens: float


class Plan(NamedTuple):
    """What to do, and why.

    Attributes:
        verdict: fold, defer or refuse.
        reason: in words.
        fold: the range that would be folded; None where there is none.
        clear: the range that would be cleared instead; None where folding is worth more, or nobody could recall.
        merge: summaries to merge at the same time, with its own figures; only with a fold.
        worth: what the fold, or the clear, costs now and saves later; None where there is no range.
        waits: summaries that would be merged if that paid for itself in the calls that are still expected.
        forced: it is done for the ceiling or the window, whatever it costs.
    """

    verdict: Verdict
    reason: str
    fold: Fold | None = None
    merge: Merge | None = None
    worth: Worth | None = None
    forced: bool = False
    clear: Clear | None = None
    waits: Merge | None = None


class Since(NamedTuple):
    """What has happened since the last fold; kept by whoever asks for plans.

    Attributes:
        calls: calls since the last fold.
        paid: holding cost since the last fold: what these calls would have cost less after a fold.
        seen: calls in all.
        short: folds in a row that did not get below the budget.
        deferred: plans in all that were not carried out yet.
        refused: plans in all that were refused.
    """

    calls: int = 0
    paid: float = 0.0
    seen: int = 0
    short: int = 0
    deferred: int = 0
    refused: int = 0

    def called(self, plan: Plan | None = None) -> Since:
        """After a call; `plan` is the one that stood before it, unless it was carried out."""
        if plan is None:
            return Since(self.calls + 1, self.paid, self.seen + 1, self.short, self.deferred, self.refused)
        held = max(plan.worth.saving, 0.0) if plan.worth is not None else 0.0
        return Since(
            self.calls + 1,
            self.paid + held,
            self.seen + 1,
            self.short,
            self.deferred + (plan.verdict == "defer"),
            self.refused + (plan.verdict == "refuse"),
        )

    def corrected(self, by: float) -> Since:
        """The same, with so much more paid for holding: what the plans that stood meanwhile left out."""
        return self._replace(paid=max(self.paid + by, 0.0)) if by else self

    def folded(self, *, reached: bool) -> Since:
        """After a fold; `reached` says that the prompt is below the budget now."""
        return self._replace(calls=0, paid=0.0, short=0 if reached else self.short + 1)


class Situation(NamedTuple):
    """What is known before a call. Sizes are in tokens of the log's estimate, but for `total`, `ceiling` and `window`.

    Attributes:
        log: the history.
        start: index of the first raw entry.
        fixed: tools and system.
        summaries: all summaries with the pins of their ranges, without the list of identifiers.
        names: the list of identifiers that stands now; a fold makes it anew.
        listed: the list that a fold would make.
        levels: the level of each summary, oldest first.
        total: the next prompt, corrected by billing.
        new: what no request has held yet.
        ceiling: the budget.
        window: what the model can take at all.
        row: what is known of the model.
        model: its id.
        ttl: of its cache entries.
        summarizer: as in `worth.summary_call`.
        idle: seconds since the last call began; None before the first.
        expires: seconds of idleness after which the cache is cold.
        now: Unix seconds, for prices that changed; None for today's.
        clears: the model can recall what is cleared.
        cleared: the first entry that no clear has looked at.
        relief: what clears took out of the raw entries.
    """

    log: Log
    start: int
    fixed: float
    summaries: float
    levels: Sequence[int]
    total: float
    new: float
    ceiling: int
    window: int
    row: Model | None
    model: str
    ttl: Ttl
    summarizer: str
    idle: float | None = None
    expires: float = 300.0
    now: float | None = None
    names: float = 0.0
    listed: float = 0.0
    clears: bool = False
    cleared: int = 0
    relief: float = 0.0

    @property
    def warm(self) -> bool:
        """Whether the prefix should be in the cache."""
        return self.idle is not None and self.idle < self.expires


def decide(seen: Situation, policy: Compaction, since: Since) -> Plan:
    """The plan for the call that is about to be made."""
    raw = seen.fixed + _head(seen) + seen.summaries + seen.names + seen.log.tokens(seen.start) - seen.relief
    scale = seen.total / raw if raw > 0 < seen.total else 1.0
    forced = seen.total > seen.ceiling
    hard = seen.total > seen.window
    keep = policy.kept(seen.row) / scale
    found = fold(seen.log, seen.start, keep=keep, worth=0)
    if found is None:
        return Plan("refuse" if forced else "defer", "there is nothing that may be folded")
    sizes = _sizes(seen, found, scale, policy.summary_tokens)
    call = summary_call(sizes, seen.summarizer, model=seen.model, ttl=seen.ttl, warm=seen.warm, at=seen.now)
    value = worth(sizes, call, model=seen.model, ttl=seen.ttl, warm=seen.warm, at=seen.now)
    gain = sizes.total - sizes.after
    clear = _clear(seen, policy, found, scale)
    if clear is not None:
        cheap, freed = _cleared_worth(seen, clear, scale), clear.tokens * scale
        least = max(_CLEARED * gain, seen.total - seen.ceiling)
        if cheap.now <= value.now and freed >= least:
            value, gain = cheap, freed
        else:
            clear = None
    verdict, reason = _verdict(seen, policy, since, value, gain)
    if hard and gain > 0:
        verdict, reason = "fold", "the window would be passed"
    if reason is _HELD and clear is None and (calls := _wait(seen, policy, since, found, value, scale)):
        verdict, reason = "defer", f"in about {calls} calls a large entry of the kept tail can be folded as well"
    made = Plan(verdict, reason, found, None, value, forced and verdict == "fold", clear)
    return _merging(made, seen, policy, since, scale) if verdict == "fold" and clear is None else made


def _wait(seen: Situation, policy: Compaction, since: Since, found: Fold, value: Worth, scale: float) -> int:
    """For how many calls a fold that is due below the ceiling had better wait."""
    first, count = found.first, len(seen.log.entries) - found.first
    pace = Pace(
        keep=policy.kept(seen.row) / scale,
        growth=2 * seen.log.tokens(first) / max(count, 1),  # a call adds an answer and what came back for it
        scale=scale,
        saving=value.saving,
        waiting=max(policy.patience, 1.0),
        cycle=since.calls * value.now / since.paid if since.paid > 0 else 0.0,
    )
    return worth_waiting(seen.log, found, pace, rates(seen.model, seen.ttl, prompt=seen.total, at=seen.now))


def _merging(made: Plan, seen: Situation, policy: Compaction, since: Since, scale: float) -> Plan:
    """A fold with the merge that goes with it, or that waits."""
    found = merge(seen.levels, policy, cold=not seen.warm)
    if found is None:
        return made
    standing = Standing(_head(seen) * scale, seen.summaries * scale, len(seen.levels), seen.total)
    found = priced(
        found,
        standing,
        policy.summary_tokens,
        summarizer=seen.summarizer,
        model=seen.model,
        ttl=seen.ttl,
        warm=seen.warm,
        at=seen.now,
    )
    if found.worth is not None and found.worth.payback > policy.remaining(since.seen) and not found.full(policy):
        return made._replace(waits=found)
    return made._replace(merge=found)


def _clear(seen: Situation, policy: Compaction, found: Fold, scale: float) -> Clear | None:
    """All results that are old enough to be folded and not cleared yet, at once, where that frees enough."""
    first = max(seen.cleared, found.first)
    freed = seen.log.spare(first, found.end) if seen.clears else 0.0
    return Clear(first, found.end, freed) if freed * scale >= policy.gain(seen.row) else None


def _cleared_worth(seen: Situation, clear: Clear, scale: float) -> Worth:
    """No summary is written; what is left of the range is, since only what ends at a mark is surely cached."""
    kept = seen.log.tokens(seen.start) - seen.relief - clear.tokens
    front = seen.fixed + seen.summaries + seen.names + _head(seen)
    sizes = Sizes(front * scale, clear.tokens * scale, kept * scale, min(seen.new, kept) * scale, 0.0)
    return worth(sizes, SummaryCall("clear", 0.0), model=seen.model, ttl=seen.ttl, warm=seen.warm, at=seen.now)


def _verdict(seen: Situation, policy: Compaction, since: Since, value: Worth, gain: float) -> tuple[Verdict, str]:
    """What the rules say, in the order in which they bind."""
    forced = seen.total > seen.ceiling
    least = policy.gain(seen.row)
    if gain < least:
        return ("refuse" if forced else "defer"), f"it would free only {max(gain, 0):,.0f} tokens of at least {least:,}"
    if since.short >= _SHORT_FOLDS and gain < _CLOSES * seen.ceiling:
        return "refuse", f"the last {since.short} folds did not get below the budget of {seen.ceiling:,} tokens"
    if forced:
        return "fold", "the budget would be passed"
    return _held_back(seen, policy, since, value, gain) or _pays(seen, policy, since, value)


def _held_back(
    seen: Situation, policy: Compaction, since: Since, value: Worth, gain: float
) -> tuple[Verdict, str] | None:
    """Why a fold below the ceiling waits, whatever it is worth."""
    if since.calls < policy.cool_down and since.seen > since.calls:
        return "defer", f"the last fold was {since.calls} calls ago"
    if policy.when is not None and not policy.when(_view(seen, since, gain)):
        return "defer", f"{policy.when!r} does not hold"
    left = policy.remaining(since.seen)
    if value.payback > left:
        verdict: Verdict = "defer" if policy.expected_calls is None else "refuse"
        return verdict, f"it would pay for itself after {value.payback:,.0f} calls; {left:,.0f} are expected"
    return None


def _pays(seen: Situation, policy: Compaction, since: Since, value: Worth) -> tuple[Verdict, str]:
    """Rent or buy: fold when what was paid for holding reaches what folding costs."""
    if not seen.warm and value.now <= since.paid:
        return "fold", "the cache is cold: the history is written again anyway"
    if since.paid >= policy.patience * value.now:
        return "fold", _HELD
    return "defer", "holding the old turns has cost less than folding them"


def _head(seen: Situation) -> float:
    return seen.log.tokens(0, 1) if seen.levels else 0.0


def _sizes(seen: Situation, found: Fold, scale: float, summary: float) -> Sizes:
    """The prompt's parts in billed tokens. Before the first fold no mark stands behind the head: it is written too."""
    tail = seen.log.tokens(found.end)
    front = seen.fixed + seen.summaries + _head(seen)
    before = seen.log.tokens(seen.start, found.first)  # the head, where the raw entries begin with it
    return Sizes(
        front * scale,
        (found.tokens - seen.relief) * scale,
        (before + tail) * scale,
        min(seen.new, tail) * scale,
        summary,
        names=seen.names * scale,
        listed=seen.listed,
    )


def _view(seen: Situation, since: Since, gain: float) -> View:
    last = seen.log.entries[-1]
    return View(
        tokens=round(seen.total),
        ceiling=seen.ceiling,
        foldable=round(gain),
        calls=since.seen,
        since_fold=since.calls,
        idle=seen.idle or 0.0,
        cold=not seen.warm,
        turn_start=last.role == "user" and last.fresh,
    )
