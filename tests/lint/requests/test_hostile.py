"""Bodies of every wrong form: each is judged or said to be unreadable, and nothing is raised."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

import pytest

from contextkit.lint.requests import Billed, examine
from tests.lint.requests.logs import a_body, encoded, found, marked_by_hand

STRANGE: list[Any] = [None, True, 0, -1, 1e308, "", "text", [], [None], [[]], {}, {"type": None}, {"type": "text"},
                      {"type": "tool_result", "content": 5}, {"a": {"b": []}}, "\ud800"]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(found for key, item in inner for found in places(item, (*at, key)))]


def spoiled(draw: random.Random) -> dict[str, Any]:
    """A good line with something else at one to three places of it."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 900, "output_tokens": 5}
    body = draw.choice([a_body(draw.randrange(4)), marked_by_hand(a_body(draw.randrange(4)))])
    line: dict[str, Any] = {"timestamp": 1_795_348_800.0, "request": body, "response": {"usage": usage, "content": []}}
    line = deepcopy(draw.choice([line, body]))
    for _ in range(draw.randrange(1, 4)):
        place = draw.choice([one for one in places(line) if one])
        held = line
        for key in place[:-1]:
            held = held[key]
        held[place[-1]] = deepcopy(draw.choice(STRANGE))
    return line


@pytest.mark.parametrize("seed", range(40))
def test_no_form_of_a_body_stops_the_reading(seed: int) -> None:
    """Spoiled lines among good ones: every line is a call, or is said to be unreadable with its number."""
    draw = random.Random(seed)
    lines = [spoiled(draw) if draw.random() < 0.7 else a_body(at % 4) for at in range(30)]
    raw = encoded(lines)
    items = list(examine("log.jsonl", raw))
    told = {one.line for one in items if isinstance(one, Billed) or getattr(one, "code", "") == "CK300"}
    silent = [line for number, line in enumerate(lines, 1) if number not in told]
    assert all("messages" not in json.dumps(line) or not _holds(line) for line in silent)


def _holds(line: dict[str, Any]) -> bool:
    """Whether a line holds something that is a list of messages."""
    inner = line.get("request") if isinstance(line.get("request"), dict) else {}
    return isinstance(line.get("messages"), list) or isinstance(dict(inner or {}).get("messages"), list)


def test_a_limit_that_is_not_there_is_no_fault() -> None:
    """Bodies of count_tokens and of many loggers have no max_tokens: what they break is found like any other's."""
    bodies = [a_body(1, max_tokens=None), a_body(2, max_tokens=None, system="Changed. " * 500)]
    assert [one.code for one in found(bodies) if one.severity != "info"] == ["CK310"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([{"text": "no type"}], r"messages.0.content.0.type: Field required"),
        (None, r"messages.0.content: Field required"),
    ],
)
def test_the_reason_is_the_one_that_counts(content: Any, why: str) -> None:
    """Of a body that cannot be read the fault in its content is named, not a parameter that is missing beside it."""
    (one,) = [
        each
        for each in found([{"model": "claude-opus-5-5", "messages": [{"role": "user", "content": content}]}])
        if each.code == "CK300"
    ]
    assert why in one.message


def test_a_mark_that_is_no_object_is_a_finding() -> None:
    """The rules about marks say so, and the others are silent."""
    body = a_body(1, cache_control="yes", system=[{"type": "text", "text": "x", "cache_control": "yes"}])
    assert {one.code for one in found([body])} == {"CK304"}
