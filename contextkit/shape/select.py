"""One walk for many simple paths. The law: the result is the document with everything else taken out, in its order.

All paths of a selection become one automaton when the shape is built; the document is then walked once, and only
where a path leads. Array elements are compacted in order, a field that is missing is absent, and nothing of the
input is changed: what is kept whole is shared, what is pruned is new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.document import MAX_DEPTH, MISSING
from contextkit.shape.paths import ANY, Segment
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MAX_MATCHES", "MAX_NODES", "Location", "Node", "build", "keep", "locate", "prune", "without"]

MAX_NODES: Final = 2_000
"""States of one automaton; a few dozen paths need a few hundred."""

MAX_MATCHES: Final = 200_000
"""Places that the paths of one shape may match in one document."""

Location = tuple[str | int, ...]
_State = tuple[int, int]


@dataclass(slots=True, eq=False)
class Node:
    """A state of the automaton: which steps lead on, and whether everything from here is meant.

    Attributes:
        whole: a path ends here.
        names: object members that a path names.
        items: array elements that a path names, by (index from the front, index from the back).
        rest: every other member or element.
        leaves: all of `names` end here and nothing else leads on; the common case, and the fast one.
    """

    whole: bool = False
    names: dict[str, Node] = field(default_factory=dict)
    items: dict[tuple[int | None, int | None], Node] = field(default_factory=dict)
    front: frozenset[int] = frozenset()
    back: frozenset[int] = frozenset()
    rest: Node | None = None
    leaves: bool = False


def build(paths: Sequence[Sequence[Segment]]) -> Node:
    """The automaton of some simple paths.

    Raises:
        ShapeError: the paths overlap in so many ways that the automaton would not stay small.
    """
    known: dict[frozenset[_State], Node] = {}
    first = frozenset((which, 0) for which in range(len(paths)))
    waiting = [first]
    known[first] = Node()
    while waiting:
        states = waiting.pop()
        node = known[states]
        node.whole = any(at == len(paths[which]) for which, at in states)
        if node.whole:
            continue
        waiting.extend(_connect(node, states, paths, known))
        if len(known) > MAX_NODES:
            raise ShapeError("The paths overlap in too many ways", fix="Use fewer wildcards, or two shapes in a chain.")
    for node in known.values():
        node.leaves = (
            bool(node.names)
            and node.rest is None
            and not node.items
            and all(child.whole for child in node.names.values())
        )
    return known[first]


def _connect(
    node: Node,
    states: frozenset[_State],
    paths: Sequence[Sequence[Segment]],
    known: dict[frozenset[_State], Node],
) -> Iterator[frozenset[_State]]:
    """Fill the edges of a node; yields the states that were not known before."""
    steps = [step for which, at in states for step in paths[which][at].steps]
    names = sorted({step for step in steps if isinstance(step, str)})
    node.front = frozenset(step for step in steps if isinstance(step, int) and step >= 0)
    node.back = frozenset(step for step in steps if isinstance(step, int) and step < 0)
    pairs = [(front, back) for front in (None, *sorted(node.front)) for back in (None, *sorted(node.back))]
    edges: list[tuple[Any, tuple[str | int | None, ...]]] = [(name, (name,)) for name in names]
    edges += [(pair, pair) for pair in pairs if pair != (None, None)]
    edges.append((ANY, ()))
    for key, taken in edges:
        target = _after(states, taken, paths)
        if not target:
            continue
        if target not in known:
            known[target] = Node()
            yield target
        if key is ANY:
            node.rest = known[target]
        elif isinstance(key, str):
            node.names[key] = known[target]
        else:
            node.items[key] = known[target]


def _after(
    states: frozenset[_State], taken: tuple[str | int | None, ...], paths: Sequence[Sequence[Segment]]
) -> frozenset[_State]:
    """The states after one step down: those that take it, and the deep ones that go on looking."""
    after: set[_State] = set()
    wanted = {step for step in taken if step is not None}
    for which, at in states:
        segment = paths[which][at]
        if ANY in segment.steps or not wanted.isdisjoint(segment.steps):
            after.add((which, at + 1))
        if segment.deep:
            after.add((which, at))
    return frozenset(after)


def keep(value: Any, node: Node, depth: int = 0) -> Any:
    """The pruned document, or MISSING when no path matched.

    Raises:
        BoundError: deeper than MAX_DEPTH along a path with `..`.
    """
    if node.whole:
        return value
    if isinstance(value, list):
        return _keep_elements(value, node, depth)
    if not isinstance(value, dict):
        return MISSING
    if node.rest is not None:
        return _keep_all_members(value, node, depth)
    names = node.names
    out = {}
    for key in [key for key in value if key in names]:
        child, one = names[key], value[key]
        if not child.whole:
            one = keep(one, child, depth + 1)
            if one is MISSING:
                continue
        out[key] = one
    return out or MISSING


def _keep_all_members(value: dict[str, Any], node: Node, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    names, rest = node.names, node.rest
    out = {}
    for key, one in value.items():
        child = names.get(key, rest)
        if child is None:
            continue
        kept = one if child.whole else keep(one, child, depth + 1)
        if kept is not MISSING:
            out[key] = kept
    return out or MISSING


def _keep_elements(value: list[Any], node: Node, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    child, below = node.rest, depth + 1
    if node.items:
        pairs = _elements(value, node)
        found = [one if after.whole else keep(one, after, below) for one, after in pairs]
        return [one for one in found if one is not MISSING] or MISSING
    if child is None:
        return MISSING
    if child.whole:
        return value or MISSING
    return [one for one in [keep(one, child, below) for one in value] if one is not MISSING] or MISSING


def _elements(value: list[Any], node: Node) -> Iterator[tuple[Any, Node]]:
    """The elements that some path takes, each with its node."""
    for _, one, child in _numbered(value, node):
        yield one, child


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


def without(value: Any, node: Node, depth: int = 0) -> Any:
    """The document without what the paths match, or MISSING when they match all of it.

    An object or array that becomes empty stays, so that it is seen that it was there.

    Raises:
        BoundError: deeper than MAX_DEPTH along a path with `..`.
    """
    if node.whole:
        return MISSING
    if depth > MAX_DEPTH:
        raise BoundError("too deep")
    if isinstance(value, dict):
        return _without_members(value, node, depth)
    if isinstance(value, list) and (node.items or node.rest is not None):
        taken = {at: without(one, child, depth + 1) for at, one, child in _numbered(value, node)}
        out = [taken.get(at, one) for at, one in enumerate(value)]
        return [one for one in out if one is not MISSING]
    return value


def _without_members(value: dict[str, Any], node: Node, depth: int) -> dict[str, Any]:
    names, rest = node.names, node.rest
    if node.leaves:
        return {key: one for key, one in value.items() if key not in names}
    out = {}
    for key, one in value.items():
        child = names.get(key, rest)
        if child is None or not isinstance(one, (dict, list)):
            left = MISSING if child is not None and child.whole else one
        else:
            left = without(one, child, depth + 1)
        if left is not MISSING:
            out[key] = left
    return out


def locate(value: Any, node: Node, at: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Every place that the paths match, in document order, with what stands there.

    Raises:
        BoundError: deeper than MAX_DEPTH.
    """
    if node.whole:
        yield at, value
        return
    if len(at) > MAX_DEPTH:
        raise BoundError("too deep")
    if isinstance(value, dict):
        for key, one in value.items():
            child = node.names.get(key, node.rest)
            if child is not None:
                yield from locate(one, child, (*at, key))
    elif isinstance(value, list):
        for index, one, child in _numbered(value, node):
            yield from locate(one, child, (*at, index))


def prune(value: Any, locations: Sequence[Location], *, drop: bool = False) -> Any:
    """The document with only (or, with `drop`, without) the given places; MISSING when nothing is left.

    Raises:
        BoundError: more than MAX_MATCHES places, or deeper than MAX_DEPTH.
    """
    if len(locations) > MAX_MATCHES:
        raise BoundError("too many matches")
    top = Node()
    for location in locations:
        if len(location) > MAX_DEPTH:
            raise BoundError("too deep")
        node = top
        for step in location:
            if isinstance(step, int):
                node = node.items.setdefault((step, None), Node())
            else:
                node = node.names.setdefault(step, Node())
        node.whole = True
    _mark_fronts(top)
    return without(value, top) if drop else keep(value, top)


def _mark_fronts(top: Node) -> None:
    waiting = [top]
    while waiting:
        node = waiting.pop()
        node.front = frozenset(front for front, _ in node.items if front is not None)
        waiting.extend(node.items.values())
        waiting.extend(node.names.values())
