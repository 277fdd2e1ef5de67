"""Leases held for as long as a tool runs. The law: one thread for all, only while there is something to renew.

A lease is renewed each third of its time. One that was lost is let go: its holder finds out when it settles.
"""

from __future__ import annotations

import os
import time
from threading import Condition, Thread
from typing import TYPE_CHECKING, NamedTuple

from contextkit.toolcache.guard import AWAY

if TYPE_CHECKING:
    from contextkit.toolcache.guard import Guard

__all__ = ["Renewals"]

_IDLE = 2.0  # seconds that the thread waits for more before it ends


class _Held(NamedTuple):
    guard: Guard
    key: str
    token: str
    lease: float
    due: float


class Renewals:
    """The leases that this process holds."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._owner = os.getpid()
        self._held: dict[str, _Held] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    def hold(self, guard: Guard, key: str, token: str, lease: float) -> None:
        """Renew a lease until `let_go`."""
        if self._owner != os.getpid():
            self._start()  # after a fork the parent's thread is not here
        with self._changed:
            self._held[token] = _Held(guard, key, token, lease, time.monotonic() + lease / 3)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="contextkit-leases", daemon=True)
                self._thread.start()
            self._changed.notify()

    def let_go(self, token: str) -> None:
        """Renew it no more."""
        with self._changed:
            self._held.pop(token, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._held and not self._changed.wait(_IDLE) and not self._held:
                    self._thread = None
                    return
                now = time.monotonic()
                due = [held for held in self._held.values() if held.due <= now]
                soonest = min((held.due for held in self._held.values()), default=now)
                if soonest > now:
                    self._changed.wait(soonest - now)  # or until one is added that is due before
            for held in due:
                self._renew(held)

    def _renew(self, held: _Held) -> None:
        still = held.guard.use(lambda entries: entries.renew(held.key, held.token, held.lease))
        with self._changed:
            if held.token not in self._held:
                return
            if still is False:
                del self._held[held.token]
            else:  # also when the store was away: it may be back before the lease is over
                soon = held.lease / 3 if still is not AWAY else min(held.lease / 10, 1.0)
                self._held[held.token] = held._replace(due=time.monotonic() + soon)
