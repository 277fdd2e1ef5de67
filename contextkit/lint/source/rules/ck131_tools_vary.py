"""CK131: other tools in the middle of a conversation."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.parameters import ParameterRule

__all__ = ["ToolsVary"]


class ToolsVary(ParameterRule):
    """Other tools in the middle of a conversation.

    What it does:
        Reports a request inside a loop over one conversation whose `tools` depends on what happens in the loop: its
        counter, the answers, the length of the history, a clock, chance.

    Why is this bad:
        Tools stand first in the prefix: another list, or another order, is another prefix.

    Example:
        while not done:
            client.messages.create(tools=TOOLS if turn == 0 else [], messages=messages, **rest)

    Use instead:
        client.messages.create(tools=TOOLS, tool_choice={"type": "none"}, messages=messages, **rest)
    """

    code = "CK131"
    name = "tools-vary"
    severity = Severity.WARNING
    advice = "Send all tools in every request of the conversation, in the same order."
    parameter = "tools"
