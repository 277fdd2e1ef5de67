"""Several paths as one automaton. The law: a walk needs no more than a node to know where every path stands.

A state of the automaton is the set of (path, segment) that the walk is in. Where a step down is told by a name or an
index alone, the nodes are made when the shape is built. Where it hangs on a filter or a slice, they are made when a
document first needs them, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.paths import ANY, Segment, Slice
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MAX_NODES", "Node", "build"]

MAX_NODES: Final = 2_000
"""States of one automaton; a few dozen paths need a few hundred."""

_State = tuple[int, int]
_States = frozenset[_State]
Key = str | tuple[int | None, int | None] | None
"""How a child is known: by a name that some path names, by (index from the front, from the back), or ANY."""


@dataclass(slots=True, eq=False)
class Node:
    """A state of the automaton: which steps lead on, and whether everything from here is meant.

    Attributes:
        whole: a path ends here.
        names: object members that a path names.
        items: array elements that a path names, by (index from the front, index from the back).
        rest: every other member or element.
        leaves: all of `names` end here and nothing else leads on; the common case, and the fast one.
        slices: slices that a child may be in; then, as with `filters`, a child is looked up by `after`.
        filters: conditions that a child may meet.
    """

    whole: bool = False
    names: dict[str, Node] = field(default_factory=dict)
    items: dict[tuple[int | None, int | None], Node] = field(default_factory=dict)
    front: frozenset[int] = frozenset()
    back: frozenset[int] = frozenset()
    rest: Node | None = None
    leaves: bool = False
    slices: tuple[Slice, ...] = ()
    filters: tuple[Any, ...] = ()
    tested: bool = False
    _states: _States = frozenset()
    _automaton: _Automaton | None = None
    _after: dict[tuple[Key, tuple[Any, ...]], Node | None] = field(default_factory=dict)

    def after(self, key: Key, met: tuple[Any, ...]) -> Node | None:
        """The node of a child that meets some filters or is in some slices."""
        known = self._after.get((key, met), self)
        if known is not self:
            return known
        return self._automaton.after(self, self._states, key, met) if self._automaton is not None else None

    def learn(self, key: Key, met: tuple[Any, ...], node: Node | None) -> None:
        """Keep what `after` found."""
        self._after[key, met] = node

    def forget(self) -> None:
        """Let go of what was learned: it is found again when it is needed."""
        self._after.clear()


class _Automaton:
    """The nodes of some paths: those known from the start, and those that documents asked for."""

    def __init__(self, paths: Sequence[Sequence[Segment]]) -> None:
        self._paths = paths
        self._start: dict[_States, Node] = {}
        self._later: dict[_States, Node] = {}

    def first(self) -> Node:
        """The node of a whole document.

        Raises:
            ShapeError: the paths overlap in so many ways that the automaton would not stay small.
        """
        states = frozenset((which, 0) for which in range(len(self._paths)))
        try:
            return self._grow(states, self._start)
        except BoundError:
            raise ShapeError(
                "The paths overlap in too many ways", fix="Use fewer wildcards, or two shapes in a chain."
            ) from None

    def after(self, node: Node, states: _States, key: Key, met: tuple[Any, ...]) -> Node | None:
        """The node after a step that some filters or slices take; made once, then learned by the node before.

        Raises:
            BoundError: the paths overlap too much from there.
        """
        taken = key if isinstance(key, tuple) else (key,)
        target = _after(states, (*taken, *met), self._paths)
        found = None
        if target:
            if len(self._later) > MAX_NODES:  # no more than a memory: what it forgets is made again
                for one in self._start.values():
                    one.forget()
                self._later.clear()
            found = self._start.get(target) or self._later.get(target) or self._grow(target, self._later)
        node.learn(key, met, found)
        return found

    def _grow(self, first: _States, known: dict[_States, Node]) -> Node:
        """The node of some states with all that names and indices lead to from it."""
        fresh = {first: Node()}
        waiting = [first]
        while waiting:
            states = waiting.pop()
            node = fresh[states]
            node.whole = any(at == len(self._paths[which]) for which, at in states)
            if node.whole:
                continue
            waiting.extend(self._connect(node, states, fresh))
            if len(fresh) > MAX_NODES:
                raise BoundError("the paths overlap in too many ways")
        for node in fresh.values():
            node.leaves = (
                bool(node.names)
                and node.rest is None
                and not node.items
                and not node.tested
                and all(child.whole for child in node.names.values())
            )
        known.update(fresh)
        return fresh[first]

    def _connect(self, node: Node, states: _States, fresh: dict[_States, Node]) -> Iterator[_States]:
        """Fill the edges of a node; yields the states that were not known before."""
        steps = [step for which, at in states for step in self._paths[which][at].steps]
        names = sorted({step for step in steps if isinstance(step, str)})
        node.front = frozenset(step for step in steps if isinstance(step, int) and step >= 0)
        node.back = frozenset(step for step in steps if isinstance(step, int) and step < 0)
        node.slices = tuple({step: None for step in steps if isinstance(step, Slice)})
        node.filters = tuple({step: None for step in steps if hasattr(step, "holds")})
        if node.slices or node.filters:
            node.tested, node._states, node._automaton = True, states, self  # noqa: SLF001  (made here, in two steps)
        pairs = [(front, back) for front in (None, *sorted(node.front)) for back in (None, *sorted(node.back))]
        edges: list[tuple[Any, tuple[Any, ...]]] = [(name, (name,)) for name in names]
        edges += [(pair, pair) for pair in pairs if pair != (None, None)]
        edges.append((ANY, ()))
        for key, taken in edges:
            target = _after(states, taken, self._paths)
            if not target:
                continue
            if target not in fresh:
                fresh[target] = Node()
                yield target
            if key is ANY:
                node.rest = fresh[target]
            elif isinstance(key, str):
                node.names[key] = fresh[target]
            else:
                node.items[key] = fresh[target]


def build(paths: Sequence[Sequence[Segment]]) -> Node:
    """The automaton of some paths, by its first node.

    Raises:
        ShapeError: the paths overlap in so many ways that the automaton would not stay small.
    """
    return _Automaton(paths).first()


def _after(states: _States, taken: tuple[Any, ...], paths: Sequence[Sequence[Segment]]) -> _States:
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
