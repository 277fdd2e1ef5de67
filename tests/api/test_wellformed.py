"""Bodies that do not have the schema's types."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.validity import faults
from contextkit.api.wellformed import malformed

TOOL = {"name": "read", "input_schema": {"type": "object"}}


def a_body(**fields: Any) -> dict[str, Any]:
    """A valid body with some fields replaced."""
    return {"model": "claude-opus-5", "max_tokens": 10, "messages": [{"role": "user", "content": "a"}], **fields}


def said(*blocks: Any, role: str = "user") -> list[dict[str, Any]]:
    """One message of blocks."""
    return [{"role": role, "content": list(blocks)}]


def test_a_plain_body_has_no_faults() -> None:
    """With and without the optional parts."""
    assert list(malformed(a_body())) == []
    full = a_body(
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        tools=[TOOL, {"type": "bash_20250124", "name": "bash"}, {**TOOL, "name": "rare", "defer_loading": True}],
        tool_choice={"type": "tool", "name": "read"},
        thinking={"type": "adaptive"},
        output_config={"effort": "low"},
        stop_sequences=["x"],
        metadata={"user_id": "u"},
        stream=True,
    )
    assert list(malformed(full)) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": None}, "model: Field required"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": "10"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 128_001}, "max_tokens: 128001 > 128000"),
        ({"messages": "a"}, "messages: Field required"),
        ({"messages": []}, "at least one message"),
        ({"messages": ["a"]}, "messages.0: Input should be a valid dictionary"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": said("a")}, "messages.0.content.0: Input should be a valid dictionary"),
        ({"messages": said({"text": "a"})}, "messages.0.content.0.type: Field required"),
        ({"messages": said({"type": "txt"})}, "Input tag 'txt'"),
        ({"messages": said({"type": "text"})}, "content.0.text.text: Field required"),
        ({"messages": said({"type": "thinking", "thinking": "t"}, role="assistant")}, "thinking.signature"),
        ({"messages": said({"type": "tool_result"})}, "tool_result.tool_use_id: Field required"),
        ({"messages": said({"type": "tool_result", "tool_use_id": "t", "content": 3})}, "tool_result.content"),
        ({"messages": said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_use"}]})}, "tag"),
        ({"messages": said({"type": "text", "text": "a", "cache_control": "on"})}, "cache_control"),
        ({"messages": said({"type": "text", "text": "a", "cache_control": {"ttl": [5]}})}, "cache_control.ttl"),
        ({"messages": said({"type": "image", "source": {}})}, "content.0.image.source: Unable to extract tag"),
        ({"messages": said({"type": "image", "source": {"type": "path"}})}, "expected tags: 'base64', 'file', 'url'"),
        (
            {"messages": said({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "a"}})},
            "media_type: Input should be 'image/jpeg' or",
        ),
        (
            {"messages": said({"type": "document", "source": {"type": "url"}})},
            "document.source.url.url: Field required",
        ),
        ({"messages": said({"type": "search_result", "source": "s", "title": "t"})}, "search_result.content"),
        ({"system": 3}, "system: Input should be"),
        ({"system": [{"type": "image"}]}, "system.0"),
        ({"tools": {}}, "tools: Input should be a valid list"),
        ({"tools": [3]}, "tools.0"),
        ({"tools": [{"name": "read"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.custom.name: Field required"),
        ({"tools": [{**TOOL, "name": "a b"}]}, "tools.0.custom.name: String should match pattern"),
        ({"tools": [{**TOOL, "name": "a" * 129}]}, "'^[a-zA-Z0-9_-]{1,128}$'"),
        ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "defer_loading=false"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "write"}}, "Tool 'write' not found"),
        ({"tool_choice": {"type": "some"}}, "Input tag 'some'"),
        ({"tool_choice": "auto"}, "tool_choice: Input should be a valid dictionary"),
        ({"thinking": {}}, "thinking.type: Field required"),
        ({"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "greater than or equal to 1024"),
        ({"output_config": {"format": "json"}}, "output_config.format"),
        ({"speed": "faster"}, "speed: Input should be 'fast' or 'standard'"),
        ({"service_tier": ["auto"]}, "service_tier"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"temperature": 1.0}, "temperature: Extra inputs are not permitted"),
    ],
)
def test_each_wrong_type_is_named(fields: dict[str, Any], words: str) -> None:
    """The fault says where, in the API's way of naming places."""
    assert any(words in message for message in malformed(a_body(**fields)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking"]), JSON)
def test_any_value_in_any_place_is_judged(name: str, value: Any) -> None:
    """No value of a field makes the rules fail instead of the body."""
    assert all(found.message for found in faults(a_body(**{name: value})))
