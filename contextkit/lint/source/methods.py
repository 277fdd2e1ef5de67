"""Methods of text, lists, dicts and sets, and of objects that are not the project's.

Law: a method that changes its object changes the heap; a method that is not known passes on what it was given.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.containers import VIEW, iterated
from contextkit.lint.source.follow import written
from contextkit.lint.source.lengths import counted
from contextkit.lint.source.mappings import ORDERS, as_dict, keyed, replaced
from contextkit.lint.source.places import source_of
from contextkit.lint.source.standard import Given, as_text
from contextkit.lint.source.stores import ensure, put, record
from contextkit.lint.source.templates import METHODS as TEMPLATES
from contextkit.lint.source.values import NOTHING, Event, Heap, Kind, Value, deep, merge

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["method"]

_BUILDS: Final = re.compile(
    r"^(?:add|append|extend|insert|set|with|update|write|push|put|register|include|use|render_to|section|line|feed)"
)
_LONG: Final = 400_000


def method(owner: Value, name: str, given: Given) -> Value | None:
    """What calling a method gives; None where nothing is known of it."""
    known = _METHODS.get(name)
    if known is not None and owner.name and source_of(f"{owner.name}.{name}") is not None:
        return None
    if known is not None and name in _READS and owner.choices:
        found = [known(one, given) for one in owner.choices]
        return None if None in found else merge(one for one in found if one is not None).with_(owner.taints)
    if known is not None and (owner.heap is None or owner.heap.kind != "object"):
        return known(owner, given)
    if name in _DUMPS and owner.heap is not None and owner.heap.kind == "object":
        return as_dict(Given(given.run, given.node, given.scope, [owner], {}, []))
    if owner.text is not None or owner.name == "str()":
        return _on_text(owner, name, given)
    if (
        _BUILDS.match(name)
        and not owner.name.startswith("pathlib.")
        and given.all()
        and owner.heap is not None
        and owner.heap.kind == "open"
    ):
        owner.heap.rest += [Value(taints=given.taints())] if given.taints() else []
    return None


def _on_text(owner: Value, name: str, given: Given) -> Value:
    taints = owner.taints | given.taints()
    const: Any = NOTHING
    values = [one.const for one in given.all()]
    if owner.text is not None and name in _TEXT and all(one is not NOTHING for one in values):
        try:
            const = getattr(owner.text, name)(*values)
        except Exception:  # noqa: BLE001  (whatever the program's own constants do)
            const = NOTHING
    if not isinstance(const, str) or len(const) > _LONG:
        const = NOTHING
    return Value(taints=taints, const=const, name="str()")


_TEXT: Final = frozenset(
    ["strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "replace", "removeprefix", "removesuffix"]
)


def _append(owner: Value, given: Given) -> Value:
    heap = ensure(given.run, owner)
    _grow(given, heap)
    if heap.origin is None and given.run.walked is not heap and len(heap.loops) < len(given.run.loops):
        heap.origin = given.run.walked
    for value in given.args:
        held = value.with_(given.run.because())
        for one in value.heaps():
            one.parent = one.parent or heap
        heap.items.append(held)
        if len(heap.items) > _MANY:
            del heap.items[_MANY // 2]
    return Value(const=None)


_MANY: Final = 60


def _grow(given: Given, heap: Heap) -> None:
    run = given.run
    heap.add(run.because())
    if heap.loops != run.loops or heap.stage != run.stage:
        heap.counted = (heap.grown is None or heap.counted) and counted(run, heap)
        heap.grown = run.taint(Kind.TURN, given.node, given.scope, bound=bool(run.loops))


def _extend(owner: Value, given: Given) -> Value:
    heap = ensure(given.run, owner)
    _grow(given, heap)
    for value in given.args:
        parts = iterated(given.run, value, given.node, given.scope)
        heap.items += parts.items[:_MANY]
        heap.trim()
        heap.add(t for t in parts.taints if t.kind in {Kind.ORDER, Kind.LISTING, Kind.RANDOM})
    return Value(const=None)


def _insert(owner: Value, given: Given) -> Value:
    heap = ensure(given.run, owner)
    at, value = given.get(0), given.get(1)
    if value is None:
        return Value(const=None)
    _grow(given, heap)
    front = at is not None and type(at.const) is int and at.const >= 0
    heap.items.insert(0 if front else len(heap.items), value.with_(given.run.because()))
    if front and heap.kind in {"list", "open"}:
        record(heap, Event(given.run.taint(Kind.EDIT, given.node, given.scope)))
    return Value(const=None)


def _pop(owner: Value, given: Given) -> Value:
    key = given.get(0)
    for heap in owner.heaps():
        if key is not None and type(key.const) is int and key.const >= 0 and heap.kind in {"list", "open"}:
            _dropped(given, heap)
        elif key is not None and isinstance(key.const, str):
            found = heap.keys.get(key.const) if heap.kind == "dict" else None
            if found is not None and given.run.branch == 0:
                del heap.keys[key.const]
            return (found or given.get(1) or Value(open=True, name="?")).with_(owner.taints)
        return merge(heap.items) if heap.items else Value(open=True, name="?[]")
    return Value(open=True, taints=owner.taints, name="?[]")


def _dropped(given: Given, heap: Heap) -> None:
    """The first element goes; from a list that was there before this call, for good."""
    kept = heap.kind == "open" or (heap.stage != "call" and given.run.stage == "call")
    record(heap, Event(given.run.taint(Kind.FRONT, given.node, given.scope), sent=kept))


def _popleft(owner: Value, given: Given) -> Value:
    for heap in owner.heaps():
        _dropped(given, heap)
    return Value(open=True, taints=owner.taints, name="?[]")


def _remove(owner: Value, given: Given) -> Value:
    node = given.node
    first = isinstance(node, ast.Call) and node.args and written(node.args[0]).endswith("[0]")
    for heap in owner.heaps() if first else ():
        record(heap, Event(given.run.taint(Kind.FRONT, given.node, given.scope)))
    return Value(const=None)


def _sort(owner: Value, given: Given) -> Value:
    from contextkit.lint.source.standard import MODELS  # noqa: PLC0415

    for one in owner.each():
        one.taints = frozenset(t for t in one.taints if t.kind not in {Kind.ORDER, Kind.LISTING})
    keyed = Given(given.run, given.node, given.scope, [owner], given.keywords, [])
    settled = MODELS["builtins.sorted"](keyed)
    for heap in owner.heaps():
        if settled.heap is not None:
            heap.items, heap.taints = settled.heap.items, settled.heap.taints
    return Value(const=None)


def _join(owner: Value, given: Given) -> Value:
    source = given.get(0) or Value(open=True)
    node = given.node.args[0] if isinstance(given.node, ast.Call) and given.node.args else given.node
    parts = iterated(given.run, source, node, given.scope)
    texts = [as_text(given.run, part, node, given.scope) for part in parts.items]
    taints = owner.taints.union(parts.taints, *(text.taints for text in texts), *(deep(part) for part in parts.items))
    whole = all(heap.whole for heap in source.heaps()) and not source.open and source.heap is not None
    const: Any = NOTHING
    if whole and owner.text is not None and all(text.text is not None for text in texts):
        const = owner.text.join(text.text or "" for text in texts)
    return Value(taints=taints, const=const if isinstance(const, str) and len(const) < _LONG else NOTHING, name="str()")


def _update(owner: Value, given: Given) -> Value:
    heap = ensure(given.run, owner)
    if heap.kind == "set":
        return _extend(owner, given)
    for name, value in given.keywords.items():
        put(given.run, heap, name, value)
    for source in (*given.args, *given.rest):
        for other in source.heaps():
            for name, value in other.keys.items():
                put(given.run, heap, name, value)
            heap.rest += other.rest
            heap.trim()
            heap.add(t for t in other.taints if t.kind in ORDERS)
            heap.whole = heap.whole and other.whole
        heap.merged = heap.merged or bool(given.run.loops) or bool(source.open)
        heap.add(t for t in source.taints if t.kind in {Kind.ORDER, Kind.LISTING, Kind.TURN} and t.kind != Kind.TURN)
        heap.rest += [keyed(heap, Value(taints=source.taints))] if source.taints else []
    return Value(const=None)


def _get(owner: Value, given: Given) -> Value | None:
    from contextkit.lint.source.containers import asked, item_of  # noqa: PLC0415

    key = given.get(0)
    if owner.name in {"os.environ", "requests"} or key is None or owner.heap is None:
        return None
    if not isinstance(key.const, str) and owner.heap.kind == "open":
        return None
    found = merge(item_of(one, key) for one in owner.each())
    found = asked(given.run, found, key, given.node, given.scope).with_(owner.taints | key.taints)
    default = given.get(1)
    return merge((found, default)) if default is not None and found.open else found


def _keys(owner: Value, given: Given) -> Value:
    made = _listed(owner, given, lambda heap: [Value(const=key) for key in heap.keys])
    return replace(made, name=VIEW)


def _values(owner: Value, given: Given) -> Value:
    return _listed(owner, given, lambda heap: list(heap.keys.values()))


def _items(owner: Value, given: Given) -> Value:
    def pairs(heap: Heap) -> list[Value]:
        made = [Value(heap=given.run.heap("tuple", items=[Value(const=k), v])) for k, v in heap.keys.items()]
        rest = [Value(heap=given.run.heap("tuple", items=[Value(open=True, name="?"), v])) for v in heap.rest]
        return [*made, *rest]

    return _listed(owner, given, pairs)


def _listed(owner: Value, given: Given, of: Callable[[Heap], list[Value]]) -> Value:
    if owner.heap is None:
        return Value(taints=owner.taints, open=True, name="?")
    made = given.run.heap("list", items=of(owner.heap), taints=owner.heap.taints, whole=owner.heap.whole)
    made.items += owner.heap.rest if not made.items else []
    return Value(heap=made, taints=owner.taints, open=not made.whole)


def _add(owner: Value, given: Given) -> Value | None:
    if owner.heap is None or owner.heap.kind != "set":
        return None
    _grow(given, owner.heap)
    owner.heap.items += given.args
    owner.heap.trim()
    return Value(const=None)


def _copy(owner: Value, given: Given) -> Value:
    if owner.heap is None or owner.heap.kind == "open":
        return owner
    heap = owner.heap
    made = given.run.heap(heap.kind, items=list(heap.items), keys=dict(heap.keys), rest=list(heap.rest))
    made.taints, made.events, made.grown = heap.taints, list(heap.events), heap.grown
    made.whole, made.merged, made.cls = heap.whole, heap.merged, heap.cls
    return Value(heap=made, taints=owner.taints, name=owner.name)


def _renewed(owner: Value, given: Given) -> Value:
    """A copy of a record, some fields anew."""
    return replaced(Given(given.run, given.node, given.scope, [owner], given.keywords, []))


_DUMPS: Final = frozenset({"model_dump", "_asdict", "to_dict", "asdict"})


def _setdefault(owner: Value, given: Given) -> Value:
    heap = ensure(given.run, owner)
    key, value = given.get(0), given.get(1) or Value(const=None)
    if key is not None and isinstance(key.const, str):
        return heap.keys.setdefault(key.const, value)
    heap.rest.append(keyed(heap, value))
    return value


def _union(owner: Value, given: Given) -> Value | None:
    if owner.heap is None or owner.heap.kind != "set":
        return None
    items = [i for one in given.args for i in iterated(given.run, one, given.node, given.scope).items]
    heap = given.run.heap("set", items=[*owner.heap.items, *items])
    heap.trim()
    return Value(heap=heap, taints=owner.taints)


def _clear(owner: Value, given: Given) -> Value:
    for heap in owner.heaps():
        if given.run.branch == 0:
            heap.items, heap.keys, heap.rest = [], {}, []
    return Value(const=None)


_METHODS: Final[dict[str, Callable[[Value, Given], Value | None]]] = {
    "append": _append, "extend": _extend, "insert": _insert, "pop": _pop, "popleft": _popleft, "remove": _remove,
    "sort": _sort, "join": _join, "update": _update, "get": _get,
    "keys": _keys, "values": _values, "items": _items, "add": _add, "copy": _copy, "setdefault": _setdefault,
    "union": _union, "intersection": _union, "difference": _union, "symmetric_difference": _union, "clear": _clear,
    "model_copy": _renewed, "_replace": _renewed, "appendleft": _insert, **TEMPLATES,
}  # fmt: skip
_READS: Final = frozenset({"keys", "values", "items", "copy", "get"})
"""Methods that leave their object as it is: of several it may be, each is asked."""
