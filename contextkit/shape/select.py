"""One walk for many paths. The law: the result is the document with everything else taken out, in its order.

All paths of a selection are one automaton (`automaton`); the document is walked once, and only where a path leads.
Array elements are compacted in order, a field that is missing is absent, and nothing of the input is changed: what is
kept whole is shared, what is pruned is new. No place is ever written down, so that the walk needs little memory
beside its result, and every look at a filter or slice is counted, so that it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from contextkit.shape.document import MAX_DEPTH, MISSING, shared
from contextkit.shape.paths import ANY
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.shape.automaton import Key, Node

__all__ = ["MAX_LOOKS", "MAX_MATCHES", "Location", "Look", "gather", "keep", "prune", "steps_into", "without"]

MAX_MATCHES: Final = 200_000
"""Places whose values are listed, or that an engine may find, in one document."""

MAX_LOOKS: Final = 100_000
"""Looks at a filter or slice in one document: about a second at worst."""

Location = tuple[str | int, ...]


@dataclass(slots=True)
class Look:
    """One walk over one document: the document, for filters that ask it, and the looks so far."""

    root: Any
    looks: int = 0

    def count(self, looks: int = 1) -> None:
        """Count some looks.

        Raises:
            BoundError: they are too many.
        """
        self.looks += looks
        if self.looks > MAX_LOOKS:
            raise BoundError("too large for this path")


def keep(value: Any, node: Node, look: Look, depth: int = 0) -> Any:
    """The pruned document, or MISSING when no path matched.

    Raises:
        BoundError: deeper than MAX_DEPTH along a path with `..`.
    """
    if node.whole:
        return value
    if node.tested:
        return _keep_tested(value, node, look, depth)
    if isinstance(value, list):
        return _keep_elements(value, node, look, depth)
    if not isinstance(value, dict):
        return MISSING
    if node.rest is not None:
        return _keep_all_members(value, node, look, depth)
    names = node.names
    out = {}
    for key in [key for key in value if key in names]:
        child, one = names[key], value[key]
        if not child.whole:
            one = keep(one, child, look, depth + 1)
            if one is MISSING:
                continue
        out[key] = one
    return out or MISSING


def _keep_all_members(value: dict[str, Any], node: Node, look: Look, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    names, rest = node.names, node.rest
    out = {}
    for key, one in value.items():
        child = names.get(key, rest)
        if child is None:
            continue
        kept = one if child.whole else keep(one, child, look, depth + 1)
        if kept is not MISSING:
            out[key] = kept
    return out or MISSING


def _keep_elements(value: list[Any], node: Node, look: Look, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    child, below = node.rest, depth + 1
    if node.items:
        found = [one if after.whole else keep(one, after, look, below) for _, one, after in _numbered(value, node)]
        return [one for one in found if one is not MISSING] or MISSING
    if child is None:
        return MISSING
    if child.whole:
        return value or MISSING
    return [one for one in [keep(one, child, look, below) for one in value] if one is not MISSING] or MISSING


def _keep_tested(value: Any, node: Node, look: Look, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    kept: dict[Any, Any] = {}
    for key, one, child in _met(value, node, look):
        left = one if child.whole else keep(one, child, look, depth + 1)
        if left is not MISSING:
            kept[key] = left
    return (list(kept.values()) if isinstance(value, list) else kept) or MISSING


def _met(value: Any, node: Node, look: Look) -> Iterator[tuple[Any, Any, Node]]:
    """The children that some path takes, each with its place and node, where a filter or slice has a say."""
    if isinstance(value, dict):
        for key, one in value.items():
            met = _filters_met(one, node, look)
            child = node.after(key if key in node.names else ANY, met) if met else node.names.get(key, node.rest)
            if child is not None:
                yield key, one, child
    elif isinstance(value, list):
        yield from _met_elements(value, node, look)


def _met_elements(value: list[Any], node: Node, look: Look) -> Iterator[tuple[int, Any, Node]]:
    length = len(value)
    spans = [(one, one.places(length)) for one in node.slices]
    places = range(length)
    if len(spans) == 1 and not (node.filters or node.items) and node.rest is None:
        places = spans[0][1] if spans[0][1].step > 0 else spans[0][1][::-1]
    for at in places:
        if spans:
            look.count()
        pair = (at if at in node.front else None, at - length if at - length in node.back else None)
        met = (*(one for one, span in spans if at in span), *_filters_met(value[at], node, look))
        key: Key = ANY if pair == (None, None) else pair
        child = node.after(key, met) if met else node.items.get(pair, node.rest)
        if child is not None:
            yield at, value[at], child


def _filters_met(value: Any, node: Node, look: Look) -> tuple[Any, ...]:
    look.count(len(node.filters))
    return tuple([one for one in node.filters if one.holds(value, look)])


def _numbered(value: list[Any], node: Node) -> Iterator[tuple[int, Any, Node]]:
    length = len(value)
    if node.rest is None:
        wanted = {at for at in node.front if at < length} | {length + at for at in node.back if length + at >= 0}
        places: Any = sorted(wanted)
    else:
        places = range(length)
    for at in places:
        pair = (at if at in node.front else None, at - length if at - length in node.back else None)
        child = node.items.get(pair, node.rest)
        if child is not None:
            yield at, value[at], child


def without(value: Any, node: Node, look: Look, depth: int = 0) -> Any:
    """The document without what the paths match, or MISSING when they match all of it.

    An object or array that becomes empty stays, so that it is seen that it was there.

    Raises:
        BoundError: deeper than MAX_DEPTH along a path with `..`.
    """
    if node.whole:
        return MISSING
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    if node.tested:
        return _without_tested(value, node, look, depth)
    if isinstance(value, dict):
        return _without_members(value, node, look, depth)
    if isinstance(value, list) and (node.items or node.rest is not None):
        taken = {at: without(one, child, look, depth + 1) for at, one, child in _numbered(value, node)}
        out = [taken.get(at, one) for at, one in enumerate(value)]
        return shared([one for one in out if one is not MISSING], value)
    return value


def _without_tested(value: Any, node: Node, look: Look, depth: int) -> Any:
    if not isinstance(value, (dict, list)):
        return value
    left: dict[Any, Any] = {}
    for key, one, child in _met(value, node, look):
        left[key] = without(one, child, look, depth + 1)
    if isinstance(value, dict):
        out = ((key, left.get(key, one)) for key, one in value.items())
        return shared({key: one for key, one in out if one is not MISSING}, value)
    elements = (left.get(at, one) for at, one in enumerate(value))
    return shared([one for one in elements if one is not MISSING], value)


def _without_members(value: dict[str, Any], node: Node, look: Look, depth: int) -> dict[str, Any]:
    names, rest = node.names, node.rest
    if node.leaves:
        return {key: one for key, one in value.items() if key not in names}
    out = {}
    for key, one in value.items():
        child = names.get(key, rest)
        if child is None or not isinstance(one, (dict, list)):
            left = MISSING if child is not None and child.whole else one
        else:
            left = without(one, child, look, depth + 1)
        if left is not MISSING:
            out[key] = left
    return cast("dict[str, Any]", shared(out, value))


def gather(value: Any, node: Node, look: Look, depth: int = 0, into: list[Any] | None = None) -> list[Any]:
    """The values that the paths match, in document order; one that lies inside another is not listed again.

    Raises:
        BoundError: deeper than MAX_DEPTH, or more than MAX_MATCHES.
    """
    found: list[Any] = [] if into is None else into
    if node.whole:
        found.append(value)
        if len(found) > MAX_MATCHES:
            raise BoundError("too many matches")
        return found
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    for _, one, child in steps_into(value, node, look):
        gather(one, child, look, depth + 1, found)
    return found


def steps_into(value: Any, node: Node, look: Look) -> Iterator[tuple[Any, Any, Node]]:
    """The children that some path leads into: (name or index, child, its node), in document order.

    Raises:
        BoundError: the document has used up its looks.
    """
    if node.tested:
        yield from _met(value, node, look)
    elif isinstance(value, dict):
        for key, one in value.items():
            to = node.names.get(key, node.rest)
            if to is not None:
                yield key, one, to
    elif isinstance(value, list):
        yield from _numbered(value, node)


def prune(value: Any, places: Iterable[Location], *, drop: bool = False) -> Any:
    """The document with only (or, with `drop`, without) the given places; MISSING when nothing is left.

    Raises:
        BoundError: more than MAX_MATCHES places, or deeper than MAX_DEPTH.
    """
    tree: dict[Any, Any] = {}
    for count, place in enumerate(places, 1):
        if count > MAX_MATCHES:
            raise BoundError("too many matches")
        if len(place) > MAX_DEPTH:
            raise BoundError("too deep")
        if not place:
            return MISSING if drop else value
        _mark(tree, place)
    if not tree:
        return value if drop else MISSING
    return _unmarked(value, tree) if drop else _marked(value, tree)


def _mark(tree: dict[Any, Any], place: Location) -> None:
    """Put a place into a tree of steps, in which None means everything from there."""
    for step in place[:-1]:
        below = tree.setdefault(step, {})
        if below is None:
            return
        tree = below
    tree[place[-1]] = None


def _marked(value: Any, tree: dict[Any, Any]) -> Any:
    steps = [key for key in value if key in tree] if isinstance(value, dict) else sorted(tree)
    kept = [value[step] if tree[step] is None else _marked(value[step], tree[step]) for step in steps]
    return dict(zip(steps, kept, strict=True)) if isinstance(value, dict) else kept


def _unmarked(value: Any, tree: dict[Any, Any]) -> Any:
    left: dict[Any, Any] = {}
    for step, one in value.items() if isinstance(value, dict) else enumerate(value):
        below = tree.get(step, tree)
        if below is not None:
            left[step] = one if below is tree else _unmarked(one, below)
    return left if isinstance(value, dict) else list(left.values())
