"""JSON Schemas are checked in full or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.errors import ConfigError
from contextkit.route.schema import check_schema, fault_in

ORDER: dict[str, Any] = {
    "type": "object",
    "description": "An order.",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "label": {"enum": ["refund", "question", 1]},
        "note": {"type": ["string", "null"], "maxLength": 5},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1, "maxItems": 3},
        "paid": {"const": True},
        "how": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["card"]}]},
        "exactly": {"oneOf": [{"type": "integer"}, {"minimum": 5}]},
        "both": {"allOf": [{"minimum": 1}, {"exclusiveMaximum": 2}]},
    },
    "required": ["id"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "properties": {"more": {"$ref": "#/$defs/line"}}, "required": ["sku"]}},
}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"id": 1}, ""),
        ({"id": 2.0}, ""),
        ({"id": 0}, "$.id: minimum 1"),
        ({"id": True}, "$.id: boolean where integer was wanted"),
        ({"id": 1.5}, "$.id: number where integer was wanted"),
        ([], "$: array where object was wanted"),
        ({}, "$.id: missing"),
        ({"id": 1, "x": 1}, "$.x: not declared"),
        ({"id": 1, "label": "refund"}, ""),
        ({"id": 1, "label": True}, "$.label: not one of the allowed values"),
        ({"id": 1, "note": None}, ""),
        ({"id": 1, "note": "too long"}, "$.note: maxLength 5"),
        ({"id": 1, "lines": [{"sku": 1, "more": {"sku": 2}}]}, ""),
        ({"id": 1, "lines": []}, "$.lines: minItems 1"),
        ({"id": 1, "lines": [{"sku": 1, "more": {"skew": 2}}]}, "$.lines[0].more.sku: missing"),
        ({"id": 1, "paid": 1}, "$.paid: not the one allowed value"),
        ({"id": 1, "how": {"card": 1}}, ""),
        ({"id": 1, "how": 3}, "$.how: none of the alternatives fits ($.how: integer where string was wanted)"),
        ({"id": 1, "exactly": 4}, ""),
        ({"id": 1, "exactly": 6}, "$.exactly: 2 of the alternatives fit where one has to"),
        ({"id": 1, "both": 2}, "$.both: exclusiveMaximum 2"),
    ],
)
def test_what_fits(value: Any, fault: str) -> None:
    """The first place that does not fit is named, with what was wanted."""
    check_schema(ORDER)
    assert fault_in(value, ORDER) == fault


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(a+)+$"},
        {"properties": {"a": {"if": {}}}},
        {"type": "text"},
        {"anyOf": [{"not": {}}]},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://elsewhere/schema"},
        {"items": 3},
        {"minimum": "a"},
        {"maxLength": True},
        {"enum": "abc"},
        {"required": "abc"},
        {"properties": []},
        [],
    ],
)
def test_what_cannot_be_checked_is_refused(schema: Any) -> None:
    """A keyword is never passed over: the schema is refused when it is given."""
    with pytest.raises(ConfigError):
        check_schema(schema)


def test_a_schema_without_end_ends() -> None:
    """A reference to itself, and a value nested beyond reason, are faults."""
    loop = {"$ref": "#"}
    check_schema(loop)
    assert "nested too deep" in fault_in(1, loop)
    deep = json.loads("[" * 300 + "]" * 300)
    assert "nested too deep" in fault_in(deep, {"items": {"$ref": "#"}})
    assert fault_in(1, False) == "$: nothing is allowed here"  # noqa: FBT003  (a schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_value_is_judged(value: Any) -> None:
    """Nothing raises; a value is always equal to itself and one of itself."""
    assert isinstance(fault_in(value, ORDER), str)
    assert fault_in(value, {"const": value}) == ""
    assert fault_in(value, {"enum": [value]}) == ""
    assert fault_in([value], {"items": {"const": value}, "minItems": 1, "maxItems": 1}) == ""


COUNT = st.integers(0, 3)
NAME = st.sampled_from(["a", "b"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, min_size=1, max_size=2)
    kinds = st.sampled_from(["object", "array", "string", "boolean", "null", "number", "integer", ["string", "null"]])
    counts = dict.fromkeys(("minimum", "exclusiveMaximum", "minLength", "maxItems", "minProperties"), COUNT)
    nested = {"properties": st.dictionaries(NAME, inner, max_size=2), "items": inner, "additionalProperties": inner}
    own = {"type": kinds, "enum": st.lists(JSON, min_size=1, max_size=2), "required": st.lists(NAME, unique=True)}
    alternatives = dict.fromkeys(("anyOf", "oneOf", "allOf"), lists)
    return st.fixed_dictionaries({}, optional={**own, **nested, **alternatives, **counts})


SCHEMAS = st.recursive(st.booleans() | st.just({"$ref": "#/$defs/word"}), _schemas, max_leaves=5)


@given(SCHEMAS, JSON)
def test_verdicts_are_those_of_the_reference_validator(schema: Any, value: Any) -> None:
    """Whatever the schema and the value, the `jsonschema` package says the same."""
    validators = pytest.importorskip("jsonschema", reason="the package jsonschema is not installed here")
    whole = {"allOf": [schema], "$defs": {"word": {"type": "string"}}}
    check_schema(whole)
    assert (fault_in(value, whole) == "") is validators.Draft202012Validator(whole).is_valid(value)
