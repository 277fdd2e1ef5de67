"""CK101: a clock in the cached part of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Severity
from contextkit.lint.source.moved import to_volatile
from contextkit.lint.source.reach import Reach, TaintRule
from contextkit.lint.source.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.lint.rule import Edit

__all__ = ["Clock"]


class Clock(TaintRule):
    r"""A clock in the cached part of a request.

    What it does:
        Reports a date or a time that is read when a request is made and that reaches tools, system prompt or an
        earlier message, through however many functions, attributes and strings. A time that is read once, when a
        module is imported, is not reported.

    Why is this bad:
        The prefix is matched byte for byte. A second in the system prompt makes every call a full write; a date
        does so once a day.

    Example:
        system = f"You are a support agent. It is {datetime.now()}."
        client.messages.create(system=system, messages=history, **rest)

    Use instead:
        system = "You are a support agent."
        question = f"{text}\n\n<now>{datetime.now()}</now>"
        history.append({"role": "user", "content": question})
        client.messages.create(system=system, messages=history, **rest)
    """

    code = "CK101"
    name = "clock-in-prefix"
    severity = Severity.ERROR
    advice = "Put the time into the newest user message, or send it after the last mark."
    kind = Kind.CLOCK
    because = "it is another time at the next call"

    @classmethod
    def edits(cls, reach: Reach, text: Callable[[str], str]) -> tuple[Edit, ...]:
        """Moved to the volatile tail, in contextkit code where it is plain."""
        if reach.sent.api != "Conversation" or reach.block.part != "system":
            return ()
        return to_volatile(text(reach.sent.spot.path), reach.taint.spot, reach.sent.spot)
