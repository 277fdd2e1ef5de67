"""What of a parsed path is refused. The law: a list of what is allowed, and a reason for everything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_FILTERS", "is_path", "nodes", "refuse", "refuse_patterns"]

MAX_FILTERS: Final = 3
"""Filters in one path, in a row or inside each other."""

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


def refuse_patterns(path: str, text: str, *, allow_regex: bool) -> None:
    """Refuse what jsonpath-ng would do with a pattern or misread in one.

    Raises:
        ShapeError: the path has a pattern that is not allowed, or an escape that jsonpath-ng does not read.
    """
    if "=~" in text and not allow_regex:
        raise ShapeError(
            "A pattern (`=~`) is refused: its time on hostile text has no bound",
            where=path,
            fix="Compare with ==, or pass allow_regex=True for a pattern without nested repeats.",
        )
    if re.search(r"=~\s*(?:'[^']*|\"[^\"]*)(?<!\\)(?:\\\\)*\\[^\\'\"]", path):
        raise ShapeError(
            "jsonpath-ng takes a single backslash out of a pattern", where=path, fix=r"Write two for one: `\\d+`."
        )
    if re.search(r"\?.*\[\s*(?:'[^']*\\|\"[^\"]*\\)", path):
        raise ShapeError(
            "jsonpath-ng does not understand an escape in a quoted name", where=path, fix='Use dialect="rfc9535".'
        )


def is_path(value: Any) -> bool:
    """Whether a value is a part of a parsed path."""
    return hasattr(value, "find_or_create")  # every node of jsonpath-ng; a str has `find` too


def _children(node: Any) -> list[Any]:
    kind = type(node).__name__
    if kind == "Filter":
        return list(node.expressions)
    if kind == "Expression":
        return [node.target, *([node.value] if is_path(node.value) else [])]
    if kind == "Matching":
        return [node.target]
    if kind in {"And", "Or"}:
        return list(node.operands)
    return [child for name in ("left", "right") if is_path(child := getattr(node, name, None))]


def nodes(tree: Any) -> Iterator[Any]:
    """Every part of a parsed path, those inside filters too."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(_children(node))


def refuse(tree: Any, path: str) -> None:
    """Refuse every part of a parsed path that is not on the list of what is allowed."""
    for node in nodes(tree):
        kind = type(node).__name__
        if kind not in _ALLOWED:
            reason = _REASONS.get(kind, f"{kind.lstrip('_').lower()} is not part of a selection")
            raise ShapeError(f"The path is refused: {reason}", where=path)
        if kind == "Filter":
            _refuse_inside(node, path)


def _refuse_inside(node: Any, path: str) -> None:
    """Refuse what a filter would do again for every candidate."""
    for part in (part for child in _children(node) for part in nodes(child)):
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
