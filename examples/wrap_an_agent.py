"""An agent that keeps its own list of messages, before and after: five lines change.

python examples/wrap_an_agent.py         # offline, on the emulator
"""

from __future__ import annotations

from typing import Any

from contextkit import Conversation
from contextkit.emulator import Emulator, reply, text, tool_use

MODEL = "claude-sonnet-5-5"
SYSTEM = "You look up pages of a handbook and answer from them, with the page number. " * 30
TOOLS = [
    {
        "name": "read_page",
        "description": "One page of the handbook.",
        "input_schema": {"type": "object", "properties": {"page": {"type": "integer"}}},
    }
]


def read_page(page: int) -> str:
    """A tool with a long answer."""
    return "\n".join(
        f"{page}.{line} Every claim is checked by a second person before it is paid." for line in range(60)
    )


def before(client: Any, question: str) -> list[dict[str, Any]]:
    """The loop as everybody writes it: the whole list is sent, and paid for, at every call."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    while True:
        message = client.messages.create(model=MODEL, max_tokens=1_000, system=SYSTEM, tools=TOOLS, messages=messages)
        messages.append({"role": "assistant", "content": message.content})
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return messages
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": read_page(**call.input)} for call in calls
        ]
        messages.append({"role": "user", "content": results})


def after(client: Any, messages: list[dict[str, Any]], question: str) -> Conversation:
    """The same loop around a Conversation, which goes on from the list that was there."""
    conv = Conversation.from_messages(messages, model=MODEL, max_tokens=1_000, system=SYSTEM, tools=TOOLS)
    conv.user(question)
    while True:
        message = client.messages.create(**conv.request())
        conv.record(message)
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return conv
        for call in calls:
            conv.tool_result(call.id, read_page(**call.input))


def script(body: dict[str, Any]) -> Any:
    """The model's part: read three pages a question, then answer."""
    pages = 0
    for message in reversed(body["messages"]):
        if message["role"] == "assistant" and all(block["type"] != "tool_use" for block in message["content"]):
            break
        pages += message["role"] == "assistant"
    if pages == 3:
        return reply("Page 3: a second person checks every claim.")
    return reply(text(f"Page {pages + 1}."), tool_use("read_page", {"page": pages + 1}))


def main() -> Emulator:
    """Run both on one emulator and print what was billed for each."""
    emulator = Emulator(script)
    client = emulator.client()
    history = before(client, "Who checks claims?")
    plain = len(emulator.requests)
    after(client, history, "And who pays them?")
    for name, exchanges in (("before", emulator.requests[:plain]), ("after", emulator.requests[plain:])):
        for exchange in exchanges:
            usage = exchange.usage
            if usage is not None:
                written = usage.write_5m
                print(f"{name}: read {usage.read:>6,}  written {written:>6,}  uncached {usage.input:>6,}")
    return emulator


if __name__ == "__main__":
    main()
