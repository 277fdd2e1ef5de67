"""Paths that need an engine: filters, slices, unions. The law: an engine finds places; the room prunes by place.

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
from contextkit.shape.select import MAX_MATCHES
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.shape.select import Location

__all__ = ["Find", "compiled"]

Find = "Callable[[Any], list[Location]]"

MAX_FILTERS: Final = 3
"""Filters inside filters, and filters in a row, in one path."""

_ARITHMETIC: Final = re.compile(r"(?<![.\[(,\s])\s*[*+/]|[)\]\w'\"]\s+-\s*[\w$@('\"]|\d\s*-\s*\d|\+")
_ALLOWED: Final = frozenset({
    "Root", "This", "Child", "Fields", "Index", "Slice", "Wildcard", "Descendants", "Filter", "Expression", "And", "Or",
})
_REASONS: Final = {
    "Operation": "arithmetic is refused (it can build values far larger than the document)",
    "Sub": "`sub` is refused (a pattern without a bound on its time)",
    "Split": "`split` is refused (it makes values that are not in the document)",
    "Str": "`str` is refused (it makes values that are not in the document)",
    "SortedThis": "sorting is refused (it changes the document; a shape only takes away)",
    "Len": "`len` is refused (it makes values that are not in the document)",
    "Keys": "`keys` is refused (it makes values that are not in the document)",
    "Path": "`path` is refused (it makes values that are not in the document)",
    "Parent": "`parent` is refused (name the level itself)",
    "Union": "`|` is refused (give several paths)",
    "Intersect": "`&` is refused (use `&&` inside a filter)",
}


@lru_cache(maxsize=512)
def compiled(path: str, dialect: str, *, allow_regex: bool = False) -> Callable[[Any], list[Location]]:
    """A function that gives the places which a path matches in a document, compiled once.

    Raises:
        ShapeError: the path does not parse, or is refused and why; or the dialect's package is not installed.
    """
    check(path)
    open_text = bare(path)
    if "=~" in open_text and dialect == "jsonpath":
        _check_patterns(path, allow_regex=allow_regex)
    if dialect == "rfc9535":
        from contextkit.shape.rfc9535 import compiled as strict  # noqa: PLC0415  (an optional package)

        return strict(path, allow_regex=allow_regex)
    if "`" in open_text:
        raise ShapeError("Named operators such as `len` or `sub` are refused", where=path,
                         fix="A shape selects; compute in a chain link.")
    if re.search(r"\\", path) and re.search(r"\[[^\]]*\\", path) and not allow_regex:
        raise ShapeError("An escape inside a quoted name is not understood by jsonpath-ng in this path", where=path,
                         fix='Use dialect="rfc9535".')
    return _jsonpath_ng(path)


def _jsonpath_ng(path: str) -> Callable[[Any], list[Location]]:
    from jsonpath_ng.exceptions import JSONPathError  # noqa: PLC0415  (heavy, and only for these paths)
    from jsonpath_ng.ext import parse  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            tree = parse(path if path.lstrip().startswith(("$", "@")) else f"$.{path.lstrip()}")
    except (JSONPathError, DeprecationWarning) as error:
        raise ShapeError(f"The path does not parse: {error}", where=path, fix=_advice(path)) from None
    except RecursionError:
        raise ShapeError("The path is nested too deeply to parse", where=path[:60]) from None
    except Exception as error:  # noqa: BLE001  (the parser raises many kinds)
        raise ShapeError(f"The path does not parse: {error}", where=path, fix=_advice(path)) from None
    _refuse(tree, path)

    def find(document: Any) -> list[Location]:
        matches = tree.find(document)
        if len(matches) > MAX_MATCHES:
            raise BoundError("too many matches")
        return [_location(match) for match in matches]

    return find


def _advice(path: str) -> str:
    if _ARITHMETIC.search(bare(path)):
        return "Arithmetic is not part of a selection."
    return 'jsonpath-ng reads less than RFC 9535; try dialect="rfc9535".'


def _location(match: Any) -> Location:
    """Where a match stands; negative indices are counted from the front."""
    steps: list[str | int] = []
    while match.context is not None:
        path, parent = match.path, match.context.value
        fields = getattr(path, "fields", None)
        if fields is not None:
            steps.append(fields[0])
        else:
            index = path.indices[0]
            steps.append(index + len(parent) if index < 0 else index)
        match = match.context
    return tuple(reversed(steps))


def _refuse(tree: Any, path: str) -> None:
    """Refuse every part of a parsed path that is not on the list of what is allowed."""
    unions = filters = deep = 0
    waiting: list[tuple[Any, bool]] = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        kind = type(node).__name__.lstrip("_")
        if kind not in _ALLOWED:
            reason = _REASONS.get(kind, f"{kind} is not part of a selection")
            raise ShapeError(f"The path is refused: {reason}", where=path)
        if inside and kind == "Descendants":
            raise ShapeError("The path is refused: `..` inside a filter is evaluated for every candidate", where=path)
        unions += len(getattr(node, "indices", ())) > 1 or len(getattr(node, "fields", ())) > 1
        filters += kind == "Filter"
        deep += kind == "Descendants"
        waiting.extend((child, inside or kind == "Filter") for child in _children(node))
        if inside and kind == "Root" and _many(tree):
            raise ShapeError("The path is refused: `$[*]` inside a filter is evaluated for every candidate", where=path)
    if unions > 1:
        raise ShapeError("The path is refused: several unions multiply their matches", where=path,
                         fix="Give several paths.")
    if filters > MAX_FILTERS:
        raise ShapeError(f"The path is refused: more than {MAX_FILTERS} filters", where=path)
    if deep > 1:
        raise ShapeError("The path is refused: more than one `..`", where=path)


def _children(node: Any) -> list[Any]:
    kind = type(node).__name__
    if kind == "Filter":
        return list(node.expressions)
    if kind == "Expression":
        return [node.target, *([node.value] if hasattr(node.value, "find") else [])]
    if kind in {"And", "Or"}:
        return list(node.operands)
    return [child for name in ("left", "right") if (child := getattr(node, name, None)) is not None]


def _many(tree: Any) -> bool:
    """Whether a filter looks at many places from the root: quadratic in the document."""
    waiting = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        kind = type(node).__name__
        if inside and kind == "Child" and _starts_at_root(node) and type(node.right).__name__ in {
            "Wildcard", "Slice", "Filter",
        }:
            return True
        waiting.extend((child, inside or kind == "Filter") for child in _children(node))
    return False


def _starts_at_root(node: Any) -> bool:
    while type(node).__name__ == "Child":
        node = node.left
    return type(node).__name__ == "Root"


_REGEX_TEXT: Final = re.compile(r"=~\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")")


def _check_patterns(path: str, *, allow_regex: bool) -> None:
    if not allow_regex:
        raise ShapeError("A pattern (`=~`) is refused: its time on hostile text has no bound", where=path,
                         fix="Compare with ==, or pass allow_regex=True for a pattern without nested repeats.")
    from contextkit.shape.patterns import check_pattern  # noqa: PLC0415  (only for patterns)

    found = _REGEX_TEXT.findall(path)
    if len(found) != bare(path).count("=~"):
        raise ShapeError("A pattern must be a quoted text", where=path)
    for single, double in found:
        check_pattern(single or double, where=path)
