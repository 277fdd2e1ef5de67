"""Values: rounding, dates, nulls, encoded data."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.errors import ShapeError
from contextkit.shape.chain import Shape
from contextkit.shape.declare import paths
from contextkit.shape.document import MISSING
from contextkit.shape.fields import field_caps
from contextkit.shape.table import tables
from contextkit.shape.values import Values, elide
from tests.shape.conftest import containers, simple_paths


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


def test_texts_of_single_fields_are_capped_by_their_path() -> None:
    """`max_string` by path cuts what stands there, each to its own length, and leaves every other text."""
    long = "many words " * 40
    document = {"title": long, "rows": [{"body": long, "id": 7}, {"body": "short", "note": long}]}
    shape = Shape(max_string={"$.rows[*].body": 100, "$..note": 60, "$.rows[0].id": 5})
    shaped = shape.apply(document)
    made = json.loads(shaped.text)
    assert len(made["rows"][0]["body"]) <= 100
    assert len(made["rows"][1]["note"]) <= 60
    assert (made["title"], made["rows"][0]["id"], made["rows"][1]["body"]) == (long, 7, "short")
    assert shaped.changed
    assert document["rows"][0] == {"body": long, "id": 7}
    assert shape == Shape(max_string=[("$.rows[*].body", 100), ("$..note", 60), ("$.rows[0].id", 5)])
    assert hash(shape)
    assert not Shape(max_string={"$.gone": 5}).apply(document).changed


@pytest.mark.parametrize(
    ("given_caps", "reason"),
    [({"$.a": 0}, "max_string"), ({"$.a": "9"}, "max_string"), ({"$..a..b": 9}, "More than one"), ("9", "max_string")],
)
def test_a_wrong_cap_by_path_is_refused(given_caps: Any, reason: str) -> None:
    """Path and number are checked when the shape is built."""
    with pytest.raises(ShapeError, match=reason):
        Shape(max_string=given_caps)


@settings(max_examples=200, deadline=None)
@given(containers, simple_paths(tested=True), st.integers(1, 60))
def test_a_cap_by_path_is_what_selecting_and_capping_gives(document: object, path: str, most: int) -> None:
    """The texts at a path are capped as `max_string` for all would cap them, in a document that is else the same."""
    made = field_caps([(path, most)], "jsonpath", allow_regex=False)(document)
    both = paths([path], "jsonpath", allow_regex=False)
    if made != document:  # a filter may look at what was cut, and then meet another place
        assert len(json.dumps(made)) <= len(json.dumps(document))
    assert both.without(document) is MISSING or "?" in path or both.without(made) == both.without(document)
    assert field_caps([(path, most)], "jsonpath", allow_regex=False)(document) == made


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
