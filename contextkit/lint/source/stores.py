"""Assigning: to names, attributes, keys, places, and to several at once.

Law: a name is bound anew; a heap is changed for all who share it, weakly where the change may not happen.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.follow import written
from contextkit.lint.source.mappings import keyed
from contextkit.lint.source.values import Event, Heap, Kind, Value, merge

if TYPE_CHECKING:
    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Scope

__all__ = ["ensure", "put", "record", "store"]

UNPACKED: Final = 12


def store(run: Run, target: ast.expr, value: Value, scope: Scope) -> None:
    """`target = value`."""
    if isinstance(target, ast.Name):
        _bind(target.id, value, scope)
    elif isinstance(target, ast.Attribute):
        _attribute(run, target, value, scope)
    elif isinstance(target, ast.Subscript):
        _subscript(run, target, value, scope)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(run, target, value, scope)
    elif isinstance(target, ast.Starred):
        store(run, target.value, value, scope)


def _bind(name: str, value: Value, scope: Scope) -> None:
    if value.open and value.heap is None and value.name.startswith("?") and not value.choices:
        value = Value(taints=value.taints, name=value.name, open=True, heap=Heap("open", whole=False))
    scope.elsewhere.get(name, scope).names[name] = value


def ensure(run: Run, value: Value) -> Heap:
    """The heap of a value; an open one gets one."""
    for heap in value.heaps():
        return heap
    value.heap = run.heap("open", whole=False)
    return value.heap


def put(run: Run, heap: Heap, key: str, value: Value) -> None:
    """An attribute or key of a heap, strongly where nothing is conditional."""
    value = value.with_(run.because())
    weak = run.branch > 0 or run.stage != heap.stage or bool(heap.cls and heap.cls.made and heap.cls.made.heap is heap)
    if key == "cache_control" and run.branch > 0 and key not in heap.keys:
        value = merge((Value(const=None), value))  # a mark that may be there
    heap.keys[key] = merge((heap.keys[key], value)) if weak and key in heap.keys else value


def _attribute(run: Run, target: ast.Attribute, value: Value, scope: Scope) -> None:
    owner = run.value(target.value, scope)
    if owner.cls is not None:
        owner.cls.body.names[target.attr] = value
        return
    if owner.scope is not None:
        owner.scope.names[target.attr] = value
        return
    heaps = list(owner.heaps()) or [ensure(run, owner)]
    for heap in heaps:
        put(run, heap, target.attr, value)
        if target.attr in {"content", "text"}:
            _edited(run, heap, target, scope, target.attr)


def _subscript(run: Run, target: ast.Subscript, value: Value, scope: Scope) -> None:
    owner = run.value(target.value, scope)
    heap = next(owner.heaps(), None) or ensure(run, owner)
    if isinstance(target.slice, ast.Slice):
        _slice_store(run, target, heap, value, scope)
        return
    key = run.value(target.slice, scope)
    if isinstance(key.const, str):
        put(run, heap, key.const, value)
        if key.const == "cache_control":
            _marked(run, heap, target.value, scope)
        else:
            _edited(run, heap, target, scope, key.const)
        return
    if type(key.const) is int and heap.kind == "list" and -len(heap.items) <= key.const < len(heap.items):
        heap.items[key.const] = merge((heap.items[key.const], value)) if run.branch else value
    else:
        heap.rest.append(keyed(heap, value.with_(key.taints | run.because())))
    if not (type(key.const) is int and key.const == -1) and not isinstance(key.const, str):
        _placed(run, heap, target, scope)


def _marked(run: Run, heap: Heap, target: ast.expr, scope: Scope) -> None:
    """A mark on a block: known of the block, of what holds it, and of the list through which it was reached."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    root = run.value(target, scope) if isinstance(target, ast.Name) else Value()
    reached, holder = [heap, *root.heaps()], heap.parent
    while holder is not None and len(reached) < _NESTING:
        reached.append(holder)
        holder = holder.parent
    for one in {id(one): one for one in reached}.values():
        one.marks += 1


def _slice_store(run: Run, target: ast.Subscript, heap: Heap, value: Value, scope: Scope) -> None:
    from contextkit.lint.source.containers import window  # noqa: PLC0415  (containers assign too)

    if isinstance(target.slice, ast.Slice) and target.slice.lower is None and target.slice.upper is None:
        for other in value.heaps():
            heap.taints |= other.taints
            for event in other.events:
                record(heap, event)
        return
    taint = window(run, target, scope)
    heap.rest.append(value)
    record(heap, Event(taint or run.taint(Kind.EDIT, target, scope)))


def _edited(run: Run, heap: Heap, target: ast.AST, scope: Scope, key: str) -> None:
    """A field of a message, or of a block of one, that stands in a list already."""
    if key in {"cache_control", "_id", "id", "tokens"} or "[-1]" in written(target):
        return
    holder, depth = heap.parent, 0
    while holder is not None and depth < _NESTING:
        record(holder, Event(run.taint(Kind.EDIT, target, scope)))
        holder, depth = holder.parent, depth + 1


_NESTING: Final = 4


def _placed(run: Run, heap: Heap, target: ast.Subscript, scope: Scope) -> None:
    """An element put in the place of another."""
    if heap.kind in {"list", "open"}:
        record(heap, Event(run.taint(Kind.EDIT, target, scope)))


_EVENTS: Final = 24  # noted of one list


def record(heap: Heap, event: Event) -> None:
    """Note what was done to a list."""
    event = replace(event, sent=event.sent or heap.sent)
    if event not in heap.events and len(heap.events) < _EVENTS:
        heap.events.append(event)


def _unpack(run: Run, target: ast.Tuple | ast.List, value: Value, scope: Scope) -> None:
    heap = next((h for h in value.heaps() if h.kind in {"list", "tuple"} and h.whole), None)
    star = next((at for at, one in enumerate(target.elts) if isinstance(one, ast.Starred)), None)
    if heap is not None and star is None and len(heap.items) == len(target.elts):
        for one, item in zip(target.elts, heap.items, strict=True):
            store(run, one, item.with_(value.taints), scope)
        return
    from contextkit.lint.source.containers import iterated  # noqa: PLC0415  (containers assign too)

    parts = iterated(run, value, target, scope)
    for one in target.elts[:UNPACKED]:
        held = merge(parts.items) if parts.items else Value(open=True, name="?")
        if isinstance(one, ast.Starred):
            held = _rest(run, value)
        name = one.id if isinstance(one, ast.Name) else ""
        named = Value(open=True, name=f"?{name}", taints=held.taints) if held.name == "?" else held
        store(run, one, named, scope)


def _rest(run: Run, value: Value) -> Value:
    """`*head, last = messages`: the list less a few, its elements where they were."""
    made = run.heap("list", whole=False)
    for heap in value.heaps():
        made.items += [Value(open=True, name="?*", heap=heap), *heap.items[-UNPACKED:]]
        made.taints |= heap.taints
        made.took(heap)
        made.grown = made.grown or heap.grown
    return Value(heap=made, taints=value.taints, name=value.name, open=True)
