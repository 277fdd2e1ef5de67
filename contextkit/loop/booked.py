"""What a run books beside its calls: what the caches of its tools did, in the conversation's ledger.

Law: a cached tool's event is booked once, in the thread or task that made the call, before its answer is entered; and
kept with the conversation, where that is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from contextkit.conversation import Conversation

__all__ = ["hearing_tools"]


def hearing_tools(conv: Conversation, step: str) -> AbstractContextManager[None]:
    """While the tools of a conversation run: every cached function that they call is booked in its ledger."""
    from contextkit.toolcache.heard import hearing  # noqa: PLC0415  (only for those who run tools)

    ledger, state = conv.ledger, conv._state  # noqa: SLF001  (the loop is the conversation's own driver)

    def note(event: Any) -> None:
        row = ledger.note_tool(event, step=step, conversation=ledger.conversation or conv.id)
        if state.journal is not None:
            state.journal.note("tool", row=row._asdict())

    own = [tell for each in ledger.chain() for tell in (each.note_tool, each.tools.note)]
    return hearing(note, tuple(own))
