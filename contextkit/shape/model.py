"""A declared output model. The law: what fits enters typed; what does not is a finding, and the raw output enters.

A pydantic model whose fields carry `At(path)` is a shape: the fields are looked up, validated by pydantic, and written
as one flat object. A field without `At` is looked up under its own name at the top of the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.document import MISSING, plain, write
from contextkit.shape.shaped import SAMPLE_CHARS, BoundError, Drift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from contextkit.shape.declare import Finder

__all__ = ["At", "reader"]

_NAMES: Final[dict[type, str]] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class At:
    """Where a field of an output model stands: `Annotated[str, At("$.shipping.eta")]`."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    name: str
    key: str
    path: str
    expected: str
    finder: Finder


def reader(model: Any, dialect: str, *, allow_regex: bool) -> Callable[[Any], tuple[Any, tuple[Drift, ...]]]:
    """A function document -> (the fields of the model as an object, findings); MISSING when it does not fit.

    A field that has a default may be absent; any other path that matches nothing is a finding, and so is a type
    that changed, also where pydantic can convert it (then the converted value enters).

    Raises:
        ShapeError: not a pydantic model class, one without fields, or a path that is wrong or refused.
    """
    from pydantic import BaseModel, ValidationError  # noqa: PLC0415  (heavy, and only for models)

    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ShapeError(f"A model must be a pydantic model class, not {model!r}", fix="Give paths as select=[...].")
    fields = [_field(name, info, dialect, allow_regex=allow_regex) for name, info in model.model_fields.items()]
    if not fields:
        raise ShapeError(f"The model {model.__name__} has no fields")
    by_key = {one.key: one for one in fields} | {one.name: one for one in fields}

    def read(document: Any) -> tuple[Any, tuple[Drift, ...]]:
        found = {one.key: value for one in fields if (value := _look(document, one.finder)) is not MISSING}
        drift: tuple[Drift, ...] = ()
        try:
            valid = model.model_validate_json(write(found), strict=True)
        except ValidationError as error:
            # A type that changed is a finding even where pydantic can convert it.
            drift = tuple(_findings(error.errors(include_url=False, include_context=False), by_key, found))
            try:
                valid = model.model_validate(found)
            except ValidationError:
                return MISSING, drift
        names = {one.name: one.key for one in fields if one.key in found}
        short = valid.model_dump(mode="json", include=set(names))
        return {names[name]: short[name] for name in names} or MISSING, drift

    return read


def _field(name: str, info: Any, dialect: str, *, allow_regex: bool) -> _Field:
    from contextkit.shape.declare import finder  # noqa: PLC0415  (declare reads this module)

    places = [one for one in info.metadata if isinstance(one, At)]
    key = info.validation_alias if isinstance(info.validation_alias, str) else info.alias or name
    path = places[0].path if places else f'$["{name}"]'
    expected = getattr(info.annotation, "__name__", None) or str(info.annotation)
    if getattr(info.annotation, "__args__", None):
        expected = str(info.annotation).replace("typing.", "")
    ready = finder(path, dialect, allow_regex=allow_regex)
    return _Field(name, key, path, expected, ready)


def _look(document: Any, finder: Finder) -> Any:
    """What stands at a path: the value of a path to one place, the list of the values of another; else MISSING."""
    values = finder.values(document)
    if not values:
        return MISSING
    return values[0] if finder.single else values


def _findings(errors: Iterable[Any], by_key: dict[str, _Field], found: dict[str, Any]) -> Iterable[Drift]:
    seen: set[tuple[str, str]] = set()
    for error in errors:
        place = error["loc"][0] if error["loc"] else ""
        one = by_key.get(str(place))
        path = one.path if one else str(place)
        if (path, error["type"]) in seen:
            continue
        seen.add((path, error["type"]))
        expected = one.expected if one else error["msg"]
        if one is None or one.key not in found:
            yield Drift(path, expected, "nothing")
        else:
            value = found[one.key]
            yield Drift(path, expected, _NAMES.get(type(value), type(value).__name__), _sample(error["input"]))


def _sample(value: Any) -> str:
    try:
        return write(plain(value))[:SAMPLE_CHARS]
    except BoundError:
        return ""
