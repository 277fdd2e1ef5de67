"""How many elements there are: of constants, of what goes over them, of what loops over them append.

Law: only what is certain counts: a whole list that nothing was seen to add to, a range of literals, a loop that is
never left early. Where it is not certain, an element of many counts once.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Scope
    from contextkit.lint.source.values import Heap, Value

__all__ = ["alike", "cloned", "constant", "counted", "cut", "filled", "steady"]

_MANY: Final = 24  # elements that are filled up
_LISTS: Final = frozenset({"list", "tuple"})


def constant(heap: Heap) -> bool:
    """A list or tuple that the module made, to which nothing was seen to be added."""
    made = heap.stage == "module" or heap.kind == "tuple"
    return made and heap.whole and bool(heap.items) and heap.grown is None and not heap.events


def cut(heaps: Sequence[Heap], bounds: Sequence[Value]) -> list[Value] | None:
    """The elements of a slice of a constant by literals; None where that is not what it is.

    Args:
        heaps: what is sliced.
        bounds: start, stop and step.
    """
    if len(heaps) != 1 or not constant(heaps[0]) or heaps[0].rest:
        return None
    if not all(one.known and (one.const is None or type(one.const) is int) for one in bounds):
        return None
    start, stop, step = (one.const for one in bounds)
    return heaps[0].items[start:stop:step] if step != 0 else None


def filled(run: Run, heap: Heap, over: Value, node: ast.expr, scope: Scope) -> None:
    """A comprehension's blocks with marks, as many as there are elements in what it goes over."""
    if heap.kind != "list" or not heap.items or not any("cache_control" in one.keys for one in heap.items[-1].heaps()):
        return
    missing = min(_length(run, over, node, scope), _MANY) - len(heap.items)
    heap.items += [cloned(heap.items[-1], heap) for _ in range(missing)]


def _length(run: Run, over: Value, node: ast.expr, scope: Scope) -> int:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = [run.value(one, scope).const for one in node.args]
        steps = all(type(one) is int for one in bounds) and 0 < len(bounds) <= _BOUNDS and 0 not in bounds[2:]
        return len(range(*bounds)) if steps else 0
    return len(over.heap.items) if over.heap is not None and over.heap.kind in _LISTS and over.heap.whole else 0


_BOUNDS: Final = 3


def alike(lists: Sequence[Sequence[Value]], whole: Sequence[bool]) -> int:
    """How many rows `zip` gives: as many as the shortest of those that are known has."""
    known = [len(items) for items, sure in zip(lists, whole, strict=True) if sure]
    return min(known) if known else max((len(items) for items in lists), default=0)


def steady(run: Run, over: Value, node: ast.For | ast.AsyncFor) -> bool:
    """A loop over more than one element of a known list, whose body runs to its end for each."""
    heap = over.heap
    if heap is None or heap.kind not in _LISTS or not heap.whole or len(heap.items) < _SEVERAL or run.branch:
        return False
    if heap.grown is not None or heap.rest or not (heap.stage == run.stage or constant(heap)):
        return False
    known: bool | None = getattr(node, "steady", None)
    if known is None:
        known = not any(isinstance(inner, _LEAVES) for one in node.body for inner in ast.walk(one))
        node.steady = known  # type: ignore[union-attr]  # a tree is ours alone
    return known


_SEVERAL: Final = 2
_LEAVES: Final = (ast.Break, ast.Continue, ast.Return, ast.Raise, ast.Try, ast.TryStar, ast.While)


def counted(run: Run, heap: Heap) -> bool:
    """What is put into a list here is put there once for each element of known lists."""
    further = run.loops[len(heap.loops) :]
    return not run.branch and heap.stage == run.stage and bool(further) and run.steady.issuperset(further)


def cloned(value: Value, parent: Heap | None = None, depth: int = 4) -> Value:
    """What is done to the copy is not done to the original; the copy has the original's history behind it."""
    if depth <= 0 or (value.heap is None and not value.choices):
        return value
    made = replace(value, choices=tuple(cloned(one, parent, depth) for one in value.choices))
    if value.heap is not None:
        made.heap = copy = replace(value.heap, events=list(value.heap.events), parent=parent)
        copy.items = [cloned(one, copy, depth - 1) for one in copy.items]
        copy.keys = {key: cloned(one, copy, depth - 1) for key, one in copy.keys.items()}
        copy.rest = [cloned(one, copy, depth - 1) for one in copy.rest]
    return made
