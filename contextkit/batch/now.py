"""The same items at once: side by side within the API's rate limits, at the standard price, kept one by one.

Law: a request starts only where the limits' buckets have room (rate.py), and what comes back is kept before anything
else is started. A process that is killed asks again for what was under way, at most `parallel` items: the Messages
API has no list to look into.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from contextkit.batch.effects import Answered, Begin, Effect, Next, Wait, Warm
from contextkit.batch.intake import chunks
from contextkit.batch.kept import WAITING, Kept
from contextkit.batch.outcome import failed, succeeded
from contextkit.batch.rate import Rate, retry_after
from contextkit.batch.trouble import kind_of, patient, status_of
from contextkit.ledger import SpendingError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from contextkit.batch.job import Job

__all__ = ["ask_all"]

Flow = Generator[Effect, Any, None]
Need = tuple[float, float, float]

_LOOK: Final = 60.0  # seconds
_PUT_OFF: Final = 30  # times that one item is put off by 429 before it counts as failed
_KEYS: Final = frozenset({401, 402, 403})  # the next item would fail in the same way


@dataclass(slots=True)
class _Floor:
    """What is under way and what waits."""

    job: Job
    source: Iterator[Kept]
    rate: Rate = field(default_factory=Rate)
    under_way: dict[int, tuple[Kept, int, int, Need, AbstractContextManager[None]]] = field(default_factory=dict)
    later: list[tuple[float, int, Kept, int, int]] = field(default_factory=list)
    fatal: Exception | None = None

    def due(self, now: float) -> tuple[Kept, int, int] | None:
        """The next item to start: one put off whose time has come, else a new one; tries and put-offs with it."""
        if self.fatal is not None:
            return None
        if self.later and self.later[0][0] <= now:
            _, _, kept, tries, put_off = heappop(self.later)
            return kept, tries, put_off
        kept_or_none = next(self.source, None)
        return None if kept_or_none is None else (kept_or_none, 0, 0)

    def again(self, at: float, kept: Kept, tries: int, put_off: int) -> None:
        """Start it no sooner."""
        heappush(self.later, (at, kept.number, kept, tries, put_off))

    def need(self, kept: Kept) -> Need:
        """What it takes of the limits; what is read from the cache does not count (rate-limits page)."""
        prefix = self.job.prefix
        return 1.0, float(kept.tokens + (0 if prefix.shared else prefix.tokens)), float(kept.most)

    def took(self, got: Answered) -> None:
        """Keep an answer, or decide when to ask again."""
        job, now = self.job, self.job.clock()
        kept, tries, put_off, need, hold = self.under_way.pop(got.number)
        hold.__exit__(None, None, None)
        self.rate.end(now, need, got.headers)
        if got.error is None:
            prefix, output = job.prefix, job.output
            message = got.message.to_dict(mode="json") if hasattr(got.message, "to_dict") else got.message
            job.keep([succeeded(kept.number, message, prefix, output, now, batch=False)], batch=False)
            job.told("collecting")
            return
        kind, seconds = kind_of(got.error), retry_after(got.headers)
        if kind == "busy" and put_off < _PUT_OFF:
            pause = seconds if seconds is not None else min(2.0**put_off, _LOOK)
            self.rate.hold(now + pause)
            self.again(now + pause, kept, tries, put_off + 1)
        elif kind == "lost" and tries < job.retries:
            self.again(now + (seconds or 2.0**tries), kept, tries + 1, put_off)
        elif status_of(got.error) in _KEYS or (kind == "refused" and status_of(got.error) in {None, 429}):
            self.fatal = got.error  # the item waits for the next run
        else:
            said = f"{type(got.error).__name__}: {got.error}"
            job.keep([failed(kept.number, said)], batch=False)


def ask_all(job: Job) -> Flow:
    """Ask for every waiting item.

    Raises:
        SpendingError: the next one would pass a budget. What the SDK raises for a bad key.
    """
    if job.items is not None:
        for _ in chunks(job.state, job.prefix, job.items, job.limits):
            job.told("reading")
    job.state.scatter()
    begun = job.clock()
    if job.state.count() > 1 and job.cold(begun):
        params = job.warm_up(begun)
        job.warmed((yield from patient(Warm(params))), begun)
    floor = _Floor(job, job.state.items(WAITING))
    try:
        yield from _rounds(floor)
    except GeneratorExit:
        raise
    except BaseException:
        while floor.under_way and (got := (yield Next(0.0))) is not None:  # what has arrived is paid for
            floor.took(got)
        raise
    finally:
        for *_, hold in floor.under_way.values():
            hold.__exit__(None, None, None)
    if floor.fatal is not None:
        raise floor.fatal


def _rounds(floor: _Floor) -> Flow:
    while True:
        delay = yield from _start(floor)
        if floor.under_way:
            got = yield Next(min(delay or _LOOK, _LOOK))
            if got is not None:
                floor.took(got)
        elif delay and floor.fatal is None:
            yield Wait(delay)
        else:
            return


def _start(floor: _Floor) -> Generator[Effect, Any, float]:
    """Start what may start now; seconds until the next may, 0 where none is left."""
    job = floor.job
    while len(floor.under_way) < job.parallel:
        now = job.clock()
        if (held := floor.rate.resumes - now) > 0 and (floor.later or floor.under_way):
            return held
        found = floor.due(now)
        if found is None:
            return max(floor.later[0][0] - now, 0.001) if floor.later and floor.fatal is None else 0.0
        kept, tries, put_off = found
        need = floor.need(kept)
        if (delay := floor.rate.delay(now, need)) > 0:
            floor.again(now, kept, tries, put_off)
            return delay
        try:
            hold = _hold(job, kept)
        except SpendingError as error:  # what is under way is paid for, and waited for first
            floor.fatal = error
            return 0.0
        floor.rate.begin(now, need)
        floor.under_way[kept.number] = kept, tries, put_off, need, hold
        yield Begin(kept.number, _params(job, kept))
    return 0.0


def _hold(job: Job, kept: Kept) -> AbstractContextManager[None]:
    """What it may cost, held against the budgets.

    Raises:
        SpendingError: it would pass one.
    """
    prefix = job.prefix
    read = prefix.tokens if prefix.shared else 0
    hold = job.ledger.holding(
        prefix.model, prompt=prefix.tokens + kept.tokens, output=kept.most, read=read, at=job.clock(), ttl="1h",
        conversation=job.state.id,
    )  # fmt: skip
    hold.__enter__()
    return hold


def _params(job: Job, kept: Kept) -> dict[str, Any]:
    params: dict[str, Any] = json.loads(job.prefix.of(kept.tail))
    return {**params, "betas": list(job.prefix.betas)} if job.prefix.betas else params
