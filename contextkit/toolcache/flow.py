"""One cached call as a generator.

The law: it decides and does nothing; it yields what is to be done and is sent the result.

What happens to a call: a fresh answer is served. A stale one is served where that is allowed, and one call makes a new
one behind it. Otherwise one call of this process asks for the lease that one process of all holds; it runs the tool and
settles the answer, the others wait for it and look again. A maker that fails, dies or is cancelled gives way to the
next. Without a store the tool runs uncached. Clock and random numbers are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.toolcache.effects import Effect, Ran, Renew, Run, Sleep, Spawn, UseStore, Wait
from contextkit.toolcache.flights import Flight, Flights, Landed
from contextkit.toolcache.guard import AWAY
from contextkit.toolcache.record import Record, described, lifetime, made, read, rebuilt
from contextkit.toolcache.stats import CacheEvent, Counts, Kind

if TYPE_CHECKING:
    from contextkit.toolcache.settings import Settings

__all__ = ["Asked", "Flow", "Served"]

_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.1
_AWAY: Final = "the store is away"

Steps = Generator[Effect, Any, "Served"]


def _nothing() -> None:
    """Nothing is to be run."""


class Asked(NamedTuple):
    """A call.

    Attributes:
        key: under which its answer is kept.
        call: runs the tool.
        namespace: whose.
    """

    key: str
    call: Callable[[], Any]
    namespace: str = ""


class Served(NamedTuple):
    """What a call is answered with.

    Attributes:
        kind: how it came about.
        record: the answer as JSON; None when it is not JSON.
        value: the answer itself, when the tool has run for this call.
        kept: the record is in the store.
    """

    kind: Kind
    record: Record | None = None
    value: Any = None
    kept: bool = False

    @property
    def ran(self) -> bool:
        """The tool has run for this call."""
        return self.kind in {"miss", "bypass", "refused"}


@dataclass(frozen=True, slots=True)
class Flow:
    """The decisions of one cached function.

    Attributes:
        name: the function.
        settings: what it was told.
        counts: where its events go.
        clock: Unix seconds.
        random: gives a number, 0 to 1.
        token: gives a text that nobody else has.
        unkept: told of an answer that is not JSON.
        lease: seconds for which a lease is asked.
        flights: what is being made in this process.
    """

    name: str
    settings: Settings
    counts: Counts
    clock: Callable[[], float]
    random: Callable[[], float]
    token: Callable[[], str]
    unkept: Callable[[Any], None]
    lease: float
    flights: Flights = field(default_factory=Flights)

    def found(self, asked: Asked, record: Record, kind: Kind = "hit", note: str = "") -> Served:
        """Count an answer that was there.

        Raises:
            The error that it describes.
        """
        self._tell(asked, kind, saved_seconds=record.seconds, saved_tokens=record.tokens, note=note)
        if record.is_error:
            error = rebuilt(record, self.settings.kinds)
            if error is not None:
                raise error
        return Served(kind, record, kept=True)

    def is_fresh(self, record: Record | None) -> bool:
        """It may stand for a call; an error only while its type is declared."""
        if record is None or record.fresh <= self.clock():
            return False
        return not record.is_error or rebuilt(record, self.settings.kinds) is not None

    def steps(self, asked: Asked, old: Record | None, *, away: bool = False) -> Steps:
        """All that is done for a call that found no fresh answer.

        Args:
            asked: the call.
            old: the answer that was found, past its time.
            away: the store could not be asked.
        """
        while True:
            flight, own = self.flights.join(asked.key)
            if old is not None and self._is_stale(old):
                if own:
                    yield from self._spawned(asked, old, flight)
                return self.found(asked, old, "stale")
            if own:
                making = self._uncached(asked, _AWAY) if away else self._led(asked, old)
                return (yield from self._flown(asked, flight, making))
            landed: Landed | None = yield Wait(flight, self.settings.wait)
            if landed is None:
                return (yield from self._uncached(asked, "another call took too long"))
            if not landed.gave_up:
                return (yield from self._landed(asked, landed))

    def _spawned(self, asked: Asked, old: Record, flight: Flight) -> Generator[Effect, Any, None]:
        try:
            yield Spawn(self._flown(asked, flight, self._led(asked, old, behind=True)))
        except BaseException:
            self.flights.land(asked.key, flight, Landed(gave_up=True))
            raise

    def _landed(self, asked: Asked, landed: Landed) -> Steps:
        """What a call that waited is answered with."""
        if landed.record is not None:
            return self.found(asked, landed.record, "shared")
        if landed.error is not None:
            self._tell(asked, "shared", note=type(landed.error).__name__)
            raise landed.error
        return (yield from self._uncached(asked, "the answer is not JSON", "refused"))

    def _flown(self, asked: Asked, flight: Flight, making: Steps) -> Steps:
        """Make an answer for all that wait in this process; whatever happens, they go on."""
        landed = Landed(gave_up=True)
        try:
            served = yield from making
            landed = Landed(served.record)
        except Exception as error:
            landed = Landed(error=error)
            raise
        finally:
            self.flights.land(asked.key, flight, landed)
        return served

    def _led(self, asked: Asked, old: Record | None, *, behind: bool = False) -> Steps:
        """Get the lease and make an answer, or get the answer of who holds it."""
        token, pause, waited, release = self.token(), _FIRST_PAUSE, 0.0, True
        try:
            while True:
                claim = yield UseStore(lambda entries: entries.claim(asked.key, token, self.lease))
                if claim is AWAY:
                    return Served("refresh", old) if behind else (yield from self._uncached(asked, _AWAY))
                release, record = claim.granted, read(claim.value)
                if record is not None and self.is_fresh(record):
                    return Served("refresh", record) if behind else self.found(asked, record, "shared")
                if claim.granted:
                    served = yield from self._made(asked, record or old, token, behind=behind)
                    release = not (served.kept and served.kind in {"miss", "refresh"})  # settled, it is given back
                    return served
                if behind:
                    return Served("refresh", old)  # another process is at it
                if waited >= self.settings.wait:
                    return (yield from self._uncached(asked, "another process took too long"))
                yield Sleep(pause)
                waited, pause, release = waited + pause, min(pause * 2, _LONGEST_PAUSE), True
        finally:
            if release:  # also when a claim was interrupted: nobody knows then whether it was granted
                yield UseStore(lambda entries: entries.release(asked.key, token))

    def _made(self, asked: Asked, old: Record | None, token: str, *, behind: bool) -> Steps:
        """Run the tool under the lease, and settle what it gives."""
        with (yield Renew(asked.key, token, self.lease)):
            ran: Ran = yield Run(asked.call)
        if ran.error is not None:
            return (yield from self._raised(asked, None if behind else old, token, ran, ran.error))
        record = self._record(ran)
        if record is None:
            self.unkept(ran.value)
            self._tell(asked, "refused", seconds=ran.seconds, note="the answer is not JSON")
            return Served("refused", None, ran.value)
        kept = yield from self._settled(asked, token, record)
        kind: Kind = "refresh" if behind else "miss"
        self._tell(asked, kind, seconds=ran.seconds, note="" if kept else "not kept: the lease or the store was lost")
        return Served(kind, record, ran.value, kept=kept)

    def _raised(self, asked: Asked, old: Record | None, token: str, ran: Ran, error: Exception) -> Steps:
        """Keep the error where that was told, or serve the old answer where that was told, or raise."""
        told = described(error, self.settings.kinds) if self.settings.errors else None
        if told is not None:
            record = made(told, now=self.clock(), ttl=self.settings.error_ttl, seconds=ran.seconds, is_error=True)
            if record is not None:
                yield from self._settled(asked, token, record)
        note = type(error).__name__
        if told is None and old is not None and not old.is_error and self._is_spare(old):
            return self.found(asked, old, "stale", note=note)
        self._tell(asked, "failed", seconds=ran.seconds, note=note)
        raise error

    def _settled(self, asked: Asked, token: str, record: Record) -> Generator[Effect, Any, bool]:
        seconds = record.fresh - record.made + (0.0 if record.is_error else self.settings.kept)
        packed = record.pack()
        kept = yield UseStore(lambda entries: entries.settle(asked.key, token, packed, seconds))
        return kept is True

    def _uncached(self, asked: Asked, why: str, kind: Kind = "bypass") -> Steps:
        ran: Ran = yield Run(asked.call)
        if ran.error is not None:
            self._tell(asked, "failed", seconds=ran.seconds, note=type(ran.error).__name__)
            raise ran.error
        self._tell(asked, kind, seconds=ran.seconds, note=why)
        return Served(kind, self._record(ran), ran.value)  # the record is for those who wait in this process

    def _record(self, ran: Ran) -> Record | None:
        ttl = lifetime(self.settings.ttl, self.settings.jitter, self.random())
        cost = 0
        if self.settings.tokens is not None:
            try:
                cost = int(self.settings.tokens(ran.value))
            except Exception:  # noqa: BLE001  (bookkeeping must not break the tool)
                cost = 0
        return made(ran.value, now=self.clock(), ttl=ttl, seconds=ran.seconds, tokens=cost)

    def _is_stale(self, record: Record | None) -> bool:
        """Past its time, and may be served while another is made."""
        if record is None or record.is_error:
            return False
        return self.clock() < record.fresh + self.settings.stale

    def _is_spare(self, record: Record) -> bool:
        """Past its time, and may be served when the tool raises."""
        return self.clock() < record.fresh + self.settings.stale_if_error

    def hit(self, namespace: str, key: str, record: Record) -> Any:
        """Count a fresh answer; its value.

        Raises:
            The error that it describes.
        """
        if self.counts.is_heard or record.is_error:
            record = self.found(Asked(key, _nothing, namespace), record).record or record
        else:
            self.counts.add_hit(record.seconds, record.tokens)
        return record.value

    def _tell(self, asked: Asked, kind: Kind, **said: Any) -> None:
        self.counts.add(CacheEvent(kind, self.name, asked.namespace, asked.key, self.clock(), **said))
