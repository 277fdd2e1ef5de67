"""CK113: the variable of a loop in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["LoopValue"]


class LoopValue(TaintRule):
    """The variable of a loop in the cached part.

    What it does:
        Reports a loop's variable that reaches the tools or the system prompt of a request inside the loop.

    Why is this bad:
        What is the same in every round could be read from the cache, if what differs did not stand before it.

    Example:
        for ticket in tickets:
            client.messages.create(system=f"{RULES} Ticket: {ticket}", **rest)

    Use instead:
        for ticket in tickets:
            client.messages.create(system=RULES, messages=[{"role": "user", "content": ticket}], **rest)
    """

    code = "CK113"
    name = "loop-value-in-prefix"
    severity = Severity.WARNING
    advice = "Keep tools and system the same for all rounds; put the varying part into the user message."
    kind = Kind.TURN
    because = "it is another one at the next round"
