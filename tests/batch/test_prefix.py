"""What all items share: marked once, the same bytes, refused when the API would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextkit.api.validity import faults
from contextkit.batch.prefix import Prefix, prefix_of
from contextkit.errors import ConfigError
from contextkit.route import output_of

TOOL = {"name": "look", "description": "Look.", "input_schema": {"type": "object"}, "cache_control": {"type": "x"}}
TALK = [
    {"role": "user", "content": [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}]},
    {"role": "assistant", "content": [{"type": "text", "text": "yes"}]},
]


def made(body: dict[str, Any], output: Any = None, **settings: Any) -> Prefix:
    """A prefix of a body."""
    given = {"model": "haiku", "max_tokens": None, "structured": True, "ttl": "1h", "params": {}, **settings}
    return prefix_of(body, output=output_of(output), **given)


def marks(value: Any) -> list[Any]:
    """All marks in a body."""
    if isinstance(value, dict):
        own = [value["cache_control"]] if "cache_control" in value else []
        return own + [mark for item in value.values() for mark in marks(item)]
    return [mark for item in value for mark in marks(item)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "body", [{"system": "s"}, {"tools": [TOOL]}, {"system": "s", "tools": [TOOL], "messages": TALK}, {"messages": TALK}]
)
def test_one_mark_stands_at_the_end_of_the_prefix(body: dict[str, Any]) -> None:
    """Marks of the caller's own are taken off; one for an hour stands on the last block."""
    prefix = made(body)
    whole = json.loads(prefix.head + b"]}") if not body.get("messages") else json.loads(prefix.head[:-1] + b"]}")
    assert whole == prefix.body
    assert marks(whole) == [{"type": "ephemeral", "ttl": "1h"}]
    last = (whole["messages"] or whole.get("system") or whole["tools"])[-1]
    assert "cache_control" in (last["content"][-1] if "content" in last else last)


def test_the_same_prefix_has_the_same_bytes_and_name() -> None:
    """Spelling does not count; content, model and limits do."""
    one, same = made({"system": "s"}), made({"system": [{"type": "text", "text": "s"}]})
    assert (one.head, one.name) == (same.head, same.name)
    names = {one.name, made({"system": "t"}).name, made({"system": "s"}, model="opus").name,
             made({"system": "s"}, max_tokens=7).name}  # fmt: skip
    assert len(names) == 4


@pytest.mark.parametrize(
    ("body", "model", "output", "limit"),
    [
        ({"system": "s"}, "haiku", None, 0),
        ({"system": "s"}, "haiku", {"type": "object", "additionalProperties": False, "properties": {}}, 1),
        ({"system": "s", "tools": [TOOL], "tool_choice": {"type": "any"}}, "haiku", None, 1),
        ({"system": "s", "thinking": {"type": "enabled", "budget_tokens": 2_000}, "max_tokens": 4_000},
         "claude-haiku-4-5", None, 2_001),
    ],
)  # fmt: skip
def test_the_warm_up_is_the_smallest_that_the_api_takes(body: Any, model: str, output: Any, limit: int) -> None:
    """No output where that goes, else the least; everything that the cache depends on is as in the items."""
    warm = made(body, output, model=model).warm()
    assert warm["max_tokens"] == limit
    assert not list(faults(warm))


def test_a_short_prefix_is_not_reckoned_as_shared() -> None:
    """Below the model's minimum nothing is cached, and nothing is warmed for it."""
    assert not made({"system": "short"}).shared
    assert made({"system": "long enough to be cached. " * 400}).shared
    assert not made({"system": "long enough to be cached. " * 400}, ttl=None).shared


def test_what_the_api_would_refuse_is_refused_at_once() -> None:
    """Faults of the prefix are said before anything is sent."""
    with pytest.raises(ConfigError, match="budget_tokens"):
        made({"thinking": {"type": "enabled"}})
    with pytest.raises(ConfigError, match="Tool names must be unique"):
        made({"tools": [TOOL, TOOL]})
    with pytest.raises(ConfigError, match="pattern"):
        made({}, {"type": "string", "pattern": "x"})
