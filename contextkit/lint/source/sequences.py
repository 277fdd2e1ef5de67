"""Lists that are made of lists: windows by iterators, bounded queues, copies.

Law: a copy knows what was done to its original; what is done to the copy is not done to the original.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Final

from contextkit.lint.source.containers import iterated
from contextkit.lint.source.given import Given
from contextkit.lint.source.stores import record
from contextkit.lint.source.values import Event, Heap, Kind, Value

__all__ = ["deepcopy", "deque", "islice", "iterator"]


def iterator(given: Given) -> Value:
    """`islice(history, n, None)`, `chain(a, b)`: the elements of all."""
    items = [item for one in given.args for item in iterated(given.run, one, given.node, given.scope).items]
    taints = [iterated(given.run, one, given.node, given.scope).taints for one in given.args]
    heap = given.run.heap("list", items=items, whole=False)
    heap.taints = frozenset().union(*taints) if taints else frozenset()
    return Value(heap=heap)


def islice(given: Given) -> Value:
    """`islice(messages, len(messages) - 20, None)` is a slice like any other."""
    node = given.node
    if not isinstance(node, ast.Call) or len(given.args) < _STARTED or len(node.args) != len(given.args):
        return iterator(Given(given.run, node, given.scope, given.args[:1], {}, []))
    cut = ast.Subscript(node.args[0], ast.Slice(node.args[1], node.args[2], None), ast.Load())
    return given.run.value(ast.copy_location(cut, node), given.scope)


_STARTED: Final = 3


def deque(given: Given, made: Value) -> Value:
    """`deque(messages, maxlen=20)`, of which `made` is the list."""
    limit = given.get(1, "maxlen")
    if limit is not None and not (limit.known and limit.const is None) and made.heap is not None:
        record(made.heap, Event(given.run.taint(Kind.BOUNDED, given.node, given.scope)))
    return made


def deepcopy(given: Given) -> Value:
    """A copy of all that a value holds."""
    return _cloned(given.get(0) or Value(open=True))


def _cloned(value: Value, parent: Heap | None = None, depth: int = 4) -> Value:
    """What is done to the copy is not done to the original; the copy has the original's history behind it."""
    if depth <= 0 or (value.heap is None and not value.choices):
        return value
    made = replace(value, choices=tuple(_cloned(one, parent, depth) for one in value.choices))
    if value.heap is not None:
        made.heap = copy = replace(value.heap, events=list(value.heap.events), parent=parent)
        copy.items = [_cloned(one, copy, depth - 1) for one in copy.items]
        copy.keys = {key: _cloned(one, copy, depth - 1) for key, one in copy.keys.items()}
        copy.rest = [_cloned(one, copy, depth - 1) for one in copy.rest]
    return made
