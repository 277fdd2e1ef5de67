"""Dicts by key: the order in which values came is the dict's, not theirs.

Law: a value that is found by its key does not know when it was put there; who walks over the dict does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.values import Heap, Kind, Taint, Value, deep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.lint.source.given import Given

__all__ = ["ORDERS", "as_dict", "by_sorted_keys", "defaulted", "keyed", "orderless", "placed", "replaced"]

ORDERS: Final = frozenset({Kind.ORDER, Kind.LISTING})
"""Kinds of which nothing is left once the elements are put in order."""
_DEEP: Final = 4


def orderless(taints: Iterable[Taint]) -> frozenset[Taint]:
    """Without those that only say in which order something came."""
    return frozenset(taint for taint in taints if taint.kind not in ORDERS)


def placed(taints: frozenset[Taint]) -> frozenset[Taint]:
    """Of an element: the order of the whole chose when it comes, it is not in it."""
    if not any(taint.kind in ORDERS for taint in taints):
        return taints
    return frozenset(taint.chooses() if taint.kind in ORDERS else taint for taint in taints)


def keyed(heap: Heap, value: Value) -> Value:
    """A value put into a dict under some key: when it came is a matter of the dict."""
    if heap.kind != "dict":
        return value
    moved = frozenset(taint for taint in deep(value, depth=_DEEP) if taint.kind in ORDERS and taint.control)
    if not moved:
        return value
    heap.taints |= {replace(taint, control=False) for taint in moved}
    return _without(value, moved)


def _without(value: Value, taints: frozenset[Taint]) -> Value:
    choices = tuple(_without(one, taints) for one in value.choices)
    if value.heap is not None:
        _settle(value.heap, taints, _DEEP)
    return replace(value, taints=value.taints - taints, choices=choices)


def _settle(heap: Heap, taints: frozenset[Taint], depth: int) -> None:
    """The same for what a container holds that was made in the round of the loop that puts it under its key."""
    if depth <= 0 or not heap.loops or heap.kind not in {"dict", "list", "tuple"}:
        return
    heap.items = [_lighter(one, taints, depth) for one in heap.items]
    heap.keys = {key: _lighter(one, taints, depth) for key, one in heap.keys.items()}


def _lighter(value: Value, taints: frozenset[Taint], depth: int) -> Value:
    if value.heap is not None:
        _settle(value.heap, taints, depth - 1)
    return replace(value, taints=value.taints - taints) if value.taints & taints else value


def by_sorted_keys(value: Value) -> frozenset[Taint]:
    """What a value and all it holds depend on when the keys of every dict are sorted."""
    dicts: set[Taint] = set()
    others: set[Taint] = set()
    _gather(value, dicts, others, _DEEP)
    return deep(value) - {taint for taint in dicts - others if taint.kind in ORDERS}


def _gather(value: Value, dicts: set[Taint], others: set[Taint], depth: int) -> None:
    others |= value.taints
    for choice in value.choices:
        _gather(choice, dicts, others, depth)
    heap = value.heap
    if heap is None or depth <= 0:
        return
    if heap.kind == "dict":
        dicts |= heap.taints
    else:
        others |= heap.taints
    for held in (*heap.items, *heap.keys.values(), *heap.rest):
        _gather(held, dicts, others, depth - 1)


def defaulted(given: Given) -> Value:
    """`defaultdict(list)`: what is not there yet is made, and stays."""
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415  (calls know the library)

    heap = given.run.heap("dict", whole=False)
    for source in given.args[1:]:
        for other in source.heaps():
            heap.keys.update(other.keys)
            heap.taints |= other.taints
    if given.args:
        heap.rest.append(call_value(given.run, given.args[0], [], {}, given.node, given.scope))
    return Value(heap=heap)


def as_dict(given: Given) -> Value:
    """`asdict(turn)`, `turn.model_dump()`: the fields of a record by name, in the order of its class."""
    source = given.get(0) or Value(open=True)
    original = next((heap for heap in source.heaps() if heap.kind == "object"), None)
    if original is None:
        return Value(taints=source.taints | given.taints(), open=True, name="dataclasses.asdict()")
    made = given.run.heap("dict", keys=dict(original.keys), whole=False)
    return Value(heap=made, taints=source.taints, name="dataclasses.asdict()")


def replaced(given: Given) -> Value:
    """`dataclasses.replace(frame, stamp=now)`, `frame.model_copy(update={...})`: a copy with some fields anew."""
    source = given.get(0) or Value(open=True)
    changed = {name: one for name, one in given.keywords.items() if name not in {"update", "deep"}}
    update = given.keywords.get("update")
    for heap in update.heaps() if update is not None else ():
        changed |= heap.keys
    original = next(source.heaps(), None)
    if original is None:
        return Value(taints=source.taints | given.taints(), open=True, name=source.name)
    made = given.run.heap(original.kind, items=list(original.items), keys={**original.keys, **changed})
    made.rest, made.taints, made.cls, made.whole = list(original.rest), original.taints, original.cls, original.whole
    made.events, made.grown, made.merged = list(original.events), original.grown, original.merged
    return Value(heap=made, taints=source.taints, name=source.name, open=source.open)
