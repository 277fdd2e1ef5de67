"""The way to the store. The law: what it does or fails to do never reaches the tool, and a call waits for it once.

A store that fails is left alone for a while (`breaker`); meanwhile every use of it gives AWAY.
"""

from __future__ import annotations

import logging
import time
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from contextkit.errors import StoreError
from contextkit.toolcache.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.store.entries import Entries

__all__ = ["AWAY", "Away", "Guard"]

T = TypeVar("T")

_log: Final = logging.getLogger("contextkit")


class Away(Enum):
    """The store could not be asked."""

    AWAY = "away"


AWAY: Final = Away.AWAY


class Guard:
    """The store behind its breaker; opened at first use.

    Args:
        opening: gives the store; may raise StoreError, then it is tried again later.
        quick: the store never waits for a disk or a network.
        pause: seconds for which a store that failed is first left alone.
        clock: seconds; only differences count.
    """

    def __init__(
        self,
        opening: Callable[[], Entries],
        *,
        quick: bool,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quick = quick
        self.breaker = Breaker(pause)
        self._opening = opening
        self._entries: Entries | None = None
        self._clock = clock
        self._lock = Lock()

    @property
    def dropped(self) -> int:
        """Answers that the store gave up for want of room."""
        return 0 if self._entries is None else self._entries.dropped

    def opened(self) -> Entries:
        """The store.

        Raises:
            StoreError: it cannot be opened.
        """
        if self._entries is None:
            with self._lock:
                if self._entries is None:
                    self._entries = self._opening()
        return self._entries

    def get(self, key: str) -> bytes | Away | None:
        """The answer under a key: `use` for the most frequent work, with the least around it."""
        if self._entries is None or self.breaker.failures:
            return self.use(lambda entries: entries.get(key))
        try:
            return self._entries.get(key)
        except StoreError as error:
            self._failed(error)
            return AWAY

    def use(self, work: Callable[[Entries], T]) -> T | Away:
        """What the work gives of the store, or AWAY; never raises because of the store."""
        if self.breaker.is_open and not self._may_try():
            return AWAY
        try:
            given = work(self._entries or self.opened())
        except StoreError as error:
            self._failed(error)
            return AWAY
        if self.breaker.is_open:
            with self._lock:
                self.breaker = self.breaker.worked()
            _log.warning("tool cache: the store answers again")
        return given

    def _may_try(self) -> bool:
        with self._lock:
            state = self.breaker.asked(self._clock())
            if state is not None:
                self.breaker = state
            return state is not None

    def _failed(self, error: StoreError) -> None:
        with self._lock:
            was_open = self.breaker.is_open
            self.breaker = self.breaker.failed(self._clock())
        if not was_open:
            _log.warning("tool cache: tools run uncached for now: %s", error)
