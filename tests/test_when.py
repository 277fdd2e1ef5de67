"""Conditions: each sees what it names, and they join like truth values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.errors import ConfigError
from contextkit.when import (
    ALWAYS,
    COLD,
    TURN_START,
    Condition,
    View,
    answer_stable,
    calls,
    confidence,
    idle,
    share,
    spent,
    steps,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SEEN = View(
    tokens=60_000,
    ceiling=100_000,
    foldable=40_000,
    calls=30,
    since_fold=7,
    idle=200.0,
    turn_start=True,
    steps=4,
    spent=0.05,
    texts=("Answer: 41", "Answer: 42, confidence: 0.2", "Answer: 42, confidence: 0.2", "answer:  42, confidence: 0.2"),
)


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
        (steps(4), True),
        (steps(5), False),
        (spent(0.05), True),
        (spent(0.051), False),
        (confidence(0.2), True),
        (confidence(0.21), False),
        (confidence(0.9, of=lambda text: len(text) / 30), True),
        (confidence(0.1, of=lambda _: None), False),
        (answer_stable(3), True),
        (answer_stable(4), False),
        (answer_stable(4, of=lambda text: text[:1].casefold()), True),
        (answer_stable(2, of=lambda _: None), False),
        (answer_stable(5), False),
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


def test_nothing_said_is_neither_sure_nor_stable() -> None:
    """Before the first answer no confidence is stated and no answer stands."""
    assert not confidence(0.0)(View())
    assert not answer_stable(2)(View())


def test_an_unknown_cost_is_not_nothing() -> None:
    """A limit in USD that could never hold is refused when it is asked, and says what to use instead."""
    with pytest.raises(ConfigError, match="no known price"):
        spent(0.05)(View(spent=None))


@pytest.mark.parametrize(
    "make",
    [lambda: steps(0), lambda: confidence(1.1), lambda: confidence(-0.1), lambda: answer_stable(1),
     lambda: answer_stable(17), lambda: answer_stable(2.5), lambda: steps(1.5), lambda: steps("3"),  # type: ignore[arg-type]
     lambda: confidence("high"),  # type: ignore[arg-type]  # as those above: wrong on purpose
     lambda: confidence(float("nan")), lambda: spent(-0.01), lambda: spent(float("nan")),
     lambda: tokens(-1), lambda: share(1.1), lambda: calls(-1), lambda: idle(float("inf"))],
)  # fmt: skip
def test_figures_out_of_range(make: Callable[[], Condition]) -> None:
    """A bound that always or never holds is refused where it is written."""
    with pytest.raises(ConfigError):
        make()


def test_a_condition_joins_with_conditions_alone() -> None:
    """`steps(3) | 5` is a TypeError where it is written."""
    for join in (lambda: steps(3) | 5, lambda: steps(3) & None):  # type: ignore[operator]  # that is the point
        with pytest.raises(TypeError, match="unsupported operand"):
            join()


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (steps(10) | spent(0.01), "spent(0.01)"),
        (steps(3) | spent(0.01), "steps(3)"),
        (steps(10) | (steps(2) | steps(1)), "steps(2)"),
        (steps(1) & spent(0.01), "(steps(1) & spent(0.01))"),
        (~steps(9), "~steps(9)"),
        (steps(9) | spent(1.0), ""),
        (steps(9), ""),
    ],
)
def test_why(condition: Condition, why: str) -> None:
    """Of joined alternatives the first that holds is named; what does not hold has no reason."""
    assert condition.why(SEEN) == why
