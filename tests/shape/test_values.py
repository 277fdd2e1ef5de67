"""Values: rounding, dates, nulls, encoded data."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.shape.table import tables
from contextkit.shape.values import Values, elide
from tests.shape.conftest import containers


@pytest.mark.parametrize(
    ("dates", "expected"), [("day", "2026-11-22"), ("minute", "2026-11-22T10:11Z"), ("second", "2026-11-22T10:11:12Z")]
)
def test_times_are_shortened_with_their_zone(dates: str, expected: str) -> None:
    """A time keeps its zone as long as it has an hour; other texts are left alone."""
    short = Values(dates=dates)({"at": "2026-11-22T10:11:12.345678Z", "text": "on 2026-11-22T10:11:12Z it was"})
    assert short == {"at": expected, "text": "on 2026-11-22T10:11:12Z it was"}


def test_numbers_are_rounded_only_where_that_is_shorter() -> None:
    """Whole numbers stay whole, and 5e-05 is not written out."""
    assert Values(round_to=2)({"a": 12.3456, "b": 3.0, "c": 7, "d": 1e300, "e": True}) == {
        "a": 12.35,
        "b": 3,
        "c": 7,
        "d": 1e300,
        "e": True,
    }
    assert json.dumps(Values(round_to=4)([5e-05])) == "[5e-05]"


def test_nulls_and_empty_members_go_but_places_in_arrays_stay() -> None:
    """Only members of objects are left out: an element's place may mean something. 0 and false are not empty."""
    document = {"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": [None, "", 1], "h": {"i": None}}
    assert Values(drop_null=True)(document) == {key: one for key, one in document.items() if key not in "ah"} | {
        "h": {}
    }
    assert Values(drop_null=True, drop_empty=True)(document) == {"e": 0, "f": False, "g": [None, "", 1]}


def test_encoded_data_is_named_by_type_size_and_hash() -> None:
    """A data URL and long base64 become a short name from which the same data is recognised."""
    data = base64.b64encode(bytes(range(256)) * 4).decode()
    url = f"data:image/png;base64,{data}"
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    assert elide(f"see {url} there") == f"see [image/png, {len(url):,} characters, sha256 {digest}] there"
    assert elide(data).startswith("[base64, 1,368 characters, sha256 ")
    assert elide(elide(url)) == elide(url)


@pytest.mark.parametrize("text", ["x" * 5_000, "1234567890" * 100, "a/b/c/" * 100, "-" * 900])
def test_long_texts_that_are_not_encoded_stay(text: str) -> None:
    """A ruler, a long number or a long path is not taken for base64."""
    assert elide(text) == text


def test_long_texts_are_capped_each() -> None:
    """`max_string` caps every text of a document by itself."""
    short = Values(max_string=100)({"a": "word " * 100, "b": ["short"]})
    assert len(short["a"]) <= 100
    assert "characters cut" in short["a"]
    assert short["b"] == ["short"]


@settings(max_examples=200, deadline=None)
@given(containers, st.integers(0, 4), st.sampled_from(["day", "minute", "second"]), st.integers(1, 60))
def test_values_are_idempotent_and_never_longer(document: object, digits: int, dates: str, limit: int) -> None:
    """Shortening what is short changes nothing."""
    values = Values(round_to=digits, dates=dates, drop_null=True, drop_empty=True, max_string=limit, elide_binary=True)
    once = values(document)
    assert values(once) == once
    assert len(json.dumps(once, ensure_ascii=False)) <= len(json.dumps(document, ensure_ascii=False))


@settings(max_examples=200, deadline=None)
@given(containers)
def test_a_table_says_the_same_in_less(document: object) -> None:
    """Tables are never longer, a second pass changes nothing, and rows can be read back."""
    once = tables(document)
    assert tables(once) == once
    assert len(json.dumps(once, separators=(",", ":"))) <= len(json.dumps(document, separators=(",", ":")))
    rows = [{"name": f"n{number}", "quantity": number, "deep": {"a": [number]}} for number in range(6)]
    table = tables(rows)
    assert [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]] == rows
