"""A batch as a generator: read, warm, send, wait, collect, and send again what failed for no fault of its own.

Law: it yields what it wants done (effects.py) and is sent what came of it. A chunk is sent only after its intent is
kept; where an answer was lost, the chunk is looked for (doubt.py) before it is sent again. Everything ends: tries of
an item, and failures in a row, are bounded.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.batch import doubt, now
from contextkit.batch.effects import Cancel, Create, Effect, Fetch, Look, Wait, Warm
from contextkit.batch.intake import body, chunks, packed
from contextkit.batch.kept import FLIGHT
from contextkit.batch.rate import retry_after
from contextkit.batch.trouble import kind_of, patient, said
from contextkit.ledger import SpendingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.batch.job import Job
    from contextkit.batch.kept import Chunk

__all__ = ["cancel", "flow"]

Flow = Generator[Effect, Any, None]

_FIRST: Final = 5.0  # seconds between two looks, and the most
_MOST: Final = 300.0
_SENDINGS: Final = 4  # of one chunk whose answer is lost each time
_BUSY: Final = 24 * 3600.0  # seconds that a chunk waits for room in the API's queue
_READINGS: Final = 3  # of results that end before the last


def flow(job: Job, *, run_now: bool) -> Flow:
    """A run, from wherever an earlier one left it.

    Raises:
        UndecidedError: a chunk may have been sent, and it cannot be found out. What the SDK raises for a bad key or a
        bad request; the state is kept in any case.
    """
    try:
        yield from _work(job, run_now=run_now)
    except GeneratorExit:
        raise
    except BaseException:
        if job.cancels:
            yield from cancel(job)
        raise
    finally:
        job.release_all()


def _work(job: Job, *, run_now: bool) -> Flow:
    state = job.state
    if not state.stopped:
        state.reopen(job.retries, canceled=True)
    job.refresh()
    for chunk in state.chunks("intent"):
        yield from _settled(job, chunk)
    spent: SpendingError | None = None
    try:
        if not state.stopped:
            yield from now.ask_all(job) if run_now else _send_all(job)
    except SpendingError as error:  # what is in flight is paid for, and waited for first
        spent = error
    while True:
        halted = bool(state.chunks("canceling"))  # by an interruption, and not for good
        yield from _wait_for_all(job)
        if spent is not None:
            raise spent
        if state.stopped:
            return
        try:
            if not (yield from _sent_again(job, run_now=run_now, canceled=halted)):
                return
        except SpendingError as error:  # as above
            spent = error


def _sent_again(job: Job, *, run_now: bool, canceled: bool) -> Generator[Effect, Any, bool]:
    """Send what failed for no fault of its own; whether there was any."""
    state = job.state
    state.reopen(job.retries, canceled=canceled)
    job.refresh()
    if run_now:
        waiting = bool(state.sizes() or state.chunks("planned"))
        if waiting:
            yield from now.ask_all(job)
        return waiting
    list(packed(state, job.prefix, job.limits))
    again = state.chunks("planned")
    for chunk in again:
        yield from _send(job, chunk)
    return bool(again)


def _send_all(job: Job) -> Flow:
    """Chunk after chunk: the next is read when the one before is on its way."""
    state = job.state
    for chunk in state.chunks("planned"):
        yield from _send(job, chunk)
    if job.items is not None:
        for chunk in chunks(state, job.prefix, job.items, job.limits):
            yield from _send(job, chunk)
    for chunk in list(packed(state, job.prefix, job.limits)):
        yield from _send(job, chunk)


def _send(job: Job, chunk: Chunk) -> Flow:
    """Send a chunk; whatever happens, it is known afterwards whether the API has it, or that this is not known."""
    state = job.state
    yield from _warm(job, chunk.items)
    job.admit(chunk)
    waited, pause, lost = 0.0, _FIRST, 0
    while True:
        chunk = replace(chunk, stage="intent", at=job.clock(), remote="", sure=False)
        state.intend(chunk)
        try:
            made = yield Create(lambda sent=chunk: body(state, job.prefix, sent), _size(job, chunk), job.prefix.betas)  # type: ignore[misc]
        except Exception as error:
            kind = kind_of(error)
            lost += kind == "lost"
            if (yield from _after(job, chunk, kind)):
                return
            if kind == "refused" or lost >= _SENDINGS or waited > _BUSY:
                raise
            seconds = retry_after(said(error)) or pause
            yield Wait(seconds)
            waited, pause = waited + seconds, min(pause * 2, _MOST)
        else:
            state.put(replace(chunk, stage="sent", remote=str(made.id), sure=True))
            job.told("submitted")
            return


def _size(job: Job, chunk: Chunk) -> int:
    """Bytes of the body, counted rather than reckoned: the API is told before the first of them leaves."""
    return sum(len(part) for part in body(job.state, job.prefix, chunk))


def _after(job: Job, chunk: Chunk, kind: str) -> Generator[Effect, Any, bool]:
    """A sending failed: whether the API has the chunk all the same. Where it has not, its items wait again."""
    if kind == "lost":
        found = yield from doubt.find(job, chunk)
        if found is not None:
            job.state.put(found)
            return True
    job.state.refused(replace(chunk, stage="planned"))
    return False


def _settled(job: Job, chunk: Chunk) -> Flow:
    """A chunk that an earlier process was about to send: find it, or let its items wait."""
    if not (yield from _after(job, chunk, "lost")):
        job.told("looking")


def _warm(job: Job, items: int) -> Flow:
    """Write the prefix before the first of several items that share it, and again when it has run out."""
    begun = job.clock()
    if items > 1 and job.cold(begun):
        params = job.warm_up(begun)
        job.warmed((yield from patient(Warm(params))), begun)


def _wait_for_all(job: Job) -> Flow:
    """Look at what is in flight until nothing is; collect what has ended."""
    pause = _FIRST
    while sent := job.state.chunks(*FLIGHT):
        ended = False
        for chunk in sent:
            batch = yield from doubt.guarded(Look(chunk.remote))
            if batch is None or batch.processing_status == "ended":
                yield from _collect(job, chunk, batch)
                ended = True
        if not job.state.chunks(*FLIGHT):
            return
        pause = _FIRST if ended else min(pause * 1.5, _MOST)
        job.told("waiting")
        yield Wait(pause)


def _collect(job: Job, chunk: Chunk, batch: Any) -> Flow:
    """Keep a batch's results; one that is not ours after all is put back, and ours is looked for again."""
    if batch is None or not batch.results_url:
        doubt.gone(job, chunk)
        return
    for _ in range(_READINGS):
        seen = _Seen(job, sure=chunk.sure)
        yield from patient(Fetch(chunk.remote, seen))
        if seen.foreign:
            others = (*chunk.not_ours, chunk.remote)
            yield from _settled(job, replace(chunk, stage="intent", remote="", not_ours=others))
            return
        if seen.lines >= chunk.items:
            break
    job.state.ended(replace(chunk, stage="ended", sure=True))
    job.release(chunk)
    job.told("collecting")


class _Seen:
    """Takes pages of results; the first page of a batch that is not ours ends the reading."""

    def __init__(self, job: Job, *, sure: bool) -> None:
        self._job, self._sure = job, sure
        self.lines, self.foreign = 0, False

    def __call__(self, page: Sequence[dict[str, Any]]) -> bool:
        ours = self._job.take(page)
        self.lines += len(page)
        if not ours and not self._sure:
            self.foreign = True
            return False
        self._sure = True
        self._job.told("collecting")
        return True


def cancel(job: Job) -> Flow:
    """Cancel what is in flight and certainly ours; what ends or fails meanwhile is no matter."""
    for chunk in job.state.chunks("sent"):
        if chunk.sure:
            try:
                yield Cancel(chunk.remote)
            except Exception:  # noqa: BLE001, S112  (it has ended, or cannot be reached: the state says it is in flight)
                continue
            job.state.put(replace(chunk, stage="canceling"))
