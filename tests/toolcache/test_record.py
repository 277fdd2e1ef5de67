"""Answers as they are kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.toolcache.record import described, lifetime, made, read, rebuilt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class OddError(Exception):
    """An error whose constructor wants something else than what it keeps."""

    def __init__(self, code: int, *, text: str) -> None:
        super().__init__(code, text)


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    """What is kept is read again, equal and with the same bytes."""
    record = made(value, now=100.0, ttl=10.0, seconds=1.5, tokens=7)
    assert record is not None
    again = read(record.pack())
    assert again == record
    assert again.value == value
    assert repr(again.value) == repr(value)
    assert (again.made, again.fresh, again.seconds, again.tokens) == (100.0, 110.0, 1.5, 7)


def test_what_json_would_change_is_not_kept() -> None:
    """Tuples, sets, keys that are no text, NaN, bytes, objects and loops have no record."""
    loop: list[Any] = []
    loop.append(loop)
    for value in ((1,), [(1, 2)], {1}, {1: 2}, float("nan"), b"x", object(), loop, {"a": (1,)}):
        assert made(value, now=0.0, ttl=1.0, seconds=0.0) is None


def test_a_value_is_made_anew_each_time() -> None:
    """Whoever changes what was read changes nobody else's."""
    record = made({"a": [1]}, now=0.0, ttl=1.0, seconds=0.0)
    assert record is not None
    record.value["a"].append(2)
    assert record.value == {"a": [1]}


@given(st.binary(max_size=80), st.integers(0, 60))
def test_bytes_that_are_no_record_are_nothing(noise: bytes, cut: int) -> None:
    """Noise, other versions and cut records read as None or as some record, and never raise."""
    whole = made("x" * 20, now=0.0, ttl=1.0, seconds=0.0)
    assert whole is not None
    assert read(None) is None
    assert read(whole.pack()[: min(cut, 60)]) is None
    assert read(b"\xff" + whole.pack()[1:]) is None
    read(noise)


def test_shaped_forms_stand_beside_the_answer() -> None:
    """Each under the fingerprint of its shape; the answer itself stays the same bytes."""
    record = made({"a": 1}, now=0.0, ttl=1.0, seconds=0.0)
    assert record is not None
    assert record.shapes == {}
    both = read(record.with_shape("one", "a=1").with_shape("two", "ä\ud800").pack())
    assert both is not None
    assert both.shapes == {"one": "a=1", "two": "ä\ud800"}
    assert both.json == record.json


@given(st.floats(0.001, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_jitter_only_shortens(ttl: float, jitter: float, roll: float) -> None:
    """A lifetime is never longer than the TTL, nor shorter than the TTL less its largest share."""
    assert ttl * (1 - jitter) * 0.999 <= lifetime(ttl, jitter, roll) <= ttl
    assert lifetime(ttl, 0.0, roll) == ttl


def test_errors_are_described_and_rebuilt() -> None:
    """The declared type nearest to the error's own, with its arguments; others are none."""
    kinds: dict[str, type[Exception]] = {
        "builtins.LookupError": LookupError, f"{__name__}.OddError": OddError,
    }  # fmt: skip
    told = described(KeyError("x"), kinds)
    assert told == ["builtins.LookupError", ["x"]]
    assert described(ValueError("x"), kinds) is None
    record = made(told, now=0.0, ttl=1.0, seconds=0.0, is_error=True)
    assert record is not None
    error = rebuilt(record, kinds)
    assert type(error) is LookupError
    assert error.args == ("x",)
    assert rebuilt(record, {}) is None
    odd = made(described(OddError(4, text="t"), kinds), now=0.0, ttl=1.0, seconds=0.0, is_error=True)
    assert odd is not None
    again = rebuilt(odd, kinds)
    assert isinstance(again, OddError)
    assert again.args == (4, "t")


@pytest.mark.parametrize("text", ["", "plain", "ünï", "\ud800", "a\x00b"])
def test_texts_of_all_kinds_are_kept(text: str) -> None:
    """Also lone surrogates and NUL, which a tool may give."""
    record = made(text, now=0.0, ttl=1.0, seconds=0.0)
    assert record is not None
    again = read(record.pack())
    assert again is not None
    assert again.value == text
