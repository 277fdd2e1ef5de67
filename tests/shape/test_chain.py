"""Shapes and chains: what they declare, the laws they keep, and that nothing breaks the tool loop."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contextkit.errors import ShapeError
from contextkit.shape.chain import FALLBACK_CHARS, Shape, apply
from contextkit.shape.document import HEAVY_MARKS, MAX_MARKS, MAX_WIDE
from contextkit.shape.shaped import NOTE_KEY, Shaped, is_note
from contextkit.tokens.estimate import text_tokens
from tests.shape.conftest import containers, documents, simple_paths

ORDER: dict[str, Any] = {
    "id": 7,
    "total": 12.3456,
    "items": [{"sku": "a", "qty": 2, "url": "https://example.com/a"}, {"sku": "b", "qty": 1, "url": None}],
    "made": "2026-11-22T10:11:12.345Z",
}
PRETTY = json.dumps(ORDER, indent=2)


def result(shape: Shape, output: Any = ORDER) -> Any:
    """The document that a shape makes of an output."""
    return json.loads(shape.apply(output).text)


def test_a_shape_is_a_value() -> None:
    """Two shapes with the same declaration are equal and hash alike, however the lists were given."""
    one, other = Shape(select=["$.id"], fields={}), Shape(select=("$.id",))
    assert one == other
    assert hash(one) == hash(other)
    assert Shape(fields={"a": "$.id"}) == Shape(fields=[("a", "$.id")])
    assert one != Shape(select=["$.id"], max_chars=10)
    assert replace(one, max_chars=10).apply(ORDER).text == '{"id":7}'


def test_nothing_declared_nothing_removed() -> None:
    """An empty shape gives text back as it came and a value as compact JSON."""
    assert Shape().apply(PRETTY) == Shaped(PRETTY, changed=False, original_chars=len(PRETTY))
    assert json.loads(Shape().apply(ORDER).text) == ORDER
    assert Shape().apply("plain text").text == "plain text"


def test_select_drop_and_values_work_in_that_order() -> None:
    """What is dropped is looked for in what was selected, and values are shortened last."""
    shape = Shape(select=["$.items[*]", "$.total", "$.made"], drop=["$..url"], round_to=2, dates="day")
    assert result(shape) == {
        "total": 12.35,
        "items": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 1}],
        "made": "2026-11-22",
    }


def test_fields_flatten_and_rename() -> None:
    """A path to one place gives its value, a path to many gives a list, a path to none gives no field."""
    shape = Shape(fields={"order": "$.id", "skus": "$.items[*].sku", "first": "$.items[0].sku", "gone": "$.nothing"})
    assert result(shape) == {"order": 7, "skus": ["a", "b"], "first": "a"}


def test_text_that_is_json_is_read_and_text_that_is_not_stays_text() -> None:
    """A shape takes JSON as text or as a value; an error page goes through as it is."""
    assert Shape(select=["$.id"]).apply(PRETTY).text == Shape(select=["$.id"]).apply(ORDER).text == '{"id":7}'
    assert Shape(select=["$.id"]).apply("502 Bad Gateway").text == "502 Bad Gateway"


def test_a_selection_that_matches_nothing_shows_the_output_and_says_so() -> None:
    """An error document is not shaped to nothing: it enters as it came, capped, with a note."""
    shaped = Shape(select=["$.id"]).apply({"error": "no such order"}, handle="k3f9a1")
    assert json.loads(shaped.text) == {"error": "no such order", NOTE_KEY: shaped.note}
    assert "no selection matched" in shaped.note
    assert "k3f9a1" in shaped.note
    long = Shape(select=["$.id"]).apply({"error": "x" * 50_000})
    assert len(long.text) <= FALLBACK_CHARS
    assert long.changed


def test_a_handle_is_named_when_something_was_left_out_and_only_then() -> None:
    """The note with the handle is inside the JSON, so that it stays JSON."""
    shaped = Shape(select=["$.id"]).apply(PRETTY, handle="k3f9a1")
    assert json.loads(shaped.text) == {"id": 7, NOTE_KEY: shaped.note}
    assert is_note(shaped.note)
    assert "k3f9a1" in shaped.note
    listed = Shape(select=["$[*].sku"]).apply(ORDER["items"], handle="k3f9a1")
    assert json.loads(listed.text) == [{"sku": "a"}, {"sku": "b"}, listed.note]
    assert Shape(select=["$.*"]).apply(ORDER, handle="k3f9a1").note == ""


def test_max_items_counts_what_it_cuts() -> None:
    """An array keeps its first elements and says how many there were."""
    assert result(Shape(max_items=2), list(range(90))) == [0, 1, "[... 88 of 90 elements cut ...]"]
    assert result(Shape(max_items=2), {"a": [1, 2, 3, 4]}) == {"a": [1, 2, 3, 4]}, "shorter than a note about it"


def test_a_table_writes_the_names_once() -> None:
    """Like objects become columns and rows, where that is shorter."""
    rows = [{"sku": f"s{number}", "quantity": number} for number in range(5)]
    assert result(Shape(as_table=True), rows) == {
        "columns": ["sku", "quantity"],
        "rows": [[f"s{number}", number] for number in range(5)],
    }
    assert result(Shape(as_table=True), [{"a": 1}]) == [{"a": 1}]


@pytest.mark.parametrize("limit", [2, 20, 59, 120, 500, 5_000])
def test_caps_hold_and_capped_json_is_json(limit: int) -> None:
    """Whatever the cap, the result is within it, and JSON stays JSON."""
    document = {"rows": [{"name": f"row {number}", "text": "long text. " * 30} for number in range(100)], "n": 1}
    shaped = Shape(max_chars=limit).apply(document)
    assert len(shaped.text) <= limit
    assert shaped.changed
    json.loads(shaped.text)
    if limit >= 120:
        assert shaped.note in shaped.text
        assert json.loads(shaped.text)["n"] == 1


@pytest.mark.parametrize("family", ["classic", "2026"])
def test_a_token_cap_holds_for_both_tokenizers(family: Any) -> None:
    """`max_tokens` counts by the estimator of the model family, for text and for JSON."""
    for output in (
        "a line of a log with numbers 12345\n" * 500,
        {"rows": [{"id": number, "s": "x y"} for number in range(900)]},
    ):
        shaped = Shape(max_tokens=300).apply(output, family=family)
        assert 100 < text_tokens(shaped.text, family) <= 300
        assert shaped.note in shaped.text


class Loud:
    """An object whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def circle() -> dict[str, Any]:
    """A document that contains itself."""
    inner: dict[str, Any] = {"id": 1}
    inner["self"] = inner
    return inner


def deep(levels: int = 50_000) -> Any:
    """A document nested beyond every limit."""
    document: Any = 1
    for _ in range(levels):
        document = [document]
    return document


SHAPES = [
    Shape(),
    Shape(select=["$.id", "$..sku"]),
    Shape(drop=["$..url", "$.items[?@.qty > 1]"]),
    Shape(fields={"a": "$..id", "b": "$.items[0:2]"}),
    Shape(as_table=True, max_items=2, drop_empty=True, round_to=1, dates="minute", elide_binary=True, max_string=40),
    Shape(max_chars=80),
    Shape(max_tokens=20),
    Shape(max_lines=3, dedupe=True, keep_lines=["error"], diff=True, columns=["id"], max_chars=200),
]


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize(
    "output",
    [
        None,
        True,
        3,
        2.5,
        math.nan,
        "",
        "\ud800",
        '{"a":"\\ud800"}',
        "[" * 100_000,
        '{"id": ' + "9" * 5_000 + "}",
        b"\xff\x00",
        {1: {2, 3}},
        Loud(),
        circle(),
        deep(),
        [math.inf, {"id": math.nan}],
        {"id": Loud()},
        object,
        "{",
        "[1,",
        "\x00" * 500,
        [[]] * 10,
        {"items": None},
        {"items": {"qty": 3}},
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_output_raises(shape: Shape, output: Any) -> None:
    """Strange outputs (circles, abysses, broken text, objects that raise) give sendable text from every shape."""
    shaped = apply([shape], output, handle="k3f9a1")
    shaped.text.encode()
    if shape.max_chars:
        assert len(shaped.text) <= shape.max_chars
    assert shaped.note in shaped.text


def a_shape() -> st.SearchStrategy[Shape]:
    """Random shapes of all JSON parts."""
    options = st.fixed_dictionaries(
        {},
        optional={
            "select": st.lists(simple_paths(), min_size=1, max_size=3),
            "drop": st.lists(simple_paths(), min_size=1, max_size=2),
            "as_table": st.booleans(),
            "max_items": st.integers(0, 4),
            "max_chars": st.integers(2, 400),
            "max_string": st.integers(1, 60),
            "round_to": st.integers(0, 3),
            "dates": st.sampled_from(["day", "minute", "second"]),
            "drop_null": st.booleans(),
            "drop_empty": st.booleans(),
            "elide_binary": st.booleans(),
        },
    )
    return options.map(_built)


def _built(options: dict[str, Any]) -> Shape:
    return Shape(**options)


@settings(max_examples=400, deadline=None)
@given(a_shape(), containers, st.booleans())
def test_json_stays_json_and_never_grows_beyond_its_note(shape: Shape, document: Any, named: bool) -> None:
    """Valid JSON stays valid JSON, within its cap, and without its notes never longer than it came."""
    text = json.dumps(document)
    compact = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    shaped = shape.apply(text, handle="k3f9a1" if named else None)
    assert shaped.original_chars == len(text)
    assert shaped.note in shaped.text
    json.loads(shaped.text)
    assert shape.max_chars is None or len(shaped.text) <= shape.max_chars
    notes = shaped.text.count("[... ") * 130
    assert len(shaped.text) - notes <= max(len(text), compact)


@settings(max_examples=300, deadline=None)
@given(a_shape(), documents())
def test_shaping_is_deterministic(shape: Shape, document: Any) -> None:
    """The same output gives the same bytes, from an equal shape as well."""
    assert shape.apply(document) == replace(shape).apply(json.loads(json.dumps(document)))


NAME_PATHS = st.lists(st.sampled_from(["id", "sku", "items"]), min_size=1, max_size=3).map(
    lambda names: "$" + "".join(f".{name}" if at % 2 else f"['{name}']" for at, name in enumerate(names))
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.none(), st.lists(NAME_PATHS, min_size=1)),
    st.one_of(st.none(), st.integers(60, 400)),
    st.integers(0, 4),
    containers,
    st.booleans(),
)
def test_what_was_shaped_is_not_shaped_again(
    select: list[str] | None, max_chars: int | None, items: int, document: Any, named: bool
) -> None:
    """Shaping is idempotent for paths of names and wildcards, for arrays and for caps, with notes or without."""
    shape = Shape(select=select or (), drop=["$..url"], max_chars=max_chars, max_items=items)
    once = shape.apply(json.dumps(document), handle="k3f9a1" if named else None)
    again = shape.apply(once.text, handle="k3f9a1" if named else None)
    assert again.text == once.text


def test_a_chain_runs_its_links_in_order() -> None:
    """A link gets what the link before it made; a shape is a link like a callable."""
    chain: list[Any] = [lambda order: order["items"], Shape(select=["$[*].sku"]), lambda text: text.upper()]
    assert apply(chain, ORDER).text == '[{"SKU":"A"},{"SKU":"B"}]'
    assert apply(chain, ORDER).changed
    assert apply(None, "x") == apply([], "x") == Shaped("x", changed=False, original_chars=1)


def test_a_callable_that_raises_leaves_the_output_capped() -> None:
    """The tool loop goes on with the raw output and a note."""
    shaped = apply([lambda value: value["nothing"]], {"a": "x" * 20_000}, handle="k3f9a1")
    assert len(shaped.text) <= FALLBACK_CHARS
    assert "k3f9a1" in shaped.note
    small = apply(lambda _: 1 / 0, {"a": 1})
    assert json.loads(small.text) == {"a": 1, NOTE_KEY: small.note}
    assert "ZeroDivisionError" in small.note


def test_what_a_chain_was_given_is_what_it_reports() -> None:
    """`original_chars` is the length of the output as the tool gave it, whatever the links are."""
    assert apply([lambda text: text[:3], Shape(max_chars=2)], "abcdef").original_chars == 6
    assert apply([Shape(max_chars=3), lambda text: text + "!"], "abcdef").original_chars == 6


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_chars": 1}, "max_chars"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_items": -1}, "max_items"),
        ({"head": 2}, "head"),
        ({"dates": "year"}, "dates"),
        ({"html": "pdf"}, "html"),
        ({"dialect": "xpath"}, "dialect"),
        ({"select": ["$.a"], "fields": {"a": "$.a"}}, "exclude"),
        ({"keep_lines": [""]}, "keep_lines"),
        ({"columns": [3]}, "columns"),
        ({"select": ["$.a["]}, "parse"),
        ({"fields": {"a": "$.b * 2"}}, "arithmetic"),
        ({"drop": ["$..a..b"]}, "More than one"),
    ],
)
def test_a_wrong_declaration_is_refused_when_it_is_built(options: dict[str, Any], reason: str) -> None:
    """Every option is checked at construction, and the message names it."""
    with pytest.raises(ShapeError, match=reason):
        Shape(**options)


def test_patterns_are_allowed_only_in_a_bounded_form() -> None:
    """`allow_regex` lets a pattern in; nested repeats stay refused; hostile subjects meet a bound, not a hang."""
    assert result(Shape(select=["$.items[?@.sku =~ '^b'].qty"], allow_regex=True)) == {"items": [{"qty": 1}]}
    with pytest.raises(ShapeError, match="repeat inside a repeat"):
        Shape(select=["$[?@.a =~ '^(a+)+$']"], allow_regex=True)
    shape = Shape(select=["$[?@.a =~ '.*x.*y'].b"], allow_regex=True)
    shaped = shape.apply([{"a": "x" * 3_000, "b": 1}])
    assert "too much text for a pattern" in shaped.note or shaped.changed


@pytest.mark.parametrize("unit", ["1", "[]", '{"a":1}', '"a"'])
@pytest.mark.parametrize("shape", [Shape(select=["$[*].a"]), Shape(max_items=3), Shape(max_chars=900)], ids=range(3))
def test_a_document_of_too_many_values_is_cut_and_not_opened(shape: Shape, unit: str) -> None:
    """Half a million values in a few megabytes are cut as text inside JSON, whether read already or not."""
    text = "[" + ",".join([unit] * (MAX_MARKS + 1)) + "]"
    for output in (text, json.loads(text)):
        shaped = shape.apply(output, handle="k3f9a1")
        assert "too many values" in shaped.note
        assert "k3f9a1" in shaped.note
        assert len(shaped.text) <= (shape.max_chars or FALLBACK_CHARS)
        json.loads(shaped.text)


def test_a_wide_object_is_capped_by_its_first_members() -> None:
    """Of an object with more members than characters may stay, what stays is still JSON with the count of the rest."""
    wide = {f"name {number}": {"inner": number} for number in range(60_000)}
    shaped = Shape(max_chars=500).apply({"wide": wide, "n": 1})
    assert len(shaped.text) <= 500
    assert json.loads(shaped.text)["n"] == 1
    assert "of 60,000 fields cut" in shaped.text


def test_broken_characters_are_mended() -> None:
    """Two halves of a character become that character, a half alone the sign for one that is missing."""
    assert Shape().apply("a\ud83d\ude00b\ud83dc\ude00").text == "a\U0001f600b\ufffdc\ufffd"


def test_a_changed_shape_leaves_what_was_sent() -> None:
    """A shape has no state: applying another one changes nothing of an earlier result."""
    first = Shape(select=["$.id"]).apply(ORDER)
    text = first.text
    Shape(select=["$.total"]).apply(ORDER)
    assert first.text is text


def test_a_long_list_of_small_rows_is_shaped() -> None:
    """150,000 rows of one field are within the bounds: they are selected, not cut."""
    text = json.dumps([{"id": at, "n": "x"} for at in range(150_000)])
    shaped = apply(Shape(select=["$[*].id"]), text).text
    assert json.loads(shaped)[-1] == {"id": 149_999}


def test_shapes_that_make_every_value_anew_have_a_lower_bound() -> None:
    """A document between the two bounds is selected from, but not made a table of."""
    text = json.dumps([{"id": 1}] * (HEAVY_MARKS // 2 + 1_000))
    assert json.loads(apply(Shape(select=["$[*].id"]), text).text)[0] == {"id": 1}
    cut = apply(Shape(select=["$[*].id"], as_table=True, max_chars=500), text).text
    assert "columns" not in cut
    assert len(cut) < 1_000


@pytest.mark.parametrize(("members", "selected"), [(MAX_WIDE - 1, True), (MAX_WIDE + 1, False)])
def test_objects_that_are_long_tables_of_names_are_bounded(members: int, selected: bool) -> None:
    """An object of more than so many members is cut as text."""
    text = json.dumps({f"name_{at}": at for at in range(members)})
    shaped = apply(Shape(select=["$.name_1"], max_chars=300), text).text
    assert (shaped == '{"name_1":1}') is selected
