"""A request read from where it differs from the last one is as one read as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.cache.spell import spell
from tests.cache.clients import EDITS, Body, Client, a_body, an_agent, turn


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, len(EDITS) - 1), max_size=3), min_size=2, max_size=6))
def test_what_is_taken_over_is_what_would_be_read_anew(steps: list[set[int]]) -> None:
    """Whatever changes between requests, one that is read from the first difference on is as one read as a whole."""
    known: list[Any] = []
    for edits in steps:
        messages = an_agent()
        for number in sorted(edits):  # those of blocks come before those that move messages
            EDITS[number](messages)
        body = a_body(messages=messages)
        made = spell(body, known=known, keep=True)
        assert made == spell(body)
        known.insert(0, made)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": {"b": "x", "c": "y"}}, {"a": {"c": "y", "b": "x"}}),
    ],
)
def test_inputs_that_python_calls_equal_are_told_apart(before: Body, after: Body) -> None:
    """The order of an input's keys and the type of its values count, also where the last request was kept."""
    client = Client()
    client.ask(a_body(messages=an_agent(before)), own=True)
    found = client.ask(a_body(messages=an_agent(after, size=4)), own=True)
    assert [(one.cause, one.where.split("/")[2]) for one in found] == [("message_changed", "1")]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("change", [EDITS[2], EDITS[3]])
def test_a_change_in_place_is_found(change: Any, own: bool) -> None:
    """A block or an input that is changed in the very objects that were sent before is reported."""
    client = Client()
    messages = an_agent()
    client.ask(a_body(messages=messages), own=own)
    change(messages)
    found = client.ask(turn(a_body(messages=messages)), own=own)
    assert [one.cause for one in found] == ["message_changed"]


def test_only_the_last_request_is_kept_and_nothing_with_redact() -> None:
    """A conversation keeps the body of its last request; with `redact`, and where the body is shared, none is kept."""
    for options, own, kept in (({}, True, True), ({"redact": True}, True, False), ({}, False, False)):
        client = Client(**options)
        for size in (1, 2, 3):
            body = a_body(messages=an_agent(size=size))
            client.ask(body, own=own)
        (tip,) = client.watch._tips
        assert (tip.spelled.body is body) is kept
        assert (tip.spelled.body is None) is not kept


def test_kept_messages_are_bounded() -> None:
    """Beyond `text_bytes` no messages are kept, and the watch goes on."""
    client = Client(text_bytes=100)
    client.ask(a_body(messages=an_agent()), own=True)
    assert [tip.spelled.body for tip in client.watch._tips] == [None]
    assert [one.cause for one in client.ask(a_body(messages=an_agent({"n": 9}, size=4)), own=True)] == [
        "message_changed"
    ]
