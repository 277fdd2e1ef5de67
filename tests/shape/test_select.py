"""Selections: structure kept, order kept, and the walk agrees with the engine."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contextkit.errors import ShapeError
from contextkit.shape.declare import finder, paths
from contextkit.shape.document import MISSING
from contextkit.shape.select import MAX_LOOKS, prune
from contextkit.shape.shaped import BoundError
from tests.shape.conftest import containers, engine_places, simple_paths

ORDER = {
    "id": 7,
    "items": [
        {"sku": "a", "qty": 2, "url": "https://example.com/a"},
        {"qty": 1, "url": "https://example.com/b"},
        {"sku": "c", "qty": 5},
    ],
    "ship": {"eta": "2026-11-30", "to": {"city": "Ulm", "url": "x"}},
}


def kept(document: Any, *given_paths: str) -> Any:
    """What the given paths keep of a document."""
    return paths(given_paths, "jsonpath", allow_regex=False).keep(document)


def test_structure_stays_and_missing_fields_are_absent() -> None:
    """A selection is the document with everything else taken out: elements compacted in order, nothing invented."""
    assert kept(ORDER, "$.items[*].sku", "$.id") == {"id": 7, "items": [{"sku": "a"}, {"sku": "c"}]}
    assert list(kept(ORDER, "$.ship.eta", "$.id")) == ["id", "ship"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", ORDER),
        ("id", {"id": 7}),
        ("$.items[0].qty", {"items": [{"qty": 2}]}),
        ("$.items[-1].qty", {"items": [{"qty": 5}]}),
        ("$.items[0,-1].qty", {"items": [{"qty": 2}, {"qty": 5}]}),
        ("$['ship'][\"eta\"]", {"ship": {"eta": "2026-11-30"}}),
        ("$.ship.*.city", {"ship": {"to": {"city": "Ulm"}}}),
        ("$.items[*]['sku','qty']", {"items": [{"sku": "a", "qty": 2}, {"qty": 1}, {"sku": "c", "qty": 5}]}),
        ("$..city", {"ship": {"to": {"city": "Ulm"}}}),
        ("$.items[?@.qty > 1].sku", {"items": [{"sku": "a"}, {"sku": "c"}]}),
        ("$.items[1:].qty", {"items": [{"qty": 1}, {"qty": 5}]}),
        ("$.items[7]", MISSING),
        ("$.ship.eta.more", MISSING),
        ("$.id[0]", MISSING),
    ],
)
def test_each_kind_of_path(path: str, expected: Any) -> None:
    """Names, indices, unions, wildcards, `..`, filters and slices each keep what RFC 9535 says they match."""
    assert kept(ORDER, path) == expected


@pytest.mark.parametrize("name", ["名前", "$ref", "where", "@type", "line-items", "null", "len"])
def test_unquoted_names_that_the_engine_would_refuse(name: str) -> None:
    """The walk reads names that jsonpath-ng cannot: other scripts, `$ref`, `where`, words that it reserves."""
    assert kept({name: 1, "other": 2}, f"$.{name}") == {name: 1}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (r'$["\n"]', "\n"),
        (r'$["\u263A"]', "☺"),
        (r"$['it\'s']", "it's"),
        (r'$["\ud83d\ude00"]', "😀"),
        ("$['a.b']", "a.b"),
        ("$['*']", "*"),
    ],
)
def test_quoted_names_are_read_with_their_escapes(path: str, name: str) -> None:
    """Escapes in quoted names mean what they mean in JSON, where jsonpath-ng silently matches nothing."""
    assert kept({name: 1, "other": 2}, path) == {name: 1}


@settings(max_examples=400, deadline=None)
@given(containers, st.lists(simple_paths(tested=True), min_size=1, max_size=3))
@example({"a": [{"id": 1}, {"id": [2, 3]}]}, ["$..['id']", "$.a[-1]"])
@example({"a": [{"id": 1}, {"id": [2, 3]}]}, ["$..[?@.id]", "$.a[::-1]['id']", "$.a[0]"])
@example([[1, {"id": 1}], [{"id": [1]}], [1]], ["$..[?@ == $[0]]", "$[1:][?@.id]", "$[*][0]"])
def test_the_walk_and_the_engine_agree(document: Any, given_paths: list[str]) -> None:
    """Keeping and dropping in one pass of the walk is what finding with jsonpath-ng alone and pruning by place is."""
    places = [place for path in given_paths for place in engine_places(path, document)]
    both = paths(given_paths, "jsonpath", allow_regex=False)
    assert both.keep(document) == prune(document, places)
    assert json.dumps(both.keep(document), default=str) == json.dumps(prune(document, places), default=str)
    assert both.without(document) == prune(document, places, drop=True)


@settings(max_examples=300, deadline=None)
@given(containers, simple_paths(tested=True))
@example({"id": {"id": 1}, "a": [{"id": 2}]}, "$..['id']")
def test_listed_values_are_those_of_the_engine(document: Any, path: str) -> None:
    """What `fields` lists is what jsonpath-ng finds: each place once, in document order, none inside another."""
    places = sorted(set(engine_places(path, document)), key=lambda place: _order(document, place))
    outer = [place for place in places if not any(place[:length] in places for length in range(len(place)))]
    assert finder(path, "jsonpath", allow_regex=False).values(document) == [_at(document, place) for place in outer]


def _order(document: Any, place: tuple[str | int, ...]) -> list[int]:
    order = []
    for step in place:
        order.append(step if isinstance(step, int) else list(document).index(step))
        document = document[step]
    return order


def _at(document: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        document = document[step]
    return document


@settings(max_examples=150, deadline=None)
@given(containers, st.lists(simple_paths(), min_size=1, max_size=3))
def test_the_document_is_never_changed(document: Any, given_paths: list[str]) -> None:
    """Keeping and dropping share or copy, and leave the caller's document as it was."""
    before = copy.deepcopy(document)
    both = paths(given_paths, "jsonpath", allow_regex=False)
    both.keep(document)
    both.without(document)
    assert document == before


@settings(max_examples=150, deadline=None)
@given(containers, st.lists(simple_paths(), min_size=1, max_size=3))
def test_kept_and_dropped_have_no_leaf_in_common(document: Any, given_paths: list[str]) -> None:
    """What a path keeps and what the same path drops together have the leaves of the document."""
    both = paths(given_paths, "jsonpath", allow_regex=False)
    assert _leaves(both.keep(document)) + _leaves(both.without(document)) >= _leaves(document)


def _leaves(value: Any) -> int:
    if value is MISSING:
        return 0
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(_leaves, value))
    return 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("$.a * 999999999", "arithmetic"),
        ("$.a + $.b", "arithmetic"),
        ("$.a.`len`", "`len`"),
        ("$.a.`sub(/(a+)+$/, b)`", "`sub`"),
        ("$.a.`split(-, 0, 1)`", "`split`"),
        ("$.a.`sorted`", "sorting"),
        ("$.a[/b]", "sorting"),
        ("$.a.`parent`", "`parent`"),
        ("$[?@.a =~ 'x']", "pattern"),
        ("$..a..b", "More than one"),
        ("$...a", "three dots"),
        ("$.a" * 500, "characters"),
        ("$" + ".a" * 70, "segments"),
        ("$[?$..a]", "inside a filter"),
        ("$.a[?$.b[*].c == 1]", "many places"),
        ("$[?@.a[?@.b[?@.c[?@.d]]]]", "filters"),
        ("$.a[", "does not parse"),
        ("$.a | $.b", "does not parse"),
        ("", "not empty"),
        ("   ", "not empty"),
    ],
)
def test_dangerous_and_broken_paths_are_refused_with_their_reason(path: str, reason: str) -> None:
    """What could compute, explode or hang is refused when the shape is built, and the message says why."""
    with pytest.raises(ShapeError, match=reason):
        paths([path], "jsonpath", allow_regex=False)


def test_a_path_that_is_not_text_is_refused() -> None:
    """A number is not a path."""
    with pytest.raises(ShapeError, match="must be text"):
        paths([3], "jsonpath", allow_regex=False)  # type: ignore[list-item]


def test_paths_that_overlap_in_too_many_ways_are_refused() -> None:
    """The automaton of the walk is bounded: wildcards that overlap with names at every level are refused."""
    spread = [which * 37 % 4096 for which in range(200)]
    many = ["$" + "".join(".*" if (bits >> level) & 1 else f".a{level}" for level in range(12)) for bits in spread]
    with pytest.raises(ShapeError, match="overlap"):
        paths(many, "jsonpath", allow_regex=False)


def test_too_many_paths_are_refused() -> None:
    """A shape has at most 200 paths a list."""
    with pytest.raises(ShapeError, match="too many"):
        paths([f"$.a{number}" for number in range(201)], "jsonpath", allow_regex=False)


def test_a_deep_document_meets_a_bound_and_not_the_stack() -> None:
    """`..` over a document nested thousands deep ends in a bound, in both engines."""
    document: Any = 1
    for _ in range(5_000):
        document = {"v": document}
    with pytest.raises(BoundError):
        kept(document, "$..w")
    with pytest.raises(BoundError):
        kept(document, "$..[?@.w]")
    with pytest.raises(BoundError):
        finder("$..w", "jsonpath", allow_regex=False).values(document)
    with pytest.raises(BoundError):
        prune(document, [("v",) * 300])


def test_a_thousand_states_are_learned_and_forgotten_without_a_trace() -> None:
    """Filters that overlap in thousands of ways give the same answer on every document, and the same the next time."""
    names = [f"n{number}" for number in range(12)]
    both = paths([f"$[?@.{name}].v.{name}" for name in names], "jsonpath", allow_regex=False)
    rows = [
        {**{name: 1 for at, name in enumerate(names) if bits >> at & 1}, "v": dict.fromkeys(names, bits)}
        for bits in range(2**12)
    ]
    wanted = [{"v": {name: bits for name in names if name in row}} for bits, row in enumerate(rows) if bits]
    assert both.keep(rows) == wanted
    assert both.keep(rows[:100]) == wanted[:99]


def test_looks_at_filters_and_slices_are_bounded() -> None:
    """A document with more places than may be looked at meets a bound, however they are asked for."""
    many = [0] * (MAX_LOOKS + 1)
    assert kept(many, "$[5:7]") == [0, 0], "a slice alone looks only at what it takes"
    for path in ("$[?@.a]", "$..[?@.a]", "$[*,?@.a]", "$[::1]", "$..[0:1]"):
        with pytest.raises(BoundError, match="too large"):
            kept(many, path)
    with pytest.raises(BoundError, match="too large"):
        kept([[many[:99]] * 1_000] * 3, "$..[?@.*.*]")
