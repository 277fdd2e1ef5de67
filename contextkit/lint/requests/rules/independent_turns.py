"""CK330: turns of one conversation that do not need each other's results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity
from contextkit.transcripts.independent import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.record import Record
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["IndependentTurns"]

_MESSAGES: Final = 9
"""Of a request with five turns: it ends with the fifth question."""
_HELD: Final = 32
"""Conversations whose latest request is kept; one that is asked nothing for so long is judged as it stands."""


class IndependentTurns(BodyRule):
    """Turns of one conversation that do not need each other's results.

    What it does:
        Looks at the last request of each recorded conversation for five or more turns in a row that have one form
        around other contents, call no tool, and never go back to what an earlier one brought.

    Why is this bad:
        Every item is sent again with each of the items after it. Items that do not need each other belong in requests
        of their own behind one shared prefix, or in a batch, where they cost half.

    Example:
        {"messages": [{"role": "user", "content": "Classify this letter: ..."}, {"role": "assistant", "content": "a"},
                      {"role": "user", "content": "Classify this letter: ..."}, {"role": "assistant", "content": "b"}]}

    Use instead:
        {"messages": [{"role": "user", "content": "Classify this letter: ..."}]}
        {"messages": [{"role": "user", "content": "Classify this letter: ..."}]}
    """

    code = "CK330"
    name = "independent-turns"
    severity = Severity.INFO
    advice = "Send each item by itself behind one marked prefix, or all of them as a batch (contextkit.batch)."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Remember the request as its conversation's latest; judge the one that nobody went on with."""
        if len(seen.record.body["messages"]) < _MESSAGES:
            return
        label = seen.conversation.label
        memory.latest.pop(label, None)
        memory.latest[label] = seen.record
        if len(memory.latest) > _HELD:
            oldest = next(iter(memory.latest))
            yield from cls._judged(memory, memory.latest.pop(oldest), oldest)

    @classmethod
    def end(cls, memory: Memory) -> Iterator[Finding]:
        """The conversations that are left."""
        for label, record in memory.latest.items():
            yield from cls._judged(memory, record, label)

    @classmethod
    def _judged(cls, memory: Memory, record: Record, label: str) -> Iterator[Finding]:
        reply = record.answer.get("content")
        answered = [{"role": "assistant", "content": reply}] if reply and isinstance(reply, list | str) else []
        try:
            advice = advise([*record.body["messages"], *answered])
        except (TypeError, ValueError, AttributeError, KeyError):
            return  # a form that no block has: a hint is not given, and other rules have said what is wrong
        for found in advice:
            place = f"/messages/{found.messages[0]}"
            yield cls.on(memory, record, place, found.reason, conversation=label)
