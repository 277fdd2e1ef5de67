"""Tools, system and settings are read once, and known again only where they are the same."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from contextkit.cache.head import Head, head_of

Body = dict[str, Any]
SEEN = (False, False)


def a_body(**changes: Any) -> Body:
    """A request with two tools and a marked system block."""
    tools = [
        {
            "name": name,
            "description": f"Does {name}.",
            "input_schema": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
        }
        for name in ("read", "edit")
    ]
    system = [{"type": "text", "text": "Be careful.", "cache_control": {"type": "ephemeral"}}]
    return {"model": "claude-opus-5-5", "max_tokens": 10, "tools": tools, "system": system, "messages": [], **changes}


def read(body: Body, *known: Head, betas: tuple[str, ...] = ()) -> Head:
    """The head of a body."""
    return head_of(body, betas, SEEN, known)


def test_the_same_head_is_taken_over() -> None:
    """A copy of a request with other messages, limits and metadata has the very same head."""
    first = read(a_body())
    later = deepcopy(a_body(max_tokens=99, metadata={"user_id": "u"}, stream=True, messages=[{"role": "user"}]))
    assert read(later, first) is first


@pytest.mark.parametrize(
    "changes",
    [
        {"system": "Be careful."},
        {"tools": []},
        {"thinking": {"type": "adaptive"}},
        {"tool_choice": {"type": "any"}},
        {"output_config": {"effort": "low"}},
        {"model": "claude-opus-5"},
    ],
)
def test_another_head_is_read_anew(changes: Body) -> None:
    """Whatever changes the prompt before the messages makes another head, as it would be read alone."""
    first, body = read(a_body()), a_body(**changes)
    assert read(body, first) is not first
    assert read(body, first) == read(body)


def test_betas_and_what_the_messages_hold_are_part_of_it() -> None:
    """Another set of beta headers, a first image: the settings are not the same."""
    first = read(a_body())
    assert read(a_body(), first, betas=("some-beta",)).settings["betas"] == "some-beta"
    assert head_of(a_body(), (), (True, False), [first]).settings["images"] == "present"


def test_the_order_of_a_schemas_keys_counts() -> None:
    """A schema whose keys stand in another order is another tool, though Python calls the two equal."""
    body = a_body()
    first, turned = read(body), deepcopy(body)
    properties = turned["tools"][0]["input_schema"]["properties"]
    turned["tools"][0]["input_schema"]["properties"] = {"b": properties["b"], "a": properties["a"]}
    assert turned == body
    assert read(turned, first).tools[0] != first.tools[0]
    assert read(turned, first).tools[1] == first.tools[1]


def test_what_python_cannot_write_is_read_each_time() -> None:
    """A head that cannot be printed by value is never mistaken for another."""
    body = a_body(output_config={"format": object()})
    first = read(body)
    assert first.known_by is None
    assert read(body, first) is not first
