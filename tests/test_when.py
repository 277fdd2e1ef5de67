"""Conditions: each sees what it names, and they join like truth values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.when import ALWAYS, COLD, TURN_START, Condition, View, calls, idle, share, tokens

SEEN = View(tokens=60_000, ceiling=100_000, foldable=40_000, calls=30, since_fold=7, idle=200.0, turn_start=True)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (ALWAYS, True),
        (COLD, False),
        (TURN_START, True),
        (tokens(60_000), True),
        (tokens(60_001), False),
        (share(0.6), True),
        (share(0.61), False),
        (calls(7), True),
        (calls(8), False),
        (idle(200.0), True),
        (idle(200.1), False),
    ],
)
def test_what_each_sees(condition: Condition, holds: bool) -> None:
    """At its figure a condition holds, beyond it it does not."""
    assert condition(SEEN) is holds


def test_no_share_of_nothing() -> None:
    """Without a budget no share of it is reached."""
    assert not share(0.0)(View(tokens=10))


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_joined(truths: list[bool]) -> None:
    """`&`, `|` and `~` are and, or and not, in any nesting."""
    a, b, c = (ALWAYS if truth else ~ALWAYS for truth in truths)
    x, y, z = truths
    assert ((a & b) | ~c)(SEEN) is ((x and y) or not z)
    assert (~(a | b) & c)(SEEN) is (not (x or y) and z)


def test_names() -> None:
    """A condition is shown as it was written."""
    assert repr(TURN_START | COLD & ~tokens(10)) == "(TURN_START | (COLD & ~tokens(10)))"
