"""Server-sent events of a message."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contextkit.emulator import text, thinking, tool_use
from contextkit.emulator.stream import events

BLOCKS = st.lists(
    st.text(max_size=200).map(text)
    | st.text(max_size=200).map(lambda words: thinking(words, signature="s"))
    | st.dictionaries(st.text(max_size=5), st.text(max_size=50), max_size=4).map(
        lambda given_: tool_use("f", given_, id="t")
    ),
    max_size=5,
)


def a_message(content: list[dict[str, Any]]) -> dict[str, Any]:
    """A message as `create` gives it."""
    usage = {"input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 7}
    return {"id": "m", "type": "message", "content": content, "stop_reason": "end_turn", "usage": usage}


def parsed(raw: bytes) -> dict[str, Any]:
    """One event; its name on the wire is its type."""
    name, data, *rest = raw.decode("utf-8", "surrogatepass").split("\n", 2)
    value: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert name == f"event: {value['type']}"
    assert rest == ["\n"]
    return value


@given(BLOCKS)
def test_the_events_add_up_to_the_message(content: list[dict[str, Any]]) -> None:
    """Putting starts and deltas together gives the blocks back, each opened and closed once and in order."""
    built: list[dict[str, Any]] = []
    arguments = ""
    for value in map(parsed, events(a_message(content))):
        if value["type"] == "content_block_start":
            assert value["index"] == len(built)
            built.append(value["content_block"])
            arguments = ""
        elif value["type"] == "content_block_delta":
            delta = value["delta"]
            if delta["type"] == "input_json_delta":
                arguments += delta["partial_json"]
            else:
                key = delta["type"].removesuffix("_delta")
                built[-1][key] = built[-1][key] + delta[key]
        elif value["type"] == "content_block_stop" and built[-1]["type"] == "tool_use":
            built[-1]["input"] = json.loads(arguments)
    assert built == content


def test_the_frame_is_the_apis() -> None:
    """message_start with the cache numbers, ping, blocks, message_delta with the cumulative usage, message_stop."""
    values = [parsed(raw) for raw in events(a_message([text("some words to split")]))]
    kinds = [value["type"] for value in values]
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("content_block_delta") >= 2
    assert values[0]["message"]["usage"] == {"input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 1}
    assert values[-2]["usage"]["output_tokens"] == 7


def test_a_long_text_is_not_thousands_of_events() -> None:
    """The number of deltas is bounded, so that tests stay fast."""
    assert len(list(events(a_message([text("x" * 1_000_000)])))) < 50
