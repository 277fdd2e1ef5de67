"""CK124: an earlier message changed after it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.history import HistoryRule, by_place
from contextkit.lint.source.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.source.reach import Program

__all__ = ["EditedHistory"]


class EditedHistory(HistoryRule):
    """An earlier message changed after it was sent.

    What it does:
        Reports assignments to messages, or to their content, that stand in the history already, and insertions at
        its front. Marks may move: `cache_control` is not part of what is matched.

    Why is this bad:
        Everything after the changed message is written again.

    Example:
        for message in messages[:-4]:
            message["content"] = "[cleared]"

    Use instead:
        messages.append({"role": "user", "content": shorten(output)})
    """

    code = "CK124"
    name = "edited-history"
    severity = Severity.ERROR
    advice = "Leave what was sent as it is and add a new message; shape tool results before they are first sent."
    kind = Kind.EDIT
    because = "what was sent before is not what is sent now"

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """Assignments, and lists made anew in which a message's place decides what it says."""
        yield from super().found(program)
        for taint, sent in by_place(program):
            message = f"`{taint.what}` says something else when the history has grown: {cls.because}"
            yield cls.on(taint, message, [sent.spot.place("sent here")])
