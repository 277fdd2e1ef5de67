"""One conversation that only grows, collected message by message: what most formats are.

Law: a call follows the one before it and keeps all of it, unless the file says that the history began afresh.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from contextkit.transcripts.openai import append

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.api.messages import Message
    from contextkit.transcripts.common import Call

__all__ = ["Thread"]


@dataclass(slots=True)
class Thread:
    """Collects messages and cuts them into calls."""

    calls: list[Call] = field(default_factory=list)
    _pending: list[Message] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _afresh: bool = True

    def add(self, message: Message | None) -> None:
        """A message that the next call will see; neighbours of one role are one message."""
        if message is not None:
            append(self._pending, message)

    def note(self, text: str) -> None:
        """What the file declares before the next call."""
        self._notes.append(text)

    def restart(self, messages: Sequence[Message], note: str) -> None:
        """The history begins afresh with these messages."""
        self._pending = [*messages]
        self._afresh = True
        self._notes.append(note)

    def call(self, call: Call) -> None:
        """An API call was made now; `call` brings everything except what it follows, adds and notes."""
        follows = None if self._afresh or not self.calls else len(self.calls) - 1
        self.calls.append(
            replace(
                call,
                added=tuple(self._pending),
                follows=follows,
                shared=0 if follows is None else self.calls[follows].length,
                notes=(*self._notes, *call.notes),
            )
        )
        self._pending, self._notes, self._afresh = [], [], False
