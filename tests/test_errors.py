"""One tree of errors; each says what, where and what to do."""

from __future__ import annotations

import pickle

import pytest

from contextkit import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_in_the_tree(name: str) -> None:
    """Catching the root catches all; the parts are kept, and stand in the text in a fixed form."""
    kind = getattr(errors, name)
    assert issubclass(kind, errors.ContextKitError)
    error = kind("it is wrong", where="entry 3", fix="Do that.")
    assert (error.what, error.where, error.fix) == ("it is wrong", "entry 3", "Do that.")
    assert str(error) == "it is wrong (entry 3). Do that."
    assert str(kind("it is wrong")) == "it is wrong."
    assert kind.__doc__


def test_the_tree_is_complete() -> None:
    """Every exception of the module is public."""
    found = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert found == set(errors.__all__)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [("ConfigError", ValueError), ("HistoryError", ValueError), ("FrozenError", AttributeError)],
)
def test_errors_are_what_python_expects(name: str, builtin: type[Exception]) -> None:
    """A wrong value is a ValueError and a frozen attribute an AttributeError, for those who catch those."""
    assert issubclass(getattr(errors, name), builtin)


def test_errors_travel_between_processes() -> None:
    """Worker processes hand errors over; what, where and fix arrive."""
    error = pickle.loads(pickle.dumps(errors.HistoryError("a", where="b", fix="C.")))  # noqa: S301  (our own bytes)
    assert isinstance(error, errors.HistoryError)
    assert (error.what, error.where, error.fix) == ("a", "b", "C.")
    assert str(error) == "a (b). C."
