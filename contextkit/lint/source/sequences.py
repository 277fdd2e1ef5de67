"""What is made of lists: windows by iterators, bounded queues, copies, rows, keys.

Law: a copy knows what was done to its original; what is done to the copy is not done to the original.
"""

from __future__ import annotations

import ast
from typing import Final

from contextkit.lint.source.containers import iterated
from contextkit.lint.source.given import Given
from contextkit.lint.source.lengths import alike, cloned
from contextkit.lint.source.stores import record
from contextkit.lint.source.values import Event, Kind, Value

__all__ = ["deepcopy", "deque", "from_keys", "islice", "iterator", "mapped", "zipped"]


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
    return cloned(given.get(0) or Value(open=True))


def from_keys(given: Given) -> Value:
    """`dict.fromkeys(names)`: in the order of the names."""
    source, value = given.get(0) or Value(open=True), given.get(1) or Value(const=None)
    node = given.node.args[0] if isinstance(given.node, ast.Call) and given.node.args else given.node
    parts = iterated(given.run, source, node, given.scope)
    heap = given.run.heap("dict", taints=parts.taints, rest=[value] if value.taints else [])
    for item in parts.items:
        if item.text is not None:
            heap.keys[item.text] = value
        else:
            heap.whole = False
    return Value(heap=heap)


def zipped(given: Given) -> Value:
    """Side by side, in the order of each."""
    parts = [iterated(given.run, one, given.node, given.scope) for one in given.args]
    whole = [bool(one.heap and one.heap.whole and one.heap.items) for one in given.args]
    longest = min(alike([one.items for one in parts], whole), _SIDE)
    heap = given.run.heap("list", taints=frozenset().union(*(one.taints for one in parts)) if parts else frozenset())
    for at in range(longest):
        row = [one.items[min(at, len(one.items) - 1)] if one.items else Value(open=True, name="?") for one in parts]
        heap.items.append(Value(heap=given.run.heap("tuple", items=row)))
    heap.whole = not given.rest and all(other.whole for one in given.args for other in one.heaps())
    return Value(heap=heap) if parts and not given.rest else Value(open=True, taints=given.taints())


_SIDE: Final = 6


def mapped(given: Given) -> Value:
    """`map(function, names)`: what it gives for each."""
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415

    if len(given.args) < 2:  # noqa: PLR2004  (function and iterable)
        return Value(open=True)
    parts = iterated(given.run, given.args[1], given.node, given.scope)
    made = [call_value(given.run, given.args[0], [one], {}, given.node, given.scope) for one in parts.items[:_SIDE]]
    return Value(heap=given.run.heap("list", items=made, taints=parts.taints))
