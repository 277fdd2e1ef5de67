"""Declared output models: typed results, and findings when the schema drifts."""

from __future__ import annotations

import json
from datetime import date  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from contextkit.errors import ShapeError
from contextkit.shape.chain import Shape
from contextkit.shape.model import At
from contextkit.shape.shaped import NOTE_KEY, Drift


class Parcel(BaseModel):
    """What the agent needs of a parcel."""

    number: Annotated[str, At("$.parcel.no")]
    eta: Annotated[date, At("$.shipping.eta")]
    skus: Annotated[list[str], At("$.items[*].sku")]
    weight: Annotated[float | None, At("$.parcel.weight")] = None
    carrier: str = "unknown"


PARCEL: dict[str, Any] = {
    "parcel": {"no": "P1", "weight": 2.5, "internal": "x" * 200},
    "shipping": {"eta": "2026-11-30", "route": ["a", "b"]},
    "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}],
    "carrier": "post",
}


def changed(**parts: Any) -> dict[str, Any]:
    """The parcel with some parts replaced."""
    return {**PARCEL, **parts}


def test_a_model_is_a_shape() -> None:
    """The fields of the model enter as one flat object, from their paths, or from their own names."""
    shaped = Shape(Parcel).apply(json.dumps(PARCEL))
    assert json.loads(shaped.text) == {
        "number": "P1",
        "eta": "2026-11-30",
        "skus": ["a", "b"],
        "weight": 2.5,
        "carrier": "post",
    }
    assert shaped.drift == ()
    assert Shape(model=Parcel) == Shape(Parcel)


def test_a_field_with_a_default_may_be_absent() -> None:
    """What may be absent is simply not there: no default is invented for the model's reader, and nothing is found."""
    shaped = Shape(Parcel).apply({key: one for key, one in PARCEL.items() if key != "carrier"})
    assert "carrier" not in json.loads(shaped.text)
    assert shaped.drift == ()


def test_a_path_that_matches_nothing_is_a_finding_and_the_output_enters() -> None:
    """The raw output goes in with a note, and the finding names path and type."""
    output = changed(shipping={"arrival": "2026-11-30"})
    shaped = Shape(Parcel).apply(output, handle="k3f9a1")
    assert shaped.drift == (Drift("$.shipping.eta", "date", "nothing"),)
    assert json.loads(shaped.text) == {**output, NOTE_KEY: shaped.note}
    assert "declares" in shaped.note


def test_a_type_that_changed_is_a_finding_even_where_it_can_be_converted() -> None:
    """A number that became a text is found; the converted value still enters, typed."""
    shaped = Shape(Parcel).apply(changed(parcel={"no": "P1", "weight": "2.5"}))
    assert shaped.drift == (Drift("$.parcel.weight", "float | None", "string", '"2.5"'),)
    assert json.loads(shaped.text)["weight"] == 2.5


def test_samples_of_findings_are_short() -> None:
    """A sample has at most 80 characters."""
    shaped = Shape(Parcel).apply(changed(parcel={"no": {"a": "x" * 500}}))
    (finding,) = shaped.drift
    assert (finding.path, finding.found) == ("$.parcel.no", "object")
    assert len(finding.sample) == 80


def test_on_drift_is_called_and_cannot_break_the_loop() -> None:
    """The callback gets the findings; one that raises changes nothing."""
    seen: list[tuple[Drift, ...]] = []
    output = changed(items=[{"sku": 7}])
    shaped = Shape(Parcel, on_drift=seen.append).apply(output)
    assert seen == [shaped.drift]
    assert shaped.drift[0].path == "$.items[*].sku"

    def raises(_: object) -> None:
        raise RuntimeError

    assert Shape(Parcel, on_drift=raises).apply(output) == shaped


@pytest.mark.parametrize("output", ["502 Bad Gateway", "[]", "null", "{}", [], {"a": 1}])
def test_any_other_output_goes_in(output: Any) -> None:
    """An error page or another document enters as it came."""
    shaped = Shape(Parcel).apply(output)
    assert shaped.text
    if isinstance(output, str) and not output.startswith(("{", "[")):
        assert shaped.text == output


def test_aliases_are_the_names_that_enter() -> None:
    """A pydantic alias is the name in the result."""

    class Short(BaseModel):
        number: Annotated[str, At("$.parcel.no")] = Field(alias="no")

    assert json.loads(Shape(Short).apply(PARCEL).text) == {"no": "P1"}


def test_what_is_not_a_model_is_refused() -> None:
    """A class that is no model, a model without fields and a refused path are told at construction."""

    class Empty(BaseModel):
        pass

    class Hostile(BaseModel):
        a: Annotated[int, At("$..a..b")]

    with pytest.raises(ShapeError, match="pydantic model class"):
        Shape(int)
    with pytest.raises(ShapeError, match="no fields"):
        Shape(Empty)
    with pytest.raises(ShapeError, match="More than one"):
        Shape(Hostile)
