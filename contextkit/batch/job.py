"""A batch under way: what its flow works with, and what it books and tells on the way.

Law: a result is kept before it is booked, and booked once; what is told is read from what is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api.answer import Answer
from contextkit.api.usage import Usage, cost, price
from contextkit.batch.kept import FLIGHT, SUCCEEDED, Chunk, Outcome
from contextkit.batch.outcome import of_line
from contextkit.batch.values import Progress
from contextkit.ledger import Expected
from contextkit.ledger import purse as purses_of
from contextkit.ledger.steps import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from contextkit.batch.intake import Limits
    from contextkit.batch.prefix import Prefix
    from contextkit.batch.state import State
    from contextkit.ledger import Ledger, Purse
    from contextkit.route import Output

__all__ = ["Job"]

_RENEW: Final = 0.9  # of a lifetime after which the prefix is written again before more is sent


@dataclass(slots=True)
class Job:
    """What a run works with; see `Batch` for the settings.

    Attributes:
        items: what is still to be read; None for nothing new.
        cancels: whatever ends the run early cancels what is in flight.
        keep_rows: the ledger is the user's; else its rows are let go as soon as they are charged.
    """

    state: State
    prefix: Prefix
    output: Output
    items: Iterable[Any] | None
    limits: Limits
    retries: int
    parallel: int
    prewarm: bool
    cancels: bool
    undecided: Literal["stop", "resend"]
    ledger: Ledger
    keep_rows: bool
    step: str
    clock: Callable[[], float]
    on_progress: Callable[[Progress], object]
    held: dict[int, tuple[list[Purse], Expected]] = field(default_factory=dict)
    _done: int = 0
    _cost: float | None = 0.0

    def refresh(self) -> None:
        """Count anew what is kept; from then on what comes in is added."""
        tally = self.state.tally()
        self._done, self._cost = sum(tally.counts[2:]), tally.cost

    def told(self, doing: str) -> None:
        """Say how far it is."""
        under_way = len(self.state.chunks(*FLIGHT, "intent"))
        self.on_progress(Progress(doing, self.state.count(), self._done, under_way, self._cost))

    def take(self, page: Sequence[dict[str, Any]]) -> int:
        """Keep and book a page of a batch's results; how many of them are of this batch."""
        now = self.clock()
        numbered = [(self.state.number(str(line.get("custom_id"))), line) for line in page]
        outcomes = [
            of_line(number, line, self.prefix, self.output, now) for number, line in numbered if number is not None
        ]
        self.keep(outcomes, batch=True)
        return len(outcomes)

    def keep(self, outcomes: Sequence[Outcome], *, batch: bool) -> None:
        """Keep what came of items, then book what is new of it."""
        now = self.clock()
        names = self.state.save(outcomes)
        for name, outcome in zip(names, outcomes, strict=True):
            self._done += bool(name)
            if name and outcome.state == SUCCEEDED and outcome.message is not None:
                known = self._cost is not None and outcome.cost is not None
                self._cost = (self._cost or 0.0) + (outcome.cost or 0.0) if known else None
                self._book(now, "side", outcome.usage, note=f"item {name}", batch=batch)

    def _book(self, now: float, purpose: Literal["side", "warm"], usage: Usage, *, note: str, batch: bool) -> None:
        self.ledger.add(
            at=now,
            purpose=purpose,
            model=self.prefix.model,
            usage=usage,
            step=self.step,
            geo=self.prefix.body.get("inference_geo"),
            batch=batch,
            conversation=self.state.id,
            note=note,
        )
        if not self.keep_rows:
            self.ledger.rows.clear()

    def cold(self, now: float) -> bool:
        """The prefix is shared, and was not written within its lifetime."""
        if not self.prewarm or not self.prefix.shared:
            return False
        life = 3_600.0 if self.prefix.ttl == "1h" else 300.0
        return self.state.warmed is None or now - self.state.warmed >= life * _RENEW

    def warm_up(self, now: float) -> dict[str, Any]:
        """The request that writes the prefix.

        Raises:
            SpendingError: it would pass a budget; it was not sent.
        """
        params, geo = self.prefix.warm(), self.prefix.body.get("inference_geo")
        ttl = self.prefix.ttl or "1h"
        self.ledger.admit(
            self.prefix.model, prompt=self.prefix.tokens, output=params["max_tokens"], ttl=ttl, at=now, geo=geo,
            conversation=self.state.id,
        )  # fmt: skip
        return params

    def warmed(self, message: Any, now: float) -> None:
        """Note and book a warm-up that began at `now`."""
        usage = Answer.of(message).usage or Usage()
        paid = cost(self.prefix.model, usage, at=now, geo=self.prefix.body.get("inference_geo"))
        self.state.warm(now, paid)
        self._book(now, "warm", usage, note="the shared prefix", batch=False)

    def admit(self, chunk: Chunk) -> None:
        """Hold the most that a chunk may cost against every budget, until its results are in.

        Raises:
            SpendingError: it would pass one; it was not sent.
        """
        purses = self._purses()
        if purses and chunk.number not in self.held:
            call = self.expected(*self.state.chunk_bulk(chunk.number), chunk.items, batch=True)
            purses_of.admit(purses, call, hold=True)
            self.held[chunk.number] = purses, call

    def _purses(self) -> list[Purse]:
        return self.ledger._purses(current.get(), self.state.id)  # noqa: SLF001  (a chunk is many calls; `holding` reckons one)

    def release(self, chunk: Chunk) -> None:
        """Its results are in, or it was not sent."""
        if chunk.number in self.held:
            purses_of.release(*self.held.pop(chunk.number))

    def release_all(self) -> None:
        """The run is over, however it ended."""
        for number in list(self.held):
            purses_of.release(*self.held.pop(number))

    def expected(self, largest: int, tokens: int, most: int, calls: int, *, batch: bool) -> Expected:
        """The most that so many calls may cost: tokens of the largest, of all, and the sum of their `max_tokens`."""
        prefix, now = self.prefix.tokens, self.clock()
        whole = tokens + calls * prefix
        geo = self.prefix.body.get("inference_geo")
        found = price(self.prefix.model, prompt=largest + prefix, at=now, batch=batch, geo=geo)
        if found is None:
            return Expected(None, whole + most, calls)
        answers = most * found.output
        write = found.write_5m if self.prefix.ttl == "5m" else found.write_1h
        unread = tokens * found.input + calls * prefix * (write if self.prefix.shared else found.input) + answers
        read = tokens * found.input + calls * prefix * (found.read if self.prefix.shared else found.input) + answers
        return Expected(read, whole + most, calls, unread)
