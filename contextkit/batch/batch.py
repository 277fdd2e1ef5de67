"""The object people hold: independent items over one shared prefix.

Law: what is given is checked when it is given; the items are read once, as they are sent. A Batch belongs to one
thread or task at a time, and one process at a time may run it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import finalize

from contextkit.batch import drivers, flow, intake
from contextkit.batch.job import Job
from contextkit.batch.lock import holding
from contextkit.batch.outcome import result_of
from contextkit.batch.prefix import prefix_of
from contextkit.batch.progress import telling
from contextkit.batch.quote import STEPS, quote
from contextkit.batch.rows import flat, write
from contextkit.batch.state import State
from contextkit.batch.values import Done, Progress, Quote, Result
from contextkit.errors import ConfigError
from contextkit.ledger import Ledger
from contextkit.route import output_of
from contextkit.store.base import kind_of, path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from contextkit.api.facts import Ttl
    from contextkit.conversation import Conversation
    from contextkit.ledger import Budget

__all__ = ["Batch"]


class Batch:
    """Independent items that share one prefix, at batch price or at once.

    Args:
        prefix: what they share: a Conversation as it stands, or arguments of `messages.create` (system, tools,
            messages, model, ...). It is marked once, at its end.
        items: read once, as they are sent: texts, (id, content), {"id", "content" or "messages", "max_tokens"}, the
            API's {"custom_id", "params"}, or `Item`. None to go on with what an earlier run kept; an empty list is a
            batch of nothing, for which nothing is sent.
        output: what every answer has to be: a pydantic model or type, a JSON Schema, or a function of its text.
        model: id or short name; None for the prefix's.
        max_tokens: upper bound of an answer; None for the prefix's, or 1,024.
        state: "sqlite:///file.db" or a path, where everything is kept, so that a killed process goes on without paying
            twice; None for a temporary file that goes with this object.
        id: the batch's name in that file.
        run_now: send the items side by side within the rate limits, at the standard price, instead.
        ledger: where every answer is booked (purpose "side"); None for none: sums are kept in any case.
        budget: what the batch may spend; a chunk (or, with `run_now`, an item) that could pass it is not sent.
        ttl: lifetime of the prefix's mark; None to mark nothing.
        prewarm: write the prefix by one small request before the first items, at the standard price.
        structured: ask the API to keep to the declared schema; the answers are checked in any case.
        retries: how often an item is sent again that expired or failed on the API's side.
        parallel: with `run_now`, items under way at the same time.
        chunk: at most so many requests and bytes in one batch; the API's limits are 100,000 and 256 MB.
        on_interrupt: what becomes of batches in flight when the run ends early: "leave" them to be collected by the
            next run, or "cancel" them. None: leave where there is a `state`, else cancel.
        undecided: what to do where it cannot be found out whether a chunk was taken: "stop" or "resend".
        on_progress: called with every `Progress`.
        progress: show a bar on standard error; None where that is a terminal.
        step: a name for the ledger.
        clock: gives Unix seconds.
        sleep: waits so many seconds, `def` or (for `arun`) `async def`; None for real time.
        **params: further arguments of `messages.create`, the same for all items.

    Raises:
        ConfigError, ContentError, HistoryError: what the API would refuse, before anything is sent.
    """

    def __init__(
        self,
        prefix: Conversation | Mapping[str, Any] | None = None,
        items: Iterable[Any] | None = (),
        *,
        output: Any = None,
        model: str | None = None,
        max_tokens: int | None = None,
        state: str | Path | None = None,
        id: str = "batch",  # noqa: A002  (the field's word)
        run_now: bool = False,
        ledger: Ledger | None = None,
        budget: Budget | None = None,
        ttl: Ttl | None = "1h",
        prewarm: bool = True,
        structured: bool = True,
        retries: int = 2,
        parallel: int = 8,
        chunk: tuple[int, int] = (intake.MAX_REQUESTS, intake.MAX_BYTES),
        on_interrupt: Literal["leave", "cancel"] | None = None,
        undecided: Literal["stop", "resend"] = "stop",
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool | None = None,
        step: str = "",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Any] | None = None,
        **params: Any,
    ) -> None:
        _check(retries=retries, parallel=parallel, ttl=ttl, items=items)
        _check_words(on_interrupt=on_interrupt, undecided=undecided, id=id, budget=budget)
        self._limits = _limits(chunk)
        self._output = output_of(output)
        self._prefix = prefix_of(
            prefix, model=model, max_tokens=max_tokens, output=self._output, structured=structured, ttl=ttl,
            params=params,
        )  # fmt: skip
        self._items = None if items is None else iter(items)
        self._where = None if state is None else _file(state)
        self.id = id
        self._run_now = run_now
        self.ledger = Ledger() if ledger is None else ledger
        self._keep_rows = ledger is not None
        if budget is not None:
            self.ledger.limit(budget, "Batch(budget=)")
        cancels = on_interrupt == "cancel" or (on_interrupt is None and state is None)
        self._job_settings: dict[str, Any] = {
            "retries": retries, "parallel": parallel, "prewarm": prewarm, "cancels": cancels, "undecided": undecided,
            "step": step, "clock": clock,
        }  # fmt: skip
        self._clock, self._sleep = clock, sleep
        self._on_progress, self._bar = on_progress, progress
        self._folder: finalize[..., Batch] | None = None
        self._opened: State | None = None

    def run(self, client: Any) -> Done:
        """Send what is to be sent, wait until all of it has ended, and keep what came of it.

        Args:
            client: a synchronous client of the SDK.

        Raises:
            ContentError, ConfigError: an item cannot be sent; what went before it is under way and kept.
            SpendingError: a budget would be passed. UndecidedError: see `contextkit.batch.doubt`. ConflictError:
            another process runs this batch. Errors of the SDK, and interruptions: see `on_interrupt`.
        """
        with self._lock(), telling(self._on_progress, bar=self._bar) as tell:
            drivers.run(flow.flow(self._job(tell), run_now=self._run_now), client, self._sleep or time.sleep)
        return self.done()

    async def arun(self, client: Any) -> Done:
        """As `run`, with an asynchronous client."""
        with self._lock(), telling(self._on_progress, bar=self._bar) as tell:
            running = flow.flow(self._job(tell), run_now=self._run_now)
            await drivers.arun(running, client, self._sleep or asyncio.sleep)
        return self.done()

    def dry_run(self, *, hits: float = 0.98, output_tokens: int | None = None) -> Quote:
        """Read, check, keep and split all items, and say what they will cost. Nothing is sent; `run` goes on from here.

        Args:
            hits: share of the items that reads the prefix from the cache; 0.98 is the most that was seen.
            output_tokens: of an answer; None for `max_tokens`, which is the most.
        """
        if not 0 <= hits <= 1:
            raise ConfigError(f"hits is {hits}", where="dry_run(hits=)", fix="Give a share, 0 to 1.")
        state = self._state()
        with self._lock():
            for _ in intake.chunks(state, self._prefix, self._items or (), self._limits):
                pass
            self._items = None
        bulks = state.bulk(self._prefix.tokens, STEPS)
        if output_tokens is not None:
            bulks = [(count, tokens, count * output_tokens) for count, tokens, _ in bulks]
        planned = state.chunks("planned")
        return quote(
            self._prefix, bulks, chunks=len(planned), size=sum(chunk.bytes for chunk in planned), hits=hits,
            at=self._clock(), warm=self._job_settings["prewarm"],
        )  # fmt: skip

    def cancel(self, client: Any) -> Done:
        """Cancel what is in flight and send nothing any more; `run` then collects what had been answered."""
        self._state().stop()
        drivers.run(flow.cancel(self._job(_nobody)), client, self._sleep or time.sleep)
        return self.done()

    async def acancel(self, client: Any) -> Done:
        """As `cancel`, with an asynchronous client."""
        await asyncio.to_thread(self._state().stop)
        await drivers.arun(flow.cancel(self._job(_nobody)), client, self._sleep or asyncio.sleep)
        return self.done()

    def reopen(self) -> Self:
        """Let a cancelled batch go on: its cancelled items are sent by the next run."""
        self._state().stop(stopped=False)
        return self

    def results(self) -> Iterator[Result]:
        """What came of the items, in their order, read page by page."""
        for kept in self._state().items():
            yield result_of(kept, self._output)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The results as flat rows, for `pandas.DataFrame(batch.rows())` or `pyarrow.Table.from_pylist`."""
        return (flat(result) for result in self.results())

    def write(self, path: str | Path) -> int:
        """Write the results as JSON lines; how many there are."""
        return write(self.results(), path)

    def done(self) -> Done:
        """What it has come to so far."""
        state = self._state()
        tally = state.tally()
        waiting, sent, succeeded, errored, expired, canceled, lost = tally.counts
        remote = tuple(chunk.remote for chunk in state.chunks() if chunk.remote)
        return Done(
            self.id, sum(tally.counts), succeeded, errored, expired, canceled, lost, waiting + sent, tally.faults,
            tally.usage, tally.cost, tally.standard, tally.alone, remote,
        )  # fmt: skip

    def close(self) -> None:
        """Close the file; a temporary one is deleted."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._folder is not None:
            self._folder()
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _state(self) -> State:
        if self._opened is None:
            from contextkit.store.sqlite_file import SQLiteFile  # noqa: PLC0415  (sqlite3 only where it is used)

            if self._where is None:
                folder = mkdtemp(prefix="contextkit-batch-")
                self._folder = finalize(self, rmtree, folder, ignore_errors=True)
                file = SQLiteFile(f"{folder}/batch.db", durable=False)
            else:
                file = SQLiteFile(self._where)
            self._opened = State(file, self.id, self._prefix.name)
        return self._opened

    def _lock(self) -> AbstractContextManager[None]:
        state = self._state()
        if self._items is None and not state.whole:
            raise ConfigError(
                f"the items of the batch {self.id!r} were not read to their end",
                where="Batch(items=)",
                fix="Give the same items again: what was kept is not sent again.",
            )
        return nullcontext() if self._where is None else holding(state.path, self.id)

    def _job(self, tell: Callable[[Progress], object]) -> Job:
        return Job(
            state=self._state(), prefix=self._prefix, output=self._output, items=self._items, limits=self._limits,
            ledger=self.ledger, keep_rows=self._keep_rows, on_progress=tell, **self._job_settings,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Batch {self.id!r} {self._prefix.model}, prefix of about {self._prefix.tokens:,} tokens>"


def _nobody(_: Progress) -> None:
    """Nobody listens."""


def _file(given: str | Path) -> str | Path:
    """The path of a SQLite file.

    Raises:
        ConfigError: it is something else.
    """
    if kind_of(given) != "sqlite" or str(path_of(given)) == ":memory:":
        raise ConfigError(
            "the state of a batch is kept in a SQLite file", where="Batch(state=)", fix='Give "sqlite:///file.db".'
        )
    return path_of(given)


def _check(*, retries: Any, parallel: Any, ttl: Any, items: Any) -> None:
    if type(retries) is not int or retries < 0:
        raise ConfigError(f"retries is {retries!r}", where="Batch(retries=)", fix="Give 0 or more.")
    if type(parallel) is not int or parallel < 1:
        raise ConfigError(f"parallel is {parallel!r}", where="Batch(parallel=)", fix="Give 1 or more.")
    if ttl not in {None, "5m", "1h"}:
        raise ConfigError(f"ttl is {ttl!r}", where="Batch(ttl=)", fix='Give "1h", "5m" or None.')
    if isinstance(items, (str, bytes, dict)):
        raise ConfigError("items is one item, not several", where="Batch(items=)", fix="Give a list.")
    if items is not None and not hasattr(items, "__iter__"):
        raise ConfigError(
            f"items is a {type(items).__name__}", where="Batch(items=)", fix="Give a list or a generator."
        )


def _check_words(*, on_interrupt: Any, undecided: Any, id: Any, budget: Any) -> None:  # noqa: A002  (the field's word)
    if on_interrupt not in {None, "leave", "cancel"}:
        raise ConfigError(
            f"on_interrupt is {on_interrupt!r}", where="Batch(on_interrupt=)", fix='Give "leave", "cancel" or None.'
        )
    if undecided not in {"stop", "resend"}:
        raise ConfigError(f"undecided is {undecided!r}", where="Batch(undecided=)", fix='Give "stop" or "resend".')
    if not isinstance(id, str) or not id:
        raise ConfigError(f"the id is {id!r}", where="Batch(id=)", fix="Give a text.")
    if budget is not None and not hasattr(budget, "check"):
        raise ConfigError(
            "budget is no budget", where="Batch(budget=)", fix="Give Budget(usd=..., tokens=..., calls=...)."
        )


def _limits(chunk: Any) -> intake.Limits:
    if not isinstance(chunk, (tuple, list)) or len(chunk) != 2:  # noqa: PLR2004  (requests and bytes)
        raise ConfigError(f"chunk is {chunk!r}", where="Batch(chunk=)", fix="Give (requests, bytes).")
    return intake.Limits(*chunk)
