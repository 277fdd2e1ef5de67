"""Loans look like plain JSON everywhere, and every writing on them is noticed."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.emulator import Emulator
from contextkit.history.loan import LoanedDict, LoanedList, Slip, lend, returned

if TYPE_CHECKING:
    from collections.abc import Callable

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


def plain_all_through(value: Any) -> bool:
    """No loan anywhere inside."""
    if isinstance(value, dict):
        return type(value) is dict and all(map(plain_all_through, value.values()))
    return not isinstance(value, list) or (type(value) is list and all(map(plain_all_through, value)))


@given(JSON)
def test_a_loan_is_equal_to_what_was_lent(value: Any) -> None:
    """Equal, printed and serialised the same; its copies, slices of it and what comes back are plain."""
    register: set[int] = set()
    loan = lend(value, Slip(7, register))
    assert loan == value
    assert repr(loan) == repr(value)
    assert json.dumps(loan) == json.dumps(value)
    for kept in (copy.deepcopy(loan), returned(loan), pickle.loads(pickle.dumps(loan))):  # noqa: S301  (our own bytes)
        assert kept == value
        assert plain_all_through(kept)
    assert type(copy.copy(loan)) is type(value)
    assert register == set()


ARGUMENTS: tuple[tuple[Any, ...], ...] = (
    (),
    (0,),
    (1,),
    ("a",),
    ("a", 9),
    (0, 9),
    ("new", 9),
    (slice(0, 1), [9, 9]),
    (slice(0, 1),),
    ({"new": 9},),
    ([9],),
    (2,),
)

EXEMPT = {
    "__init__",  # making a loan is no writing on it, and nobody makes one twice
}


def changes(base: type, start: Any, name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a plain list or dict is another one after the method was called."""
    value = base(start)
    try:
        getattr(base, name)(value, *arguments)
    except Exception:  # noqa: BLE001  (most arguments fit most methods not at all)
        return False
    return bool(repr(value) != repr(start))


def mutations(base: type, start: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """Every method of this Python's dict or list that writes, each with arguments with which it does."""
    names = [name for name in dir(base) if callable(getattr(base, name)) and name not in EXEMPT]
    return [(name, arguments) for name in names for arguments in ARGUMENTS if changes(base, start, name, arguments)]


KINDS: tuple[tuple[type, type, Callable[[], Any]], ...] = (
    (dict, LoanedDict, lambda: {"a": 1, "b": 2}),
    (list, LoanedList, lambda: [2, 1, 3]),
)


@pytest.mark.parametrize(("base", "lent", "start"), KINDS)
def test_every_method_that_writes_is_noticed(base: type, lent: type, start: Callable[[], Any]) -> None:
    """Found by trying all methods that this Python has, so that a new one cannot slip through."""
    found = mutations(base, start())
    assert {name for name, _ in found} >= {"__setitem__", "__delitem__", "clear", "pop"}
    for name, arguments in found:
        register: set[int] = set()
        loan = lend(start(), Slip(3, register))
        assert type(loan) is lent
        getattr(loan, name)(*arguments)
        assert register == {3}, name


@pytest.mark.parametrize(("base", "lent", "start"), KINDS)
def test_reading_is_not_noticed(base: type, lent: type, start: Callable[[], Any]) -> None:
    """Methods that do not write leave the loan as it is, untouched."""
    writing = {name for name, _ in mutations(base, start())}
    for name in ("__iter__", "__len__", "copy", "__reversed__", "__repr__", "keys", "items", "values", "index", "get"):
        if not hasattr(base, name):
            continue
        assert name not in writing
        register: set[int] = set()
        getattr(lend(start(), Slip(3, register)), name)(*[1] * (name in {"index", "get"}))
        assert register == set()


def test_writing_deep_inside_is_noticed_at_the_top() -> None:
    """All parts of one message share its card, also through a plain copy of the outer dict."""
    register: set[int] = set()
    loan = lend({"content": [{"type": "text", "text": "x", "input": {"deep": [1]}}]}, Slip(5, register))
    {**loan}["content"][0]["input"]["deep"].append(2)
    assert register == {5}


def test_writing_on_a_copy_is_not_noticed() -> None:
    """A deep copy is the borrower's own."""
    register: set[int] = set()
    loan = lend({"content": [{"text": "x"}]}, Slip(5, register))
    copy.deepcopy(loan)["content"][0]["text"] = "y"
    returned(loan)["content"].clear()
    assert register == set()
    assert loan == {"content": [{"text": "x"}]}


def test_the_sdk_sends_a_loan_as_it_is() -> None:
    """The real SDK takes loans as messages, sends their content, and does not write on them."""
    register: set[int] = set()
    emulator = Emulator(["Good."])
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hello."}]}]
    loans = [lend(message, Slip(at, register)) for at, message in enumerate(messages)]
    emulator.client().messages.create(model="claude-opus-5", max_tokens=10, messages=loans)
    assert emulator.requests[0].body["messages"] == messages
    assert register == set()
