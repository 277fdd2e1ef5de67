"""A run without `tools` takes those that its conversation was given."""

from __future__ import annotations

import contextkit
from contextkit.emulator import Emulator, reply, tool_use
from tests.builders import a_conversation


@contextkit.tool
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


def test_the_conversations_own_functions_run() -> None:
    """`Conversation(tools=[function])` is enough: the loop runs what the conversation offers."""
    emulator = Emulator([reply(tool_use("add", {"first": 2, "second": 3})), reply("Five.")])
    conv = a_conversation(tools=[add]).user("2 + 3?")
    result = contextkit.run(conv, emulator.client())
    assert (result.text, result.steps) == ("Five.", 2)
    assert conv.messages[2]["content"][0]["content"] == "5"
