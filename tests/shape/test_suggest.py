"""Suggestions: what samples say could be dropped, and what it saves."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.shape.chain import Shape
from contextkit.shape.suggest import REASONS, suggest
from tests.shape.conftest import containers

SAMPLES: list[Any] = [
    {
        "id": f"ord_{number}",
        "object": "order",
        "gone": None,
        "tags": [],
        "url": f"https://example.com/{number}",
        "items": [{"sku": f"s{number}{line}", "code": f"s{number}{line}", "qty": line} for line in range(2)],
        "photo": "data:image/png;base64," + "Ab1/" * (20 + number),
    }
    for number in range(4)
]


def test_each_reason_is_found_with_its_path() -> None:
    """Empty, constant, duplicated, url-like and encoded fields are proposed; the others are not."""
    found = {one.path: one for one in suggest(SAMPLES)}
    assert {path: one.reason for path, one in found.items()} == {
        "$.gone": "empty",
        "$.tags": "empty",
        "$.object": "constant",
        "$.items[*].code": "duplicate",
        "$.url": "url",
        "$.photo": "binary",
    }
    assert "$.items[*].sku" in found["$.items[*].code"].detail


def test_what_a_suggestion_says_it_saves_it_saves() -> None:
    """The characters of a suggestion are what dropping its path takes away, separators aside."""
    for one in suggest(SAMPLES):
        plain = sum(len(Shape().apply(sample).text) for sample in SAMPLES)
        less = sum(len(Shape(drop=[one.path]).apply(sample).text) for sample in SAMPLES)
        assert plain - less == one.chars
        assert one.share == one.chars / plain


def test_the_best_reasons_come_first() -> None:
    """Sorted by reason, then by what they save."""
    found = suggest(SAMPLES)
    assert [REASONS.index(one.reason) for one in found] == sorted(REASONS.index(one.reason) for one in found)


def test_false_and_zero_are_not_empty_and_one_sample_has_no_constants() -> None:
    """A count of 0 says something, and what is seen once has not been seen to stay."""
    assert suggest([{"a": 0, "b": False, "c": "x", "d": 1}]) == []


@settings(max_examples=150, deadline=None)
@given(st.lists(containers, max_size=4))
def test_every_path_that_is_proposed_works(samples: list[Any]) -> None:
    """Any document gives suggestions whose paths can be declared."""
    paths = [one.path for one in suggest(samples)]
    if paths:
        json.loads(Shape(drop=paths[:50]).apply(samples).text)
