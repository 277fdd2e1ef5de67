"""Caps on the texts of single fields. The law: a text is cut where its path stands, and nothing else is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.errors import ShapeError
from contextkit.shape.automaton import build
from contextkit.shape.document import MAX_DEPTH, shared
from contextkit.shape.engine import compiled
from contextkit.shape.patterns import budget
from contextkit.shape.select import Look, steps_into
from contextkit.shape.shaped import BoundError
from contextkit.shape.text import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contextkit.shape.automaton import Node

__all__ = ["field_caps"]


def field_caps(given: Sequence[tuple[str, int]], dialect: str, *, allow_regex: bool) -> Callable[[Any], Any]:
    """A function from a document to the document with the texts at some paths cut, each to its own length.

    Args:
        given: (JSONPath, characters); where several paths meet, each cuts in turn.
        dialect: of the shape.
        allow_regex: of the shape.

    Raises:
        ShapeError: a path does not parse, or is refused and why; or the dialect is not the default.
    """
    if dialect != "jsonpath":
        raise ShapeError("max_string by path works in the default dialect", fix="Give one number, or chain two shapes.")
    ready = [(build([compiled(path, allow_regex=allow_regex)]), most) for path, most in given]

    def run(document: Any) -> Any:
        with budget():
            for node, most in ready:
                document = _capped(document, node, Look(document), most, 0)
        return document

    return run


def _capped(value: Any, node: Node, look: Look, most: int, depth: int) -> Any:
    if node.whole:
        return cut(value, most)[0] if isinstance(value, str) else value
    if not isinstance(value, (dict, list)):
        return value
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    made: Any = value.copy()
    for key, one, child in steps_into(value, node, look):
        made[key] = _capped(one, child, look, most, depth + 1)
    return shared(made, value)
