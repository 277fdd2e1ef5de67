"""A declaration made ready, compiled once. The law: after this, nothing about the shape is in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from contextkit.errors import ShapeError
from contextkit.shape.automaton import build
from contextkit.shape.document import HEAVY_MARKS, MAX_MARKS, MISSING
from contextkit.shape.engine import compiled
from contextkit.shape.paths import ANY, Segment
from contextkit.shape.patterns import budget
from contextkit.shape.rfc9535 import compiled as strict
from contextkit.shape.select import Location, Look, gather, keep, prune, without
from contextkit.shape.walk import walker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contextkit.shape.caps import Caps
    from contextkit.shape.chain import Shape
    from contextkit.shape.shaped import Drift

__all__ = ["Finder", "Paths", "Plan", "finder", "plan"]

_T = TypeVar("_T")

MAX_PATHS: Final = 200
_BY_PATH: Final = ("max_string",)
NO_MATCH: Final = "no selection matched; shown as it came"
NO_FIT: Final = "not what its model declares; shown as it came"


@dataclass(frozen=True, slots=True, eq=False)
class Finder:
    """One path, ready: the values that it matches, and whether it can match only one."""

    path: str
    single: bool
    values: Callable[[Any], list[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Several paths, ready: both give what is left of a document, or MISSING."""

    keep: Callable[[Any], Any]
    without: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a shape does to a document and to a text.

    Attributes:
        json: the shape has a part that needs the document.
        max_items: elements that an array keeps.
        rewrites: arrays are cut or become tables.
        marks: the most commas and opening brackets of a document that it works on.
        document: document -> (what stays, findings, why it was not shaped or "").
        values: document -> document with shorter values; None for none.
        table: document -> document with its tables.
        text: (text, caps) -> (text, note), within the caps.
    """

    json: bool
    max_items: int | None
    rewrites: bool
    marks: int
    document: Callable[[Any], tuple[Any, tuple[Drift, ...], str]]
    values: Callable[[Any], Any] | None
    table: Callable[[Any], Any]
    text: Callable[[str, Caps], tuple[str, str]]


def finder(path: str, dialect: str, *, allow_regex: bool) -> Finder:
    """One path, ready.

    Raises:
        ShapeError: it does not parse, or is refused and why.
    """
    if dialect == "rfc9535":
        find = strict(path, allow_regex=allow_regex)
        return Finder(path, single=False, values=lambda document: [value for _, value in find(document)])
    parts = compiled(path, allow_regex=allow_regex)
    node = build([parts])
    single = all(segment.single for segment in parts)
    return Finder(path, single, _bounded(lambda document: gather(document, node, Look(document)), parts))


def paths(given: Sequence[str], dialect: str, *, allow_regex: bool) -> Paths:
    """Several paths, ready.

    Raises:
        ShapeError: one does not parse, or is refused and why; or they are too many.
    """
    if len(given) > MAX_PATHS:
        raise ShapeError(f"{len(given)} paths are too many; at most {MAX_PATHS} in one list")
    if dialect == "rfc9535":
        finders = [strict(path, allow_regex=allow_regex) for path in given]

        def places(document: Any) -> Iterator[Location]:
            return (place for find in finders for place, _ in find(document))

        return Paths(lambda one: prune(one, places(one)), lambda one: prune(one, places(one), drop=True))
    parts = [compiled(path, allow_regex=allow_regex) for path in given]
    node = build(parts)
    every = [segment for one in parts for segment in one]
    plain = not any(segment.deep for segment in every) and not any(map(_is_tested, every))
    run = walker(node) if plain else _bounded(lambda one: keep(one, node, Look(one)), every)
    return Paths(run, _bounded(lambda one: without(one, node, Look(one)), every))


def _is_tested(segment: Segment) -> bool:
    return not all(step is ANY or isinstance(step, (str, int)) for step in segment.steps)


def _bounded(work: Callable[[Any], _T], parts: Sequence[Segment]) -> Callable[[Any], _T]:
    """The work, with the steps of all patterns in one document counted together where there can be any."""
    if not any(map(_is_tested, parts)):
        return work

    def bounded(document: Any) -> _T:
        with budget():
            return work(document)

    return bounded


def plan(shape: Shape) -> Plan:
    """Check every option of a shape and compile its paths.

    Raises:
        ShapeError: an option or a path is wrong or refused.
    """
    _check(shape)
    selected = paths(shape.select, shape.dialect, allow_regex=shape.allow_regex) if shape.select else None
    dropped = paths(shape.drop, shape.dialect, allow_regex=shape.allow_regex) if shape.drop else None
    named = [(name, finder(path, shape.dialect, allow_regex=shape.allow_regex)) for name, path in _pairs(shape)]
    values = _values(shape)
    read_model = _model(shape)

    def document(value: Any) -> tuple[Any, tuple[Drift, ...], str]:
        drift: tuple[Drift, ...] = ()
        kept = value
        if not value and read_model is None:
            return value, drift, ""  # nothing was there to select from: that is not a selection that went wrong
        if read_model is not None:
            kept, drift = read_model(value)
        elif selected is not None:
            kept = selected.keep(value)
        elif named:
            kept = _flat(value, named) or MISSING
        if kept is MISSING:
            return value, drift, NO_FIT if read_model is not None else NO_MATCH
        if dropped is not None:
            kept = dropped.without(kept)
        if kept is MISSING:
            kept = [] if isinstance(value, list) else {}
        return kept, drift, ""

    needs = bool(selected or dropped or named or read_model or values or shape.as_table or shape.max_items is not None)
    return Plan(
        json=needs,
        max_items=shape.max_items,
        rewrites=shape.as_table or shape.max_items is not None,
        marks=HEAVY_MARKS if values is not None or read_model is not None or shape.as_table else MAX_MARKS,
        document=document,
        values=values,
        table=_table(shape),
        text=_text(shape),
    )


def _pairs(shape: Shape) -> Sequence[tuple[str, str]]:
    return shape.fields if not hasattr(shape.fields, "items") else tuple(shape.fields.items())


def _flat(value: Any, named: Sequence[tuple[str, Finder]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, one in named:
        found = one.values(value)
        if found:
            out[name] = found[0] if one.single else found
    return out


def _check(shape: Shape) -> None:
    if sum((shape.model is not None, bool(shape.select), bool(shape.fields))) > 1:
        raise ShapeError("select=, fields= and a model exclude each other", fix="Use one, or two shapes in a chain.")
    if shape.dialect not in ("jsonpath", "rfc9535"):
        raise ShapeError(f"Unknown dialect {shape.dialect!r}", fix='Use "jsonpath" or "rfc9535".')
    least = {
        "max_chars": 2,
        "max_tokens": 1,
        "max_items": 0,
        "max_lines": 1,
        "max_string": 1,
        "round_to": 0,
        "context_lines": 0,
    }
    by_path = dict(shape.max_string) if isinstance(shape.max_string, tuple) else {}
    numbers = [(name, getattr(shape, name), low) for name, low in least.items() if not (by_path and name in _BY_PATH)]
    numbers += [(f"max_string[{path!r}]", number, 1) for path, number in by_path.items()]
    for name, number, low in numbers:
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < low):
            raise ShapeError(f"{name} must be a whole number of at least {low}, not {number!r}")
    if not 0 <= shape.head <= 1:
        raise ShapeError(f"head must be between 0 and 1, not {shape.head!r}")
    if shape.dates not in (None, "day", "minute", "second"):
        raise ShapeError(f"Unknown dates={shape.dates!r}", fix='Use "day", "minute" or "second".')
    if shape.html not in (None, "text", "markdown"):
        raise ShapeError(f"Unknown html={shape.html!r}", fix='Use "text" or "markdown".')
    for name in ("keep_lines", "columns"):
        if not all(isinstance(word, str) and word for word in getattr(shape, name)):
            raise ShapeError(f"{name} must be texts that are not empty")


def _values(shape: Shape) -> Callable[[Any], Any] | None:
    from contextkit.shape.values import Values  # noqa: PLC0415  (only shapes with value options need it)

    values = Values(
        round_to=shape.round_to,
        dates=shape.dates,
        drop_null=shape.drop_null or shape.drop_empty,
        drop_empty=shape.drop_empty,
        max_string=shape.max_string if isinstance(shape.max_string, int) else None,
        elide_binary=shape.elide_binary,
    )
    if not isinstance(shape.max_string, tuple) or not shape.max_string:
        return values if values.active else None
    from contextkit.shape.fields import field_caps  # noqa: PLC0415  (the same)

    capped = field_caps(shape.max_string, shape.dialect, allow_regex=shape.allow_regex)
    return (lambda document: capped(values(document))) if values.active else capped


def _model(shape: Shape) -> Callable[[Any], tuple[Any, tuple[Drift, ...]]] | None:
    if shape.model is None:
        return None
    from contextkit.shape.model import reader  # noqa: PLC0415  (pydantic is heavy)

    return reader(shape.model, shape.dialect, allow_regex=shape.allow_regex)


def _table(shape: Shape) -> Callable[[Any], Any]:
    if not shape.as_table:
        return lambda value: value
    from contextkit.shape.table import tables  # noqa: PLC0415  (only where tables are wanted)

    return tables


def _text(shape: Shape) -> Callable[[str, Caps], tuple[str, str]]:
    from contextkit.shape.lines import steps  # noqa: PLC0415  (a sibling that reads the same declaration)

    return steps(shape)
