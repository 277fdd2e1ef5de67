"""When a store that failed is asked again. The law: one failure costs one wait; the next try is one call's, later.

Closed, every call asks the store. A failure opens it for a pause, during which nobody asks; then a single call tries.
If that works it is closed again, if not the pause doubles, up to a minute. A value without clock: `now` is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Breaker"]

LONGEST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state.

    Attributes:
        pause: seconds of the first pause.
        failures: in a row; 0 when closed.
        until: when the next call may try.
        trying: one call is trying.
    """

    pause: float = 1.0
    failures: int = 0
    until: float = 0.0
    trying: bool = False

    @property
    def is_open(self) -> bool:
        """The last answer of the store was a failure."""
        return self.failures > 0

    def asked(self, now: float) -> Breaker | None:
        """The state once a call asks the store; None when it must not."""
        if not self.is_open:
            return self
        return replace(self, until=now + self._paused(self.failures), trying=True) if now >= self.until else None

    def failed(self, now: float) -> Breaker:
        """The state after a failure; those of calls that were under way when it opened count as one."""
        if self.is_open and not self.trying:
            return self
        return Breaker(self.pause, self.failures + 1, now + self._paused(self.failures + 1))

    def worked(self) -> Breaker:
        """The state after the store answered."""
        return Breaker(self.pause)

    def _paused(self, failures: int) -> float:
        return min(self.pause * 2.0 ** min(max(failures - 1, 0), 10), LONGEST)
