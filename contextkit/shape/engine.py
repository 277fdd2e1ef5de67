"""Paths that need an engine: filters and slices. The law: an engine finds places; the room prunes by place.

jsonpath-ng is the default engine; `dialect="rfc9535"` uses python-jsonpath in its strict form. What either could do
beyond finding places, or could do without a bound, is refused when the path is compiled, by a list of what is allowed.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.paths import bare, check
from contextkit.shape.patterns import budget, check_pattern
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextkit.shape.patterns import Pattern
    from contextkit.shape.select import Location

__all__ = ["MAX_LOOKED", "compiled", "values_below"]

MAX_FILTERS: Final = 3
"""Filters in one path, in a row or inside each other."""

MAX_LOOKED: Final = 40_000
"""Places that an engine's path looks at in one document: about a second at worst."""

_ALLOWED: Final = frozenset(
    {
        "Root",
        "This",
        "Child",
        "Fields",
        "Index",
        "Slice",
        "Wildcard",
        "Descendants",
        "Filter",
        "Expression",
        "And",
        "Or",
        "Matching",
    }
)
_VALUES: Final = "makes values that are not in the document; a shape only takes away"
_REASONS: Final = {
    "Operation": "arithmetic can build values far larger than the document",
    "SortedThis": "sorting changes the document; a shape only takes away",
    "Len": f"`len` {_VALUES}",
    "Keys": f"`keys` {_VALUES}",
    "Path": f"`path` {_VALUES}",
    "Split": f"`split` {_VALUES}",
    "Str": f"`str` {_VALUES}",
    "Sub": f"`sub` {_VALUES}, and its pattern has no bound",
    "Parent": "`parent` walks up; name the level itself",
}


@lru_cache(maxsize=512)
def compiled(path: str, dialect: str, *, allow_regex: bool = False) -> Callable[[Any], list[Location]]:
    """A function that gives the places which a path matches in a document, compiled once.

    Raises:
        ShapeError: the path does not parse, or is refused and why; or the dialect's package is not installed.
    """
    check(path)
    if dialect == "rfc9535":
        from contextkit.shape.rfc9535 import compiled as strict  # noqa: PLC0415  (an optional package)

        return strict(path, allow_regex=allow_regex)
    if "=~" in bare(path) and not allow_regex:
        raise ShapeError(
            "A pattern (`=~`) is refused: its time on hostile text has no bound",
            where=path,
            fix="Compare with ==, or pass allow_regex=True for a pattern without nested repeats.",
        )
    if re.search(r"=~\s*(?:'[^']*|\"[^\"]*)(?<!\\)(?:\\\\)*\\[^\\'\"]", path):
        raise ShapeError(
            "jsonpath-ng takes a single backslash out of a pattern", where=path, fix=r"Write two for one: `\\d+`."
        )
    if re.search(r"\[\s*(?:'[^']*\\|\"[^\"]*\\)", path):
        raise ShapeError(
            "jsonpath-ng does not understand an escape in a quoted name", where=path, fix='Use dialect="rfc9535".'
        )
    tree = _parsed(path)
    _refuse(tree, path)

    steps = _steps(tree)

    def find(document: Any) -> list[Location]:
        with budget():
            matches = _matches(steps, document)
        return [_location(match) for match in matches]

    return find


def _steps(tree: Any) -> list[Any]:
    """The steps of a path from the left; `..` is a step (None) before the one that it looks for."""
    steps: list[Any] = []
    while type(tree).__name__ in {"Child", "Descendants"}:
        steps.append(tree.right)
        if type(tree).__name__ == "Descendants":
            steps.append(None)
        tree = tree.left
    return [tree, *reversed(steps)]


def _matches(steps: list[Any], document: Any) -> list[Any]:
    """What `find` of the whole tree gives, with the places that it looks at counted on the way.

    Raises:
        BoundError: more than MAX_LOOKED.
    """
    from jsonpath_ng.jsonpath import DatumInContext, Descendants, This  # noqa: PLC0415  (heavy, only for these paths)

    found, looked, deep = [DatumInContext(document)], 0, False
    for step in steps:
        if step is None:
            deep = True
            continue
        looked += sum(values_below(datum.value, MAX_LOOKED) if deep else _size(datum.value) for datum in found)
        if looked > MAX_LOOKED:
            raise BoundError("too large for this path")
        taken = Descendants(This(), step) if deep else step
        found, deep = [match for datum in found for match in taken.find(datum)], False
    return found


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (dict, list)) else 1


def values_below(value: Any, enough: int) -> int:
    """How many values a document has, counted until there are enough."""
    count, waiting = 0, [value]
    while waiting and count <= enough:
        one = waiting.pop()
        count += 1
        if isinstance(one, (dict, list)):
            waiting.extend(one.values() if isinstance(one, dict) else one)
    return count


def _parsed(path: str) -> Any:
    """The tree of a path, with its patterns checked and replaced by bounded ones."""
    from jsonpath_ng.ext.parser import parse  # noqa: PLC0415  (heavy, and only for these paths)

    text = path.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            tree = parse(text)
    except RecursionError:
        raise ShapeError("The path is nested too deeply to parse", where=path[:60]) from None
    except Exception as error:  # noqa: BLE001  (the parser raises many kinds, bare Exception among them)
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ShapeError(
            f"The path does not parse: {reason}",
            where=path,
            fix='jsonpath-ng reads less than RFC 9535: try dialect="rfc9535".',
        ) from None
    _bound_patterns(tree, path)
    return tree


class Matching:
    """A comparison with a pattern inside a filter, in the place of jsonpath-ng's own, which has no bound."""

    def __init__(self, target: Any, pattern: Pattern) -> None:
        self.target = target
        self.pattern = pattern

    def find(self, datum: Any) -> list[Any]:
        """The places of the target whose text holds the pattern."""
        return [found for found in self.target.find(datum) if self.pattern.found_in(found.value)]


def _bound_patterns(tree: Any, path: str) -> None:
    for node in _nodes(tree):
        inner = getattr(node, "expressions", None) or getattr(node, "operands", None)
        if not inner:
            continue
        for place, one in enumerate(inner):
            if type(one).__name__ == "Expression" and one.op == "=~":
                inner[place] = Matching(one.target, check_pattern(str(one.value), path))


def _location(match: Any) -> Location:
    """Where a match stands; negative indices are counted from the front."""
    steps: list[str | int] = []
    while match.context is not None:
        fields = getattr(match.path, "fields", None)
        if fields is not None:
            steps.append(fields[0])
        else:
            index = match.path.indices[0]
            steps.append(index + len(match.context.value) if index < 0 else index)
        match = match.context
    return tuple(reversed(steps))


def _is_path(value: Any) -> bool:
    return hasattr(value, "find_or_create")  # every node of jsonpath-ng; a str has `find` too


def _children(node: Any) -> list[Any]:
    kind = type(node).__name__
    if kind == "Filter":
        return list(node.expressions)
    if kind == "Expression":
        return [node.target, *([node.value] if _is_path(node.value) else [])]
    if kind == "Matching":
        return [node.target]
    if kind in {"And", "Or"}:
        return list(node.operands)
    return [child for name in ("left", "right") if _is_path(child := getattr(node, name, None))]


def _nodes(tree: Any) -> Iterator[Any]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(_children(node))


def _refuse(tree: Any, path: str) -> None:
    """Refuse every part of a parsed path that is not on the list of what is allowed, or that multiplies work."""
    unions = filters = 0
    for node in _nodes(tree):
        kind = type(node).__name__
        if kind not in _ALLOWED:
            reason = _REASONS.get(kind, f"{kind.lstrip('_').lower()} is not part of a selection")
            raise ShapeError(f"The path is refused: {reason}", where=path)
        unions += len(getattr(node, "indices", ())) > 1 or len(getattr(node, "fields", ())) > 1
        filters += kind == "Filter"
        if kind == "Filter":
            _refuse_inside(node, path)
    if unions > 1:
        raise ShapeError(
            "The path is refused: several unions multiply their matches", where=path, fix="Give several paths."
        )
    if filters > MAX_FILTERS:
        raise ShapeError(f"The path is refused: more than {MAX_FILTERS} filters", where=path)


def _refuse_inside(node: Any, path: str) -> None:
    """Refuse what a filter would do again for every candidate."""
    for part in (part for child in _children(node) for part in _nodes(child)):
        kind = type(part).__name__
        if kind == "Descendants":
            raise ShapeError("The path is refused: `..` inside a filter runs for every candidate", where=path)
        if kind == "Child" and _from_root(part) and type(part.right).__name__ in {"Wildcard", "Slice", "Filter"}:
            raise ShapeError(
                "The path is refused: a filter looks at many places from `$` for every candidate", where=path
            )


def _from_root(node: Any) -> bool:
    while type(node).__name__ == "Child":
        node = node.left
    return type(node).__name__ == "Root"
