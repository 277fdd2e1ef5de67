"""The cheapest schedule of folds with hindsight: a dynamic programme over a recorded session.

The law: the optimum obeys the same rules as contextkit's policy (ceiling, kept tail, legal cuts, levels of summaries
of the same size, the same summary calls) and differs in one thing only: it knows the future. What it finds is billed
again by `contextkit.replay.bill`; both figures must agree.

State: the call of the last fold and how many folds there were, which fixes the summaries in the window. As in
Wagner and Whitin's lot sizing, only the last fold matters for what comes after it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

from contextkit.compact import plan
from contextkit.compact.worth import Sizes, rates, summary_call
from contextkit.history.log import Log
from contextkit.replay.bill import Move, bill, warm
from contextkit.replay.window import Window, grow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.replay.break_even import BreakEven
    from contextkit.replay.trace import Trace

__all__ = ["Scheduled", "optimum"]

_MOST = 64  # folds; a session whose optimum needs more is refused


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Fold at given calls, with everything else as in `base`."""

    base: BreakEven
    calls: Mapping[int, int]  # where to cut, by call

    def moves(self, found: Trace) -> Iterator[Move]:
        """Append, and fold where the schedule says so."""
        window, settings = Window(found), self.base.settings()
        for at in range(len(found.steps)):
            if at not in self.calls:
                yield window.move(at)
                continue
            joined = plan.merge([part.level for part in window.parts], settings, cold=False)
            cut = plan.Fold(max(window.start, 1), self.calls[at], 0.0)
            kept, calls = self.base.carry_out(window, cut, joined, at)
            yield window.move(at, kept, calls)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The summaries after so many folds: tokens, what is read again beyond the fixed part, cost of the merge."""

    tokens: float
    stands: float
    merged: float


@dataclass(slots=True)
class _Programme:
    """A session's sums, so that a transition costs constant time."""

    found: Trace
    policy: BreakEven
    cuts: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    warm: list[bool] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    def prepare(self) -> None:
        """Where a fold at each call would cut, and prefix sums of what appending costs."""
        log, price = Log(), rates(self.found.model, self.policy.ttl, prompt=0)
        own, rate = [], []
        for at, step in enumerate(self.found.steps):
            grow(log, self.found, step.end)
            cut = plan.fold(log, 0, keep=self.policy.keep, worth=0)
            self.cuts.append(cut.end if cut else 1)
            self.warm.append(warm(self.found, at, self.policy.ttl))
            before, end = (self.ends[-1] if self.ends else 0.0), log.ends[-1]
            self.ends.append(end)
            rate.append(price.read if self.warm[at] else price.write)
            own.append(price.read * before + price.write * (end - before) if self.warm[at] else price.write * end)
        self.own, self.rate = [0.0, *accumulate(own)], [0.0, *accumulate(rate)]

    def shapes(self) -> list[_Shape]:
        """The summaries after 0, 1, 2 ... folds."""
        levels: list[int] = []
        size = float(self.policy.summary)
        made = [_Shape(0.0, 0.0, 0.0)]
        for _ in range(_MOST):
            joined = plan.merge(levels, self.policy.settings(), cold=False)
            stands, merged = self.found.log.ends[0] + len(levels) * size, 0.0
            if joined is not None:
                stands = 0.0  # older entries were last renewed when their summary was the newest
                merged = self._call((joined.end - joined.first) * size)
                levels[joined.first : joined.end] = [joined.level]
            levels.append(1)
            made.append(_Shape(len(levels) * size, stands, merged))
        return made

    def _call(self, folded: float) -> float:
        sizes = Sizes(0.0, folded, 0.0, 0.0, self.policy.summary)
        return summary_call(sizes, self.policy.summarizer, model=self.found.model, ttl=self.policy.ttl, warm=True).cost

    def after(self, at: int, shape: _Shape) -> float:
        """Prompt less the log's running sum, in the calls after a fold at a call."""
        return self.found.fixed + self.found.log.ends[0] + shape.tokens - self.found.log.ends[self.cuts[at] - 1]

    def appended(self, base: float, first: int, end: int) -> float:
        """The prompts of the calls from `first` to `end`, which only append."""
        return self.own[end] - self.own[first] + base * (self.rate[end] - self.rate[first])

    def reach(self, base: float, at: int) -> int:
        """The first call after `at` that cannot be made without another fold."""
        first = max(bisect_right(self.ends, self.policy.budget - base), at + 1)
        least = 2 * self.policy.summary
        log, from_ = self.found.log, self.cuts[at] if at >= 0 else 1
        while first < len(self.ends) and log.tokens(from_, max(self.cuts[first], from_)) < least:
            first += 1  # nothing may be folded there: whoever plans goes over the ceiling
        return first

    def folded(self, before: int, at: int, shape: _Shape) -> float:
        """The fold's own call and its summary calls; `before` is the call of the fold before, or -1."""
        log, price = self.found.log, rates(self.found.model, self.policy.ttl, prompt=0)
        first = self.cuts[before] if before >= 0 else 1
        call = self._call(log.tokens(first, self.cuts[at])) + shape.merged
        prompt = self.after(at, shape) + self.ends[at]
        front = self.found.fixed + (shape.stands if before >= 0 else 0.0)
        read = min(front, prompt) if self.warm[at] else 0.0
        return call + price.read * read + price.write * (prompt - read)


def optimum(found: Trace, policy: BreakEven) -> tuple[float, Scheduled]:
    """The least input cost in USD, and the schedule that has it.

    Raises:
        ValueError: the schedule's bill is not what the programme says, or it needs more folds than it may have.
    """
    work = _Programme(found, policy)
    work.prepare()
    shapes, count = work.shapes(), len(found.steps)
    # A layer: by call of the last fold, the least cost up to and including that call, and the fold before it.
    layer: dict[int, tuple[float, int]] = {-1: (0.0, -1)}
    layers = [layer]
    best, end = inf, (0, -1)
    for k, shape in enumerate(shapes):
        following: dict[int, tuple[float, int]] = {}
        for at, (paid, _) in layer.items():
            base = work.after(at, shape) if at >= 0 else found.fixed
            reach = work.reach(base, at)
            if reach >= count and (total := paid + work.appended(base, at + 1, count)) < best:
                best, end = total, (k, at)
            if k + 1 < len(shapes):
                _extend(work, following, (at, paid, base), range(at + 1, min(reach, count - 1) + 1), shapes[k + 1])
        layer = following
        layers.append(layer)
        if not layer:
            break
    return best, _checked(work, layers, best, end)


def _extend(
    work: _Programme,
    following: dict[int, tuple[float, int]],
    state: tuple[int, float, float],
    calls: range,
    shape: _Shape,
) -> None:
    """Every next fold from a state, where it is the cheapest way there."""
    at, paid, base = state
    first = work.cuts[at] if at >= 0 else 1
    for then in calls:
        if work.cuts[then] <= first:
            continue
        total = paid + work.appended(base, at + 1, then) + work.folded(at, then, shape)
        if total < following.get(then, (inf, 0))[0]:
            following[then] = (total, at)


def _checked(
    work: _Programme, layers: list[dict[int, tuple[float, int]]], best: float, end: tuple[int, int]
) -> Scheduled:
    k, at = end
    if k >= _MOST:
        raise ValueError(f"{work.found.file}: the optimum has {k} folds or more")
    calls: dict[int, int] = {}
    while k > 0:
        calls[at] = work.cuts[at]
        at, k = layers[k][at][1], k - 1
    made = Scheduled(work.policy, calls)
    billed = bill(work.found, made.moves(work.found), work.policy.ttl).input_cost
    if abs(billed - best) > 0.002 * best:
        raise ValueError(f"{work.found.file}: the programme says {best:.4f} USD, the bill {billed:.4f}")
    return made
