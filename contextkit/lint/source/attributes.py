"""Reading an attribute: of an object, a class, a module of the project, or something imported.

Law: what the project defines is looked up; what it does not is a dotted name, and the tables say what it means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.files import path_name
from contextkit.lint.source.places import ATTRIBUTES, REQUEST
from contextkit.lint.source.values import Heap, Kind, Value, merge

if TYPE_CHECKING:
    import ast

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Class, Function, Scope

__all__ = ["attribute", "bind", "known_attribute", "owned_item"]

_LONG_NAME: Final = 160


def attribute(run: Run, value: Value, name: str, node: ast.AST, scope: Scope) -> Value:
    """What `value.name` may be."""
    found = [_one(run, one, name, node, scope) for one in value.each()]
    return merge(found).with_(value.taints) if len(found) > 1 else found[0].with_(value.taints)


def _one(run: Run, value: Value, name: str, node: ast.AST, scope: Scope) -> Value:
    if value.scope is not None:
        return run.project.name_in(value.scope, name, run)
    if value.cls is not None:
        return _of_class(value, name)
    if value.func is not None and name in {"func", "fn", "__wrapped__"}:
        return value
    if value.heap is not None:
        known = known_attribute(run, value, name, scope)
        if known is not None:
            return _requested(run, value, known, name, node, scope)
    return _open(run, value, name, node, scope)


def known_attribute(run: Run, value: Value, name: str, scope: Scope) -> Value | None:
    """An attribute that an object was seen to get, or that its class defines."""
    heap = value.heap
    if heap is None:
        return None
    if heap.kind in {"object", "open"} and name in heap.keys:
        return heap.keys[name]
    cls = heap.cls.find(name) if heap.cls is not None else None
    if cls is None:
        return None
    return _accessed(run, bind(cls, value), scope)


def _accessed(run: Run, found: Value, scope: Scope) -> Value:
    """Properties are called when they are read."""
    function = found.func
    if function is None or function.kind != "property":
        return found
    from contextkit.lint.source.calls import call_function  # noqa: PLC0415  (calls read attributes)

    return call_function(run, function, [], {}, function.node, scope)


def bind(found: Value, receiver: Value) -> Value:
    """A function found on a class, with its object."""
    if found.func is None or found.func.kind == "static":
        return found
    return replace(found, func=replace(found.func, bound=receiver))


def owned_item(run: Run, value: Value, key: Value, node: ast.AST, scope: Scope) -> Value | None:
    """What `value[key]` is where a class of the project says so; None where it does not."""
    cls = value.heap.cls if value.heap is not None else None
    found = (cls.find("__getitem__") or cls.find("__missing__")) if cls is not None else None
    if found is None or found.func is None or any(one.node is found.func.node for one in run.active):
        return None
    from contextkit.lint.source.calls import call_function  # noqa: PLC0415  (calls read attributes)

    return call_function(run, replace(found.func, bound=value), [key], {}, node, scope)


def _of_class(value: Value, name: str) -> Value:
    cls = value.cls
    found = cls.find(name) if cls is not None else None
    if cls is None or found is None:
        return Value(open=True, name=f"?{cls.name}.{name}" if cls else "")
    if found.func is not None and found.func.kind == "class":
        return bind(found, value)
    return found


def _open(run: Run, value: Value, name: str, node: ast.AST, scope: Scope) -> Value:
    dotted = path_name(f"{value.name}.{name}") if value.name and len(value.name) < _LONG_NAME else f"?.{name}"
    kind = ATTRIBUTES.get(dotted)
    taints = {run.taint(kind, node, scope)} if kind is not None else set()
    if REQUEST.match(name) and (dotted.startswith("?") or value.open) and not _asked(value):
        taints.add(run.taint(Kind.REQUEST, node, scope))
    made = Value(taints=frozenset(taints), name=dotted, open=True)
    heap = value.heap
    if heap is not None and heap.kind in {"object", "open"}:
        made.heap = Heap("open", stage=heap.stage, loops=heap.loops, frame=heap.frame, whole=False)
        heap.keys[name] = replace(made, taints=frozenset())
    return made


def _requested(run: Run, value: Value, known: Value, name: str, node: ast.AST, scope: Scope) -> Value:
    """What belongs to a request does so each time it is read."""
    if known.open and value.open and REQUEST.match(name) and not _asked(value) and not _asked(known):
        return known.with_({run.taint(Kind.REQUEST, node, scope)})
    return known


def _asked(value: Value) -> bool:
    return any(taint.kind is Kind.REQUEST for taint in value.taints)


def constructor(cls: Class) -> Function | None:
    """The `__init__` of a class of the project or of its bases."""
    found = cls.find("__init__")
    return found.func if found is not None else None
