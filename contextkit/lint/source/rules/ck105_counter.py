"""CK105: a counter in the cached part."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.reach import TaintRule
from contextkit.lint.source.values import Kind

__all__ = ["Counter"]


class Counter(TaintRule):
    """A counter in the cached part.

    What it does:
        Reports turn numbers, attempt numbers, `next(counter)`, the length of the history and other values that
        count, where they reach the cached part or choose what is in it.

    Why is this bad:
        What counts the calls differs at every call.

    Example:
        for turn in range(20):
            client.messages.create(system=f"{RULES} This is turn {turn}.", messages=messages, **rest)

    Use instead:
        for turn in range(20):
            messages.append({"role": "user", "content": f"Turn {turn}: {observe()}"})
            client.messages.create(system=RULES, messages=messages, **rest)
    """

    code = "CK105"
    name = "counter-in-prefix"
    severity = Severity.ERROR
    advice = "Put the count into the newest user message."
    kind = Kind.COUNTER
    because = "it is one more at the next call"
