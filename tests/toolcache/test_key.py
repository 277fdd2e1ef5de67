"""Keys of calls: the same for the same call, another for any other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from contextkit.errors import ConfigError
from contextkit.toolcache.key import Arguments, NoKeyError, canonical, part

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Unit(Enum):
    """A value with a name."""

    METER = 1
    FOOT = 2


@dataclass
class Point:
    """A value of two fields."""

    x: int
    y: Any = None


class Place(BaseModel):
    """A pydantic model."""

    city: str
    zip: str | None = None


def typed(value: Any) -> Any:
    """A value with the types of all its parts, so that == tells what a key must tell."""
    if isinstance(value, dict):
        return ("dict", frozenset((key, typed(one)) for key, one in value.items()))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, tuple(typed(one) for one in value))
    return (type(value).__name__, repr(value))


@given(VALUES, VALUES)
def test_the_form_is_injective_and_typed(one: Any, other: Any) -> None:
    """Two values have one form exactly when they are the same value of the same types."""
    assert (canonical(one) == canonical(other)) == (typed(one) == typed(other))


@given(st.dictionaries(st.text(), SCALARS), st.randoms())
def test_the_order_of_members_does_not_count(value: dict[str, Any], chance: Any) -> None:
    """A dict in any order has one form."""
    items = list(value.items())
    chance.shuffle(items)
    assert canonical(dict(items)) == canonical(value)


def test_values_that_are_close_differ() -> None:
    """What == calls equal, and what looks alike in text, have forms of their own."""
    close = [
        1, True, 1.0, "1", b"1", [1], (1,), {1}, {"1": 1}, {1: 1}, None, "None", "", [], {}, [[]], ["", ""], "s0:",
        Unit.METER, Unit.FOOT, Point(1), Point(1, 2), Place(city="Ulm"), Place(city="Ulm", zip="89073"),
        date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), Decimal("1.0"), Decimal("1.00"),
        UUID(int=1), PurePosixPath("1"), -0.0, 0.0, 0, 2**70, "\ud800", frozenset({1}),
    ]  # fmt: skip
    forms = [canonical(value) for value in close]
    assert len(set(forms)) == len(close)
    assert [canonical(value) for value in close] == forms


def test_what_has_no_form_says_so() -> None:
    """Objects, callables and endless nesting give no key, and the argument is named."""
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), canonical, loop, {"deep": [object()]}):
        with pytest.raises(NoKeyError):
            canonical(value)
    with pytest.raises(NoKeyError, match="argument days: a object"):
        Arguments(weather).key(("Ulm", object()), {})


def weather(city: str, days: int = 3, *, unit: str = "C") -> None:
    """A function with all kinds of parameters that a tool has."""


def test_one_call_has_one_key_however_it_is_written() -> None:
    """By place or by name, in any order, defaults given or not."""
    key = Arguments(weather).key
    same = [
        key(("Ulm",), {}),
        key((), {"city": "Ulm"}),
        key(("Ulm", 3), {}),
        key((), {"unit": "C", "days": 3, "city": "Ulm"}),
    ]
    assert len(set(same)) == 1
    others = [key(("Ulm", 4), {}), key(("Ulm", "3"), {}), key(("ulm",), {}), key(("Ulm",), {"unit": "F"})]
    assert len({*same, *others}) == 5


def test_a_call_that_does_not_fit_has_no_key() -> None:
    """The function itself says then what is wrong."""
    key = Arguments(weather).key
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}), (("a", 1, "C"), {}), (("a",), {"city": "a"}), (("a",), {"x": 1}), ((), {"days": 1}),
    ]  # fmt: skip
    assert [key(args, kwargs) for args, kwargs in wrong] == [None] * 5


def test_functions_with_open_parameters_have_keys_too() -> None:
    """*args, **kwargs and positional-only parameters are told apart as Python does."""

    def open_ended(first: int, /, *rest: int, **more: int) -> None:
        """Any number of arguments."""

    key = Arguments(open_ended).key
    calls = [key((1,), {}), key((1, 2), {}), key((1,), {"a": 2}), key((1,), {"first": 1}), key((1,), {"b": 2, "a": 2})]
    assert len({*calls, key((1,), {"a": 2, "b": 2})}) == 5
    assert key((), {}) is None


def test_what_counts_can_be_chosen() -> None:
    """Names of parameters, or a value made of the arguments."""
    by_name = Arguments(weather, ["city"]).key
    assert by_name(("Ulm", 1), {}) == by_name((), {"city": "Ulm", "unit": "F"})
    assert by_name(("Ulm",), {}) != by_name(("Bonn",), {})
    made = Arguments(weather, lambda city, **_: city.lower()).key
    assert made(("ULM",), {"days": 2}) == made(("ulm",), {})
    with pytest.raises(ConfigError, match="'town' is no parameter"):
        Arguments(weather, ["town"])


def test_keys_are_the_same_in_every_process() -> None:
    """Another process, with another hash seed, has the same keys."""
    code = (
        "from contextkit.toolcache.key import Arguments, part\n"
        "print(Arguments(lambda a, b=1: 0).key(({'x', 'y', 'z'},), {'b': {'k': 1, 'l': 2}}), part('tenant'))"
    )
    printed = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert part("tenant") in printed.pop()
    assert part("tenant") != part("tenant ")
