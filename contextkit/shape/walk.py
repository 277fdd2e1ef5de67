"""The walk of a selection as functions. The law: the same answer as `select.keep`, with nothing looked up twice.

A state of the automaton becomes a closure over what it needs. Only the common forms are written out (members by name,
all of an array or object); a state of any other form goes through `select.keep`, and so does every path with `..`, a
filter or a slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.shape.document import MISSING
from contextkit.shape.select import Look, keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.shape.automaton import Node

    Walk = Callable[[Any], Any]

__all__ = ["walker"]


def walker(top: Node) -> Walk:
    """A function from a document to what the automaton keeps of it, or MISSING.

    The automaton must have no filter, no slice, and no `..`: its closures know no bound but the length of the paths.
    """
    known: dict[Node, Walk | None] = {}

    def of(node: Node) -> Walk | None:
        if node not in known:
            known[node] = None if node.whole else _walk(node, of)
        return known[node]

    return of(top) or (lambda document: document)


def _walk(node: Node, of: Callable[[Node], Walk | None]) -> Walk:
    if len(node.names) == 1 and not node.items and node.rest is None:
        ((name, child),) = node.names.items()
        return _member(name, of(child))
    if node.leaves:
        return _leaves(frozenset(node.names))
    if node.items or (node.names and node.rest is not None):
        return lambda value: keep(value, node, Look(value))
    if node.rest is not None:
        return _all(of(node.rest))
    return _members({name: of(child) for name, child in node.names.items()})


def _member(name: str, below: Walk | None) -> Walk:
    """An object's one member, whole (None) or walked: asked for, where several are looked for in its order."""

    def walk(value: Any) -> Any:
        if not isinstance(value, dict) or name not in value:
            return MISSING
        one = value[name] if below is None else below(value[name])
        return MISSING if one is MISSING else {name: one}

    return walk


def _leaves(names: frozenset[str]) -> Walk:
    """An object's members of these names, whole."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: value[key] for key in value if key in names} or MISSING
        return MISSING

    return walk


def _members(below: dict[str, Walk | None]) -> Walk:
    """An object's members of these names, each whole (None) or walked."""

    def walk(value: Any) -> Any:
        if not isinstance(value, dict):
            return MISSING
        out = {}
        for key in value:
            if key in below:
                further = below[key]
                if further is None:
                    out[key] = value[key]
                else:
                    kept = further(value[key])
                    if kept is not MISSING:
                        out[key] = kept
        return out or MISSING

    return walk


def _all(below: Walk | None) -> Walk:
    """Every element or member, whole (None) or walked."""

    def walk(value: Any) -> Any:
        if not isinstance(value, (list, dict)):
            return MISSING
        if below is None:
            return value or MISSING
        if isinstance(value, list):
            return [one for one in map(below, value) if one is not MISSING] or MISSING
        pairs = ((key, below(one)) for key, one in value.items())
        return {key: one for key, one in pairs if one is not MISSING} or MISSING

    return walk
