"""Calls of this process that wait for one another. The law: of all that join under a key one flies, all land with it.

The waiting may be threads and tasks of any event loop at once.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from concurrent.futures import TimeoutError as OutOfTimeError
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from contextkit.toolcache.record import Record

__all__ = ["Flight", "Flights", "Landed"]


class Landed(NamedTuple):
    """How a flight ended.

    Attributes:
        record: what was made; None when it is nothing that can be handed on (not JSON): each makes its own then.
        error: what the tool raised.
        gave_up: nobody made anything: the one that flew was cancelled. Others may try.
    """

    record: Record | None = None
    error: Exception | None = None
    gave_up: bool = False


class Flight:
    """One making of an answer."""

    def __init__(self) -> None:
        self._landed: Future[Landed] = Future()

    def land(self, landed: Landed) -> None:
        """End it; all that wait go on."""
        if not self._landed.done():
            self._landed.set_result(landed)

    def wait(self, seconds: float) -> Landed | None:
        """How it ended, for a thread; None when it took too long."""
        try:
            return self._landed.result(seconds)
        except OutOfTimeError:
            return None

    async def await_(self, seconds: float) -> Landed | None:
        """How it ended, for a task; None when it took too long. Cancelling the task leaves the flight alone."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def set_it() -> None:
            if not woken.done():
                woken.set_result(None)

        def wake(_: Future[Landed]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(set_it)

        self._landed.add_done_callback(wake)
        try:
            await asyncio.wait_for(woken, seconds)
        except TimeoutError:
            return None
        return self._landed.result()


class Flights:
    """All that is being made in this process, by key."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}
        self._lock = Lock()

    def join(self, key: str) -> tuple[Flight, bool]:
        """The flight under a key, and whether it is the caller's own, who then has to land it."""
        with self._lock:
            found = self._flights.get(key)
            if found is not None:
                return found, False
            made = self._flights[key] = Flight()
            return made, True

    def land(self, key: str, flight: Flight, landed: Landed) -> None:
        """End one's own flight."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.land(landed)

    def leave(self, prefix: str) -> None:
        """Let later calls start anew under keys that begin so; who waits already lands with what is being made."""
        with self._lock:
            for key in [key for key in self._flights if key.startswith(prefix)]:
                del self._flights[key]
