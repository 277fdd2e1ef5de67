"""An emulator that a test talks to while it runs: what it says next, and how time goes by.

Law: as the emulator's; here is only a queue in the place of a script that is complete beforehand.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from contextkit.emulator.service import Emulator

if TYPE_CHECKING:
    from contextkit.emulator.script import Failure, Reply

__all__ = ["Stage"]

_OTHERWISE: Final = "Understood."


class Stage(Emulator):
    """An emulator whose next answers are queued by the test; without one it says a word of assent.

    Args:
        options: as for `Emulator`, without the script.

    Example:
        >>> stage = Stage()
        >>> stage.say("Hello.", "Goodbye.")
    """

    def __init__(self, **options: Any) -> None:
        self._next: deque[str | Reply | Failure] = deque()
        super().__init__(self._answer, **options)

    def say(self, *answers: str | Reply | Failure) -> None:
        """Queue answers of the model: texts, replies (`contextkit.emulator.reply`) or failures (`fault`, `timeout`)."""
        self._next.extend(answers)

    def advance(self, seconds: float) -> float:
        """Move the clock on; gives the new time, Unix seconds."""
        return self.clock.advance(seconds)

    def _answer(self, _: dict[str, Any]) -> str | Reply | Failure:
        return self._next.popleft() if self._next else _OTHERWISE
