"""A chunk whose sending was under way when the answer, or the process, was lost: does the API have it?

Law: it is looked for among the workspace's batches before it is sent again. The API keeps no name of ours with a batch,
so a candidate is one of the same number of requests, made since the intent; whose it is is certain only from its
results, whose custom_ids begin with this batch's tag. A candidate that is still being processed is therefore waited
for: late is better than paid twice. What cannot be decided: batches that were deleted, or whose results are no longer
kept (29 days), and a key that may not list. Then `UndecidedError`, unless the caller said to send again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.batch.effects import Effect, Fetch, Listed, Wait
from contextkit.batch.trouble import patient, status_of
from contextkit.batch.values import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from contextkit.batch.job import Job
    from contextkit.batch.kept import Chunk

__all__ = ["find", "gone", "guarded"]

_SETTLES: Final = 60.0  # seconds after the intent in which a request that was under way may still arrive
_CLOCKS: Final = 3_600.0  # seconds by which this machine's clock may be ahead of the API's
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = frozenset({401, 403, 404})


def find(job: Job, chunk: Chunk) -> Generator[Effect, Any, Chunk | None]:
    """The chunk as sent, with the id that it has or may have; None when the API certainly does not have it.

    Raises:
        UndecidedError: see above.
    """
    early = chunk.at + _SETTLES - job.clock()
    if early > 0:
        yield Wait(min(early, _SETTLES))
    open_one: str = ""
    for batch in (yield from _candidates(job, chunk)):
        if batch.processing_status != "ended":
            open_one = str(batch.id)  # the list is newest first: the last of them is nearest to the intent
        elif not batch.results_url:
            _undecided(job, f"batch {batch.id} may be this chunk, and its results are no longer kept")
        elif (yield from _ours(job, str(batch.id))):
            return replace(chunk, stage="sent", remote=str(batch.id), sure=True)
        else:
            chunk = replace(chunk, not_ours=(*chunk.not_ours, str(batch.id)))
    return replace(chunk, stage="sent", remote=open_one, sure=False) if open_one else None


def _candidates(job: Job, chunk: Chunk) -> Generator[Effect, Any, list[Any]]:
    known = {each.remote for each in job.state.chunks() if each.remote} | set(chunk.not_ours)
    found: list[Any] = []
    after = ""
    while True:
        try:
            page = yield from patient(Listed(after))
        except Exception as error:
            if status_of(error) not in _FORBIDDEN:
                raise
            _undecided(job, f"the batches cannot be listed: {error}")
            return found
        for batch in page.data:
            if batch.created_at.timestamp() < chunk.at - _CLOCKS:
                return found
            counts = batch.request_counts
            total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
            if total == chunk.items and batch.id not in known:
                found.append(batch)
        if not page.has_more or not page.last_id:
            return found
        after = page.last_id


def _ours(job: Job, remote: str) -> Generator[Effect, Any, bool]:
    """Whether a batch that has ended holds this batch's items."""
    ours = False

    def look(page: Sequence[dict[str, Any]]) -> bool:
        nonlocal ours
        ours = any(job.state.number(str(line.get("custom_id"))) is not None for line in page)
        return False

    yield from patient(Fetch(remote, look))
    return ours


def guarded(wish: Effect) -> Generator[Effect, Any, Any]:
    """What the API says of a chunk's batch; None when there is no such batch any more."""
    try:
        return (yield from patient(wish))
    except Exception as error:
        if status_of(error) != _NOT_FOUND:
            raise
        return None


def gone(job: Job, chunk: Chunk) -> None:
    """A batch was deleted, or its results are no longer kept: its items are lost, or sent again where that is wanted.

    Raises:
        UndecidedError: they may have been paid for.
    """
    _undecided(job, f"batch {chunk.remote} is gone, with its results")
    job.state.ended(replace(chunk, stage="ended"))
    job.release(chunk)


def _undecided(job: Job, why: str) -> None:
    if job.undecided == "stop":
        raise UndecidedError(
            f"{why}: whether its items were paid for cannot be found out",
            where=f"batch {job.state.id!r}",
            fix='Look at the Console; Batch(undecided="resend") sends such items again.',
        )
