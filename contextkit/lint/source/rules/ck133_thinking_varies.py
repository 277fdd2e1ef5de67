"""CK133: another thinking setting in the middle of a conversation."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.parameters import ParameterRule

__all__ = ["ThinkingVaries"]


class ThinkingVaries(ParameterRule):
    """Another thinking setting in the middle of a conversation.

    What it does:
        Reports a request inside a loop over one conversation whose `thinking` depends on what happens in the loop:
        its counter, the answers, the length of the history, a clock, chance.

    Why is this bad:
        Another mode or budget loses the cached messages, on many models everything.

    Example:
        while not done:
            thinking = {"type": "enabled", "budget_tokens": 2_000 * turn}
            client.messages.create(thinking=thinking, messages=messages, **rest)

    Use instead:
        client.messages.create(thinking={"type": "enabled", "budget_tokens": 8_000}, messages=messages, **rest)
    """

    code = "CK133"
    name = "thinking-varies"
    severity = Severity.WARNING
    advice = "Set thinking once for the conversation."
    parameter = "thinking"
