"""The time that the emulator lives in: it stands still until a test, or a reply that takes time, moves it.

Law: time never runs back, and two requests that are under way together do not add up: each moves the clock only
to where it ends itself.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, Protocol

from contextkit.errors import ConfigError

__all__ = ["Clock", "Ticking"]

_START: Final = 1_795_348_800.0  # 2026-11-22 12:00 UTC, the date of the facts table


class Ticking(Protocol):
    """What the emulator needs of a clock."""

    @property
    def now(self) -> float:
        """Unix seconds."""

    def reach(self, at: float) -> None:
        """Be at `at` or later."""


class Clock:
    """A clock that the test moves.

    Args:
        start: Unix seconds; the default is the date of the API facts, so that prices and rules belong together.
    """

    def __init__(self, start: float = _START) -> None:
        self._now = float(start)
        self._lock = Lock()

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move on by `seconds`; gives the new time.

        Raises:
            ConfigError: `seconds` is negative.
        """
        if not seconds >= 0:
            raise ConfigError(f"a clock cannot go back by {seconds} seconds", fix="Advance by 0 or more.")
        with self._lock:
            self._now += seconds
            return self._now

    def reach(self, at: float) -> None:
        """Move on to `at`, or stay where the clock is already later."""
        with self._lock:
            self._now = max(self._now, at)
