"""CK135: another system prompt in the middle of a conversation."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.parameters import ParameterRule

__all__ = ["SystemVaries"]


class SystemVaries(ParameterRule):
    """Another system prompt in the middle of a conversation.

    What it does:
        Reports a request inside a loop over one conversation whose `system` depends on what happens in the loop:
        its counter, the answers, the length of the history, a clock, chance.

    Why is this bad:
        Another system prompt loses itself and all messages.

    Example:
        while not done:
            client.messages.create(system=PLANNER if turn == 0 else WORKER, messages=messages, **rest)

    Use instead:
        messages.append({"role": "user", "content": "Now carry the plan out."})
    """

    code = "CK135"
    name = "system-varies"
    severity = Severity.WARNING
    advice = "Keep the system prompt; say what is different in a new message."
    parameter = "system"
