"""Whether a JSON value fits a JSON Schema, for the keywords that declared outputs use.

Law: a keyword that is not checked is refused when the schema is given, never passed over; annotations are. Time and
depth are bounded by the value's own size and a fixed depth, so `pattern` is refused: a model's text may be made to
hang an expression. Semantics are those of draft 2020-12 (json-schema.org).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from contextkit.errors import ConfigError

__all__ = ["check_schema", "fault_in"]

_DEPTH: Final = 100
_SUBSCHEMAS: Final = ("anyOf", "oneOf", "allOf")
_NOTES: Final = frozenset(
    {"title", "description", "default", "examples", "format", "$schema", "$id", "$comment", "deprecated"}
)
_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}
_BOUNDS: Final[dict[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "minimum": ("number", lambda value, bound: value >= bound),
    "maximum": ("number", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("number", lambda value, bound: value > bound),
    "exclusiveMaximum": ("number", lambda value, bound: value < bound),
    "minLength": ("string", lambda value, bound: len(value) >= bound),
    "maxLength": ("string", lambda value, bound: len(value) <= bound),
    "minItems": ("array", lambda value, bound: len(value) >= bound),
    "maxItems": ("array", lambda value, bound: len(value) <= bound),
    "minProperties": ("object", lambda value, bound: len(value) >= bound),
    "maxProperties": ("object", lambda value, bound: len(value) <= bound),
}
_KNOWN: Final = {
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "$ref", "$defs", "definitions",
    *_SUBSCHEMAS, *_BOUNDS, *_NOTES,
}  # fmt: skip
_FORMS: Final[dict[str, Any]] = {
    **dict.fromkeys(("properties", "$defs", "definitions"), Mapping),
    **dict.fromkeys(("enum", "required", *_SUBSCHEMAS), list),
    **dict.fromkeys(_BOUNDS, (int, float)),
}
"""What a keyword's own value has to be."""


def check_schema(schema: Any, where: str = "output") -> None:
    """Refuse a schema that would not be checked in full.

    Raises:
        ConfigError: which keyword or type, and where.
    """
    _check(schema, schema, where, 0)


def _check(schema: Any, root: Any, where: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        raise ConfigError(f"no JSON Schema: a {type(schema).__name__}", where=where, fix="Give an object.")
    _check_keywords(schema, where)
    if "$ref" in schema:
        _resolved(schema["$ref"], root, where)
    for key in ("properties", "$defs", "definitions"):
        for name, part in schema.get(key, {}).items():
            _check(part, root, f"{where}.{name}", depth + 1)
    for key in _SUBSCHEMAS:
        for part in schema.get(key, ()):
            _check(part, root, f"{where}.{key}", depth + 1)
    for key in ("items", "additionalProperties"):
        _check(schema.get(key, True), root, f"{where}.{key}", depth + 1)


def _check_keywords(schema: Mapping[str, Any], where: str) -> None:
    types = schema.get("type", ())
    unknown = [key for key in schema if key not in _KNOWN]
    unknown += [f"type {kind}" for kind in ([types] if isinstance(types, str) else types) if kind not in _TYPES]
    if unknown:
        raise ConfigError(
            f"a schema's {unknown[0]!r} cannot be checked", where=where, fix="Give a pydantic model, or a function."
        )
    for key, kind in _FORMS.items():
        if key in schema and (not isinstance(schema[key], kind) or isinstance(schema[key], bool)):
            raise ConfigError(f"a schema's {key!r} is a {type(schema[key]).__name__}", where=where)


def _resolved(ref: Any, root: Any, where: str) -> Any:
    """What a reference inside the same schema names."""
    found = root
    for step in str(ref).removeprefix("#").strip("/").split("/") if ref != "#" else ():
        key = step.replace("~1", "/").replace("~0", "~")
        if not str(ref).startswith("#") or not isinstance(found, Mapping) or key not in found:
            raise ConfigError(f"the schema refers to {ref!r}, which is not in it", where=where)
        found = found[key]
    return found


def fault_in(value: Any, schema: Any) -> str:
    """The first place where a value does not fit, with what was wanted; "" when it fits."""
    return next(_faults(value, schema, schema, "$", 0), "")


def _faults(value: Any, schema: Any, root: Any, path: str, depth: int) -> Iterator[str]:
    if schema is True:
        return
    if schema is False or depth > _DEPTH:
        yield f"{path}: nothing is allowed here" if schema is False else f"{path}: nested too deep"
        return
    if "$ref" in schema:
        yield from _faults(value, _resolved(schema["$ref"], root, path), root, path, depth + 1)
    yield from _of_value(value, schema, path)
    yield from _of_alternatives(value, schema, root, path, depth)
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, path, depth)
    if isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            yield from _faults(item, schema["items"], root, f"{path}[{at}]", depth + 1)


def _of_value(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    types = schema.get("type")
    wanted: Sequence[str] = [types] if isinstance(types, str) else types or ()
    if wanted and not any(_TYPES[kind](value) for kind in wanted):
        yield f"{path}: {_name(value)} where {' or '.join(wanted)} was wanted"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{path}: not one of the allowed values"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{path}: not the one allowed value"
    for key, (kind, fits) in _BOUNDS.items():
        if key in schema and _TYPES[kind](value) and not fits(value, schema[key]):
            yield f"{path}: {key} {schema[key]}"


def _of_alternatives(value: Any, schema: Mapping[str, Any], root: Any, path: str, depth: int) -> Iterator[str]:
    for key in _SUBSCHEMAS:
        if key not in schema:
            continue
        found = [next(_faults(value, part, root, path, depth + 1), "") for part in schema[key]]
        fitting = found.count("")
        if key == "allOf" and fitting < len(found):
            yield next(filter(None, found))
        elif key == "anyOf" and not fitting:
            yield f"{path}: none of the alternatives fits ({found[0]})" if found else f"{path}: no alternatives"
        elif key == "oneOf" and fitting != 1:
            yield f"{path}: {fitting} of the alternatives fit where one has to"


def _of_object(value: Mapping[str, Any], schema: Mapping[str, Any], root: Any, path: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, part in value.items():
        inner = properties.get(name, schema.get("additionalProperties", True))
        if inner is False:
            yield f"{path}.{name[:40]}: not declared"
        else:
            yield from _faults(part, inner, root, f"{path}.{name[:40]}", depth + 1)


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: a truth value is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _name(value: Any) -> str:
    return next((kind for kind, fits in _TYPES.items() if fits(value)), type(value).__name__)
