"""Lists, dicts, sets, comprehensions, subscripts and slices.

Law: order is part of what is sent. What iterates over something without an order takes that on; `sorted` ends it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.attributes import owned_item
from contextkit.lint.source.files import path_name
from contextkit.lint.source.follow import Run, choosing, expression, written
from contextkit.lint.source.lengths import constant, cut, filled
from contextkit.lint.source.mappings import ORDERS, keyed, placed
from contextkit.lint.source.stores import record, store
from contextkit.lint.source.values import Event, Heap, Kind, Taint, Value, deep, merge

if TYPE_CHECKING:
    from contextkit.lint.source.scope import Scope

__all__ = ["HISTORY", "VIEW", "Parts", "iterated", "target_of", "window"]

HISTORY: Final = (
    "message", "history", "conversation", "chat", "turns", "dialog", "transcript", "msgs", "convo", "thread",
    "exchange", "window", "log", "memory", "buffer",
)  # fmt: skip
"""Words in the names of lists of messages."""


VIEW: Final = "builtins.dict_keys()"
"""The name of a dict's keys: they have an order, but what two of them share has none."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an iteration gives: the elements it may, and the taints of their order and selection."""

    items: list[Value]
    taints: frozenset[Taint]


def iterated(run: Run, value: Value, node: ast.AST, scope: Scope) -> Parts:
    """What iterating over a value gives."""
    items: list[Value] = []
    taints: frozenset[Taint] = frozenset()
    around = placed(value.taints)
    for one in value.each():
        found = _iterated(run, one, node, scope)
        items += [item.with_(around) for item in found.items] if around else found.items
        taints |= found.taints
    return Parts(items, taints | value.taints)


def _iterated(run: Run, value: Value, node: ast.AST, scope: Scope) -> Parts:
    heap = value.heap
    if heap is None:
        return Parts([Value(open=True, name="?", taints=placed(value.taints))], value.taints)
    if heap.kind == "set":
        taint = run.taint(Kind.ORDER, node, scope, fix="sorted")
        return Parts(
            [item.with_({taint.chooses()}) for item in heap.items or [Value(open=True)]], heap.taints | {taint}
        )
    if heap.kind == "object":
        found = _iterator(run, value, node, scope)
        if found is not None:
            return found
    if heap.kind == "dict":
        keys = [Value(const=key) for key in heap.keys]
        keys += [Value(open=True, name="?", taints=one.taints) for one in heap.rest]
        return Parts(keys or [Value(open=True, name="?")], heap.taints)
    items = [*heap.items, *heap.rest]
    if not heap.whole or not items:
        items.append(_element(heap, value.name))
    return Parts(items, heap.taints)


def _iterator(run: Run, value: Value, node: ast.AST, scope: Scope) -> Parts | None:
    """What `__iter__` of a class of the project gives; None where it has none."""
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415  (calls iterate)

    cls = value.heap.cls if value.heap is not None else None
    found = (cls.find("__iter__") or cls.find("__aiter__")) if cls is not None else None
    if found is None or found.func is None:
        return None
    made = call_value(run, replace(found, func=replace(found.func, bound=value)), [], {}, node, scope)
    return None if any(heap.kind == "object" for heap in made.heaps()) else iterated(run, made, node, scope)


def _element(heap: Heap, name: str) -> Value:
    """An element of which nothing is known but where it stands."""
    made = Heap("open", stage=heap.stage, loops=heap.loops, frame=heap.frame, whole=False, parent=heap)
    return Value(open=True, name=path_name(f"?{name.lstrip('?')}[]"), heap=made)


@expression(ast.List)
def _list(run: Run, node: ast.List, scope: Scope) -> Value:
    return _sequence(run, "list", node.elts, scope)


@expression(ast.Tuple)
def _tuple(run: Run, node: ast.Tuple, scope: Scope) -> Value:
    return _sequence(run, "tuple", node.elts, scope)


@expression(ast.Set)
def _set(run: Run, node: ast.Set, scope: Scope) -> Value:
    return _sequence(run, "set", node.elts, scope)


def _sequence(run: Run, kind: str, elements: list[ast.expr], scope: Scope) -> Value:
    from contextkit.lint.source.expressions import extend  # noqa: PLC0415  (expressions build containers)

    heap = run.heap(kind)
    taints: frozenset[Taint] = frozenset()
    for element in elements:
        value = run.value(element, scope)
        if isinstance(element, ast.Starred):
            if any(h.kind in {"set", "dict", "object"} for h in value.heaps()):
                parts = iterated(run, value, element, scope)
                heap.items += parts.items
                heap.taints |= parts.taints
            else:
                extend(heap, value)
            continue
        _adopt(heap, value)
        if value.at is None and not value.known:
            value = replace(value, at=run.spot(element, scope))
        heap.items.append(value)
    return Value(heap=heap, taints=taints, at=None)


def _adopt(heap: Heap, value: Value) -> None:
    for held in value.heaps():
        if held.parent is None and held.kind in {"dict", "open", "list", "object"}:
            held.parent = heap


@expression(ast.Dict)
def _dict(run: Run, node: ast.Dict, scope: Scope) -> Value:
    from contextkit.lint.source.expressions import absorb  # noqa: PLC0415  (expressions build containers)

    heap = run.heap("dict")
    for key, held in zip(node.keys, node.values, strict=True):
        value = run.value(held, scope)
        if key is None:
            absorb(heap, value)
            heap.merged = True
            continue
        name = run.value(key, scope)
        _adopt(heap, value)
        if isinstance(name.const, str):
            heap.keys[name.const] = replace(value, at=run.spot(held, scope))
        else:
            heap.rest.append(keyed(heap, value.with_(name.taints)))
            heap.whole = heap.whole and name.known
    return Value(heap=heap, at=run.spot(node, scope))


@expression(ast.ListComp)
@expression(ast.SetComp)
@expression(ast.GeneratorExp)
def _comprehension(run: Run, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value:
    heap = run.heap("set" if isinstance(node, ast.SetComp) else "list")
    inner = _inner(scope)

    def element() -> None:
        value = run.value(node.elt, inner)
        heap.items.append(value.with_(run.because()))

    taints = _generators(run, node, node.generators, inner, element)
    heap.taints = taints - {t for t in taints if heap.kind == "set" and t.kind is Kind.ORDER}
    _inherit(heap, run, node, scope)
    heap.whole = heap.whole and not any(one.ifs for one in node.generators)
    if heap.kind == "set":
        heap.items = [_unordered(item) for item in heap.items]
    generator = isinstance(node, ast.GeneratorExp)
    return Value(heap=heap, name="builtins.generator()" if generator else "", at=run.spot(node, scope))


def _unordered(item: Value) -> Value:
    """In a set it does not matter in which order its elements came."""
    kept = frozenset(t for t in item.taints if t.kind not in {Kind.ORDER, Kind.LISTING})
    return replace(item, taints=kept)


def _inner(scope: Scope) -> Scope:
    return replace(scope, names={}, parent=scope, elsewhere={}, returns=[], yields=scope.yields)


def _inherit(heap: Heap, run: Run, node: Any, scope: Scope) -> None:
    """A list made of all elements of a history is that history."""
    source = run.value(node.generators[0].iter, scope)
    for other in source.heaps():
        heap.took(other)
        heap.grown = heap.grown or other.grown
        heap.origin = heap.origin or other
        if not other.whole or (other.stage != "call" and not constant(other)):
            heap.whole = False
    if len(node.generators) == 1 and not node.generators[0].ifs:
        filled(run, heap, source, node.generators[0].iter, scope)


@expression(ast.DictComp)
def _dict_comprehension(run: Run, node: ast.DictComp, scope: Scope) -> Value:
    heap = run.heap("dict", whole=False)
    inner = _inner(scope)

    def element() -> None:
        name, value = run.value(node.key, inner), run.value(node.value, inner)
        heap.rest.append(keyed(heap, value.with_(name.taints | run.because())))
        heap.taints |= frozenset(t for t in name.taints if t.kind in {Kind.ORDER, Kind.LISTING})

    heap.taints |= _generators(run, node, node.generators, inner, element)
    return Value(heap=heap)


def _generators(run: Run, node: ast.AST, generators: list[ast.comprehension], scope: Scope, element: Any) -> Any:
    if not generators:
        element()
        return frozenset()
    first, rest = generators[0], generators[1:]
    parts = iterated(run, run.value(first.iter, scope), first.iter, scope)
    taints = parts.taints
    with run.looped(node, scope):
        for item in (parts.items or [Value(open=True, name="?")])[:_FEW]:
            store(run, first.target, target_of(run, item, first, scope), scope)
            tests = [run.value(test, scope) for test in first.ifs]
            for test in tests:
                taints |= choosing(t for t in test.taints if t.kind is not Kind.REQUEST)
            with run.under(merge(tests) if tests else None):
                taints |= _generators(run, node, rest, scope, element)
    return taints


_FEW: Final = 6


def target_of(run: Run, item: Value, loop: Any, scope: Scope) -> Value:
    """What a loop's variable is: counted where it counts, else changing from round to round."""
    counts = isinstance(loop.iter, ast.Call) and isinstance(loop.iter.func, ast.Name | ast.Attribute)
    name = written(loop.iter.func).rsplit(".", 1)[-1] if counts else ""
    if name in {"range", "count"}:
        return Value(taints=frozenset({run.taint(Kind.COUNTER, loop.target, scope, bound=True)}), open=True)
    if name == "enumerate" and isinstance(loop.target, ast.Tuple) and loop.target.elts:
        index = Value(taints=frozenset({run.taint(Kind.COUNTER, loop.target.elts[0], scope, bound=True)}), open=True)
        return Value(heap=run.heap("tuple", items=[index, _turned(run, item, loop, scope)]))
    return _turned(run, item, loop, scope)


def _turned(run: Run, item: Value, loop: Any, scope: Scope) -> Value:
    if isinstance(loop, ast.comprehension):
        return item
    return item.with_({run.taint(Kind.TURN, loop.target, scope, bound=True)})


@expression(ast.Subscript)
def _subscript(run: Run, node: ast.Subscript, scope: Scope) -> Value:
    value = run.value(node.value, scope)
    if isinstance(node.slice, ast.Slice):
        return _sliced(run, node, value, scope)
    key = run.value(node.slice, scope)
    found = merge(owned_item(run, one, key, node, scope) or item_of(one, key) for one in value.each())
    if value.name in {"os.environ", "sys.argv", "flask.session"} or found.name.startswith("?environ"):
        return found.with_(value.taints)
    return asked(run, found, key, node, scope).with_(value.taints | key.taints)


def asked(run: Run, found: Value, key: Value, node: ast.AST, scope: Scope) -> Value:
    """`payload["user_id"]` is what one request says."""
    from contextkit.lint.source.places import REQUEST  # noqa: PLC0415

    named = isinstance(key.const, str) and found.open and REQUEST.match(key.const)
    return found.with_({run.taint(Kind.REQUEST, node, scope)}) if named else found


def item_of(value: Value, key: Value) -> Value:  # noqa: PLR0911  (one line a kind of key)
    heap = value.heap
    name = value.name.lstrip("?")
    if heap is None:
        return Value(open=True, name=path_name(f"?{name}[]"))
    if isinstance(key.const, str):
        if key.const in heap.keys:
            return heap.keys[key.const]
        if heap.rest:
            return merge(heap.rest)
        made = Heap(
            "open", stage=heap.stage, loops=heap.loops, frame=heap.frame, whole=False, parent=heap.parent and heap
        )
        heap.keys[key.const] = Value(open=True, name=f"?{name}.{key.const}", heap=made)
        return heap.keys[key.const]
    if type(key.const) is int and heap.whole and -len(heap.items) <= key.const < len(heap.items):
        return heap.items[key.const]
    if type(key.const) is int and key.const == -1:
        return Value(open=True, name=f"?{name}[-1]", heap=Heap("open", whole=False))
    held = [*heap.items, *heap.rest, *(heap.keys.values() if heap.kind == "dict" else ())]
    order = heap.taints if heap.kind != "dict" else frozenset(one for one in heap.taints if one.kind not in ORDERS)
    return merge([*held, _element(heap, value.name)] if not heap.whole or not held else held).with_(order)


def _sliced(run: Run, node: ast.Subscript, value: Value, scope: Scope) -> Value:
    bounds = [run.value(part, scope) for part in _bounds(node.slice) if part is not None]
    taints: frozenset[Taint] = frozenset().union(*(bound.taints for bound in bounds)) if bounds else frozenset()
    spent = any(t.kind is Kind.BUDGET for t in taints)
    taints = frozenset(t for t in taints if t.kind in {Kind.CLOCK, Kind.RANDOM})
    if spent:
        taints |= {run.taint(Kind.TRIM, node, scope)}
    named = f"{written(node.value)} {value.name}".lower()
    history = any(word in named for word in HISTORY)
    listed = [heap for heap in value.heaps() if heap.kind in {"list", "tuple"}]
    opened = [heap for heap in value.heaps() if heap.kind == "open"]
    if listed and not (history or opened):
        parts = cut(listed, [run.value(part, scope) for part in _bounds(node.slice)])
        if parts is not None:
            return Value(taints=value.taints | taints, heap=run.heap("list", items=parts, taints=listed[0].taints))
    if not listed and not history:
        return Value(taints=value.taints | taints | deep(value), open=True, name=value.name)
    made = run.heap("list", whole=False)
    for heap in (*listed, *opened):
        made.items += heap.items[-_FEW:]
        made.items.append(Value(open=True, name="?*", heap=heap))
        made.taints |= heap.taints
        made.took(heap)
        made.grown = made.grown or heap.grown
    taint = window(run, node, scope)
    if taint is not None:
        record(made, Event(taint))
    made.taints |= taints
    return Value(taints=value.taints, heap=made, name=value.name, open=True)


def _bounds(node: ast.expr) -> tuple[ast.expr | None, ...]:
    return (node.lower, node.upper, node.step) if isinstance(node, ast.Slice) else ()


def window(run: Run, node: ast.Subscript, scope: Scope) -> Taint | None:
    """A slice that forgets the oldest as the list grows; None where it keeps the front or a fixed part."""
    lower = node.slice.lower if isinstance(node.slice, ast.Slice) else None
    if lower is None:
        return None
    if isinstance(lower, ast.BinOp) and isinstance(lower.op, ast.Add):
        return None  # what follows an element, as in [*messages[:at], other, *messages[at + 1:]]
    start = run.value(lower, scope).const
    if isinstance(start, int) and (start >= 0 or start == -1):
        return None
    return run.taint(Kind.WINDOW, node, scope)
