"""Answers with a lifetime, in memory. The law is that of `entries`; the clock is an argument."""

from __future__ import annotations

import time
from heapq import heapify, heappop, heappush
from threading import Lock
from typing import TYPE_CHECKING, Final

from contextkit.store.entries import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.store.entries import Match

__all__ = ["MemoryEntries"]

_SLACK: Final = 64  # outdated notes that the queue may hold beyond one for each answer


class MemoryEntries:
    """Answers of this process.

    Args:
        limit: bytes of answers held at most; None for no bound. The newest always stays.
        clock: seconds; only differences count.
    """

    quick: Final = True

    def __init__(self, limit: int | None = 64_000_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.dropped = 0
        self._clock = clock
        self._held: dict[str, tuple[float, bytes]] = {}
        self._leases: dict[str, tuple[float, str]] = {}
        self._queue: list[tuple[float, str]] = []  # by end of time; a note whose answer has another end is outdated
        self._size = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """The answer under a key; None when there is none, or its time is over."""
        held = self._held.get(key)
        return held[1] if held is not None and held[0] > self._clock() else None

    def claim(self, key: str, token: str, lease: float) -> Claim:
        """Ask for the lease on a key, for so many seconds; the same token may ask again."""
        with self._lock:
            granted = not self._leased(key) or self._holds(key, token)
            if granted:
                self._leases[key] = (self._clock() + lease, token)
            return Claim(granted, self.get(key))

    def renew(self, key: str, token: str, lease: float) -> bool:
        """Hold the lease for so many seconds from now; False when it is no longer held."""
        with self._lock:
            held = self._holds(key, token)
            if held:
                self._leases[key] = (self._clock() + lease, token)
            return held

    def settle(self, key: str, token: str, value: bytes, seconds: float) -> bool:
        """Keep an answer for so many seconds and give the lease back; False (nothing kept) when it is not held."""
        with self._lock:
            if not self._holds(key, token):
                return False
            del self._leases[key]
            self._forget(key)
            self._put(key, self._clock() + seconds, value)
            self._make_room(key)
            return True

    def release(self, key: str, token: str) -> None:
        """Give the lease back without an answer."""
        with self._lock:
            if self._holds(key, token):
                del self._leases[key]

    def amend(self, key: str, old: bytes, new: bytes) -> bool:
        """Put another value in the place of one that is still the same, for the rest of its time; whether it was."""
        with self._lock:
            if self.get(key) != old:
                return False
            end = self._held[key][0]
            self._forget(key)
            self._put(key, end, new)
            self._make_room(key)
            return True

    def drop(self, match: Match) -> int:
        """Forget answers, and take away the leases on making them; how many answers there were."""
        with self._lock:
            now = self._clock()
            found = [key for key in ([match.key] if match.key else list(self._held)) if match(key)]
            alive = sum(key in self._held and self._held[key][0] > now for key in found)
            for key in found:
                self._forget(key)
            for key in [key for key in self._leases if match(key)]:
                del self._leases[key]
            return alive

    def size(self) -> int:
        """Bytes of the answers; those whose time is over may still count for a while."""
        with self._lock:
            return self._size

    def _leased(self, key: str) -> bool:
        lease = self._leases.get(key)
        return lease is not None and lease[0] > self._clock()

    def _holds(self, key: str, token: str) -> bool:
        return self._leased(key) and self._leases[key][1] == token

    def _put(self, key: str, end: float, value: bytes) -> None:
        self._held[key] = (end, value)
        self._size += len(value)
        heappush(self._queue, (end, key))
        if len(self._queue) > 2 * len(self._held) + _SLACK:
            self._queue = [(held[0], name) for name, held in self._held.items()]
            heapify(self._queue)

    def _forget(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._size -= len(held[1])

    def _make_room(self, newest: str) -> None:
        """Forget what is over its time, then what ends soonest, until the rest fits."""
        now, kept = self._clock(), []
        while self._queue and (self._queue[0][0] <= now or (self.limit is not None and self._size > self.limit)):
            end, key = note = heappop(self._queue)
            held = self._held.get(key)
            if held is None or held[0] != end:
                continue
            if key == newest:
                kept.append(note)
                continue
            self.dropped += end > now
            self._forget(key)
        for note in kept[:1]:
            heappush(self._queue, note)
