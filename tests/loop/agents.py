"""Small agents for the loop's tests: a conversation, tools, and scripts of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import contextkit
import contextkit.loop
from contextkit import Conversation
from contextkit.api.validity import faults
from contextkit.emulator import Emulator, reply, text, tool_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.loop import Result

SYSTEM = "You look things up and report what you found. " * 60


@contextkit.tool
def look_up(word: str) -> dict[str, str]:
    """What a word means.

    Args:
        word: the word.
    """
    return {"word": word, "means": f"the meaning of {word}"}


@contextkit.tool
def broken(word: str) -> str:
    """A tool that fails."""
    raise ValueError(f"no such word: {word}")


def a_conversation(**settings: Any) -> Conversation:
    """A conversation with something to answer."""
    return Conversation(**{"model": "sonnet", "system": SYSTEM, "recall": False, **settings}).user("Look things up.")


def calling(*names: str, say: str = "I look.", **given: Any) -> Any:
    """An answer that calls these tools, each with a word."""
    return reply(text(say), *(tool_use(name, given or {"word": f"w{at}"}) for at, name in enumerate(names)))


def for_ever(body: Mapping[str, Any]) -> Any:
    """A model that never stops calling."""
    return calling("look_up", say=f"Step {len(body['messages'])}.")


def last_user(emulator: Emulator, at: int = -1) -> list[dict[str, Any]]:
    """The blocks of the last message of a request."""
    blocks: list[dict[str, Any]] = emulator.requests[at].body["messages"][-1]["content"]
    return blocks


def results(conv: Conversation) -> list[dict[str, Any]]:
    """All tool results of a conversation."""
    return [block for message in conv.messages for block in message["content"] if block["type"] == "tool_result"]


def assert_valid(conv: Conversation) -> None:
    """The history has no open call, and the API would take it."""
    assert not conv.open_calls
    messages = conv.messages
    if messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": "And then?"})
    assert not list(faults({"model": conv.model, "max_tokens": 100, "tools": conv.tools, "messages": messages}))


async def either(driver: str, conv: Conversation, emulator: Emulator, tools: Any = None, **settings: Any) -> Result:
    """Run a conversation by one of the two drivers."""
    if driver == "run":
        return contextkit.loop.run(conv, emulator.client(max_retries=0), tools, **settings)
    return await contextkit.loop.arun(conv, emulator.async_client(max_retries=0), tools, **settings)
