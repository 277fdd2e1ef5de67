"""What can be asked of a conversation: its log, its window, its bills, and what was left out.

Law: nothing here changes the conversation, and what is handed out is a copy or a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.context import Context
from contextkit.history.loan import returned

if TYPE_CHECKING:
    from contextkit.cache.lifetime import Advice
    from contextkit.cache.violations import Violation
    from contextkit.history.archive import Archive
    from contextkit.ledger import Ledger
    from contextkit.outputs import Outputs, ToolDrift
    from contextkit.state import State

__all__ = ["Reading"]


class Reading:
    """The part of a Conversation that only reads."""

    _state: State
    _outputs: Outputs

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The whole log as plain messages, oldest first; a copy."""
        return [{"role": entry.role, "content": returned(entry.blocks)} for entry in self._state.log.entries]

    @property
    def context(self) -> Context:
        """What is in the window now, in estimated tokens a part."""
        return Context.of(self._state)

    @property
    def ledger(self) -> Ledger:
        """One row a call."""
        return self._state.ledger

    @property
    def archive(self) -> Archive:
        """The originals of outputs that were cut, under their handles."""
        return self._state.archive

    def recall(self, handle: str, **part: Any) -> str:
        """What the `recall` tool says: a part of an original, or why there is none. Never raises.

        Args:
            handle: as a note or a summary names it.
            **part: path, lines, search, max_chars; see `contextkit.recall.recall`.
        """
        return self._outputs.recalled({"handle": handle, **part}).text

    @property
    def drift(self) -> tuple[ToolDrift, ...]:
        """Outputs that were not what their declared model says, oldest first; the last 1,000."""
        return tuple(self._outputs.drift)

    @property
    def failures(self) -> tuple[str, ...]:
        """Why summaries were not made, oldest first."""
        return tuple(self._state.failures)

    @property
    def open_calls(self) -> dict[str, str]:
        """Tool calls without a result: tool name by id."""
        return dict(self._state.log.open_calls)

    @property
    def model(self) -> str:
        """The model id that is sent."""
        return self._state.model

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every loss of the cached prefix, with cause, blame, tokens and price; planned ones too."""
        return tuple(self._state.own.violations)

    @property
    def ttl_advice(self) -> Advice | None:
        """What each lifetime would cost a call, by the gaps so far, and where the choice turns."""
        return self._state.advice()

    def __repr__(self) -> str:
        window = self._state.total()
        return f"<Conversation {self.model} {len(self._state.log.entries)} messages, about {window.tokens:,} tokens>"
