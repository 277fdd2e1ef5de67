"""CK132: another tool_choice in the middle of a conversation."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.parameters import ParameterRule

__all__ = ["ToolChoiceVaries"]


class ToolChoiceVaries(ParameterRule):
    """Another tool_choice in the middle of a conversation.

    What it does:
        Reports a request inside a loop over one conversation whose `tool_choice` depends on what happens in the
        loop: its counter, the answers, the length of the history, a clock, chance.

    Why is this bad:
        Another `tool_choice` loses the cached messages, tools and system apart.

    Example:
        while not done:
            choice = {"type": "any"} if turn == 0 else {"type": "auto"}
            client.messages.create(tool_choice=choice, messages=messages, **rest)

    Use instead:
        client.messages.create(tool_choice={"type": "auto"}, messages=messages, **rest)
    """

    code = "CK132"
    name = "tool-choice-varies"
    severity = Severity.WARNING
    advice = "Keep tool_choice the same; ask for the tool in the message."
    parameter = "tool_choice"
