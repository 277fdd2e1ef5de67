from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextkit.transcripts.openai import append, message, system_text

if TYPE_CHECKING:
    from contextkit.api.messages import Message


def test_results_of_one_round_are_one_message() -> None:
    """Neighbours of one role are joined, as the Messages API wants results."""
    messages: list[Message] = []
    for entry in ({"role": "tool", "tool_call_id": "a", "content": "1"}, {"role": "tool", "tool_call_id": "b"}):
        found = message(entry)
        assert found is not None
        append(messages, found)
    assert [block["tool_use_id"] for block in messages[0]["content"]] == ["a", "b"]
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (None, {}),
        ("[1]", {"arguments": "[1]"}),
        ("{torn", {"arguments": "{torn"}),
        ("[" * 100_000, {"arguments": "[" * 100_000}),
    ],
)
def test_arguments(arguments: Any, given: dict[str, Any]) -> None:
    """A JSON object is the input; a text that is none is kept whole under one name."""
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
    found = message({"role": "assistant", "tool_calls": [call]})
    assert found is not None
    assert found["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": given}]


def test_images() -> None:
    """A data URL becomes base64, any other a link."""
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    found = message({"role": "user", "content": parts})
    assert found is not None
    assert [block["source"] for block in found["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": "QUJD"},
        {"type": "url", "url": "https://example.org/a.png"},
    ]


def test_ids_are_made_valid() -> None:
    """What the API's id pattern refuses is replaced, in calls and results alike."""
    call = message({"role": "assistant", "tool_calls": [{"id": "a:1", "name": "f", "arguments": {}}]})
    result = message({"role": "tool", "tool_call_id": "a:1", "content": "x"})
    assert call is not None
    assert result is not None
    assert call["content"][0]["id"] == result["content"][0]["tool_use_id"] == "a_1"


@pytest.mark.parametrize(
    "entry", [{}, {"role": "system", "content": "x"}, {"role": "user", "content": ""}, {"role": 7}]
)
def test_what_is_no_message(entry: dict[str, Any]) -> None:
    """Roles without a counterpart and empty content give nothing."""
    assert message(entry) is None


def test_system_text() -> None:
    """System and developer messages give their text, others none."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert system_text({"role": "developer", "content": parts}) == "a\n\nb"
    assert system_text({"role": "user", "content": "x"}) == ""
