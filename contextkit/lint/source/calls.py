"""Calling: the project's functions are followed, the library's are modelled, requests are noted.

Law: a function that is being followed already is not followed again, and nothing is followed deeper than a dozen calls.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.source import files, sinks
from contextkit.lint.source.follow import Run, expression
from contextkit.lint.source.methods import method
from contextkit.lint.source.places import PURE, REQUEST, RETRIEVES
from contextkit.lint.source.records import fill
from contextkit.lint.source.scope import Function, Scope
from contextkit.lint.source.sources import kind_of, made
from contextkit.lint.source.standard import Given, model
from contextkit.lint.source.values import Event, Heap, Kind, Value, deep, merge

if TYPE_CHECKING:
    from contextkit.lint.source.scope import Class

__all__ = ["call_function", "call_value", "construct", "instantiate"]

DEPTH: Final = 12
_NEAR, _OFTEN, _SELDOM = 2, 24, 5  # how often a function is followed from one root: near it, and farther down
_ALTERNATIVES: Final = 3
_MANY: Final = 32  # reasons kept on one value
_CONSUMED: Final = frozenset({Kind.REQUEST, Kind.SUMMARY, Kind.TURN, Kind.CALL})
"""What a source's arguments were: the source says more."""


@expression(ast.Call)
def _call(run: Run, node: ast.Call, scope: Scope) -> Value:
    receiver = run.value(node.func.value, scope) if isinstance(node.func, ast.Attribute) else None
    target = _target(run, node, receiver, scope)
    args, keywords, rest = _arguments(run, node, scope)
    given = Given(run, node, scope, args, keywords, rest)
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return _super(scope)
    if receiver is not None and not target.func and not target.native and not target.cls:
        found = method(receiver, node.func.attr, given) if isinstance(node.func, ast.Attribute) else None
        if found is not None:
            return found
    result = merge(_dispatch(run, one, given, receiver) for one in target.each()[:_ALTERNATIVES])
    return _passed(run, result, node, scope) if target.func or target.cls else result


def _target(run: Run, node: ast.Call, receiver: Value | None, scope: Scope) -> Value:
    if receiver is None or not isinstance(node.func, ast.Attribute):
        return run.value(node.func, scope)
    from contextkit.lint.source.attributes import attribute  # noqa: PLC0415  (attributes call properties)

    plain = replace(receiver, taints=frozenset()) if receiver.taints else receiver
    return attribute(run, plain, node.func.attr, node.func, scope)


def _passed(run: Run, result: Value, node: ast.Call, scope: Scope) -> Value:
    """What a function of the project gave was passed on here."""
    spot = run.spot(node, scope)
    taints = [taint for taint in result.taints if taint.kind is not Kind.CALL]
    return replace(result, taints=frozenset(taint.via(spot) for taint in taints[:_MANY])) if result.taints else result


def _arguments(run: Run, node: ast.Call, scope: Scope) -> tuple[list[Value], dict[str, Value], list[Value]]:
    args: list[Value] = []
    keywords: dict[str, Value] = {}
    rest: list[Value] = []
    for arg in node.args:
        value = run.value(arg, scope)
        heap = value.heap
        if not isinstance(arg, ast.Starred):
            args.append(value)
        elif heap is not None and heap.whole and heap.kind in {"list", "tuple"}:
            args += heap.items
        else:
            rest.append(value)
    for keyword in node.keywords:
        value = run.value(keyword.value, scope)
        if keyword.arg is not None:
            at = run.spot(keyword.value, scope)
            keywords[keyword.arg] = replace(value, at=at) if value.at is None and not value.heap else value
            continue
        keywords.update(_spread(value))
        if not all(heap.whole for heap in value.heaps()) or value.heap is None or value.heap.rest:
            rest.append(value)
    return args, keywords, rest


def _spread(value: Value) -> dict[str, Value]:
    """The keywords of `**value`; of several alternatives, what chose between them chose each."""
    heaps = list(value.heaps())
    if len(heaps) == 1:
        return dict(heaps[0].keys)
    names = {name for heap in heaps for name in heap.keys}
    grounds = {taint for taint in value.taints if taint.control}
    held = {name: merge(heap.keys[name] for heap in heaps if name in heap.keys) for name in sorted(names)}
    return {name: one.with_(grounds) for name, one in held.items()}


def _dispatch(run: Run, target: Value, given: Given, receiver: Value | None) -> Value:  # noqa: PLR0911  (one line a kind of callee)
    if target.native is not None:
        return target.native(run, given.args, given.keywords, given.node, given.scope)
    if target.func is not None:
        return _followed(run, target.func, given)
    if target.cls is not None:
        return instantiate(run, target.cls, given)
    if target.heap is not None and target.heap.cls is not None:
        dunder = target.heap.cls.find("__call__")
        if dunder is not None and dunder.func is not None:
            return _followed(run, replace(dunder.func, bound=target), given)
    sent = sinks.request(run, target, given, receiver)
    if sent is not None:
        return sent
    modelled = model(target.name)
    if modelled is not None:
        return modelled(given)
    return _outside(run, target, given, receiver)


def _followed(run: Run, function: Function, given: Given) -> Value:
    args, keywords = [_plain(one) for one in given.args], {key: _plain(one) for key, one in given.keywords.items()}
    result = call_function(run, function, args, keywords, given.node, given.scope, given.rest)
    if RETRIEVES.match(function.name) and given.all() and not _kinds(result) & {Kind.RETRIEVAL}:
        return result.with_({run.taint(Kind.RETRIEVAL, given.node, given.scope)})
    return result


def _plain(value: Value) -> Value:
    """A parameter handed on as it is: what it is called matters where it is put to use."""
    if (
        not value.open
        or not value.name.startswith("?")
        or not (value.name[1:2] == "~" or REQUEST.match(value.name[1:]))
    ):
        return value
    return replace(value, taints=frozenset(taint for taint in value.taints if taint.kind is not Kind.REQUEST))


def _kinds(value: Value) -> set[Kind]:
    return {taint.kind for taint in deep(value)}


def _outside(run: Run, target: Value, given: Given, receiver: Value | None) -> Value:
    """A call of something that is not the project's: a source, or something that passes on what it was given."""
    name = target.name
    files.noted(run, name, given, receiver)
    kind = kind_of(name, given, receiver)
    taints = frozenset() if name in PURE else given.taints()
    if receiver is not None:
        taints |= receiver.taints | frozenset(t for heap in receiver.heaps() for one in heap.rest for t in one.taints)
    if kind is not None:
        source = made(run, kind, given, receiver)
        if name.endswith(".shuffle"):
            for heap in given.args[0].heaps() if given.args else ():
                heap.add({source})
        taints = frozenset(t for t in taints if t.kind not in _CONSUMED) | {source}
    elif run.loops and name.startswith("?") and not name.startswith("?*"):
        taints |= {run.taint(Kind.CALL, given.node, given.scope, bound=True)}
    called = files.path_name(f"{name}()") if name else ""
    if kind is Kind.WINDOW:
        heap = run.heap("list", whole=False, events=[Event(run.taint(kind, given.node, given.scope))])
        return Value(name=called, heap=heap)
    held = Heap("open", whole=False, stage=run.stage, loops=run.loops) if _is_class(name) else None
    if held is not None and name.startswith("pathlib."):
        held.path = files.joined_path(given.args)
    return Value(taints=taints, name=called, open=True, heap=held)


def _is_class(name: str) -> bool:
    """`io.StringIO`, `PromptBuilder`: what is called makes an object, which remembers what it is given."""
    return name.rsplit(".", 1)[-1][:1].isupper()


def call_value(
    run: Run, target: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST, scope: Scope
) -> Value:
    """Call a value that is not written as a call: a decorator, a partial's function, a callback."""
    given = Given(run, node, scope, args, keywords, [])
    return merge(_dispatch(run, one, given, None) for one in target.each()[:_ALTERNATIVES])


def call_function(
    run: Run,
    function: Function,
    args: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    scope: Scope,
    rest: list[Value] | None = None,
) -> Value:
    """What calling a function of the project gives; followed with the values it is given."""
    inside = [one for one in run.active if one.node is function.node]
    visits = run.visits[function.node] = run.visits.get(function.node, 0) + 1
    if inside or len(run.active) >= DEPTH or visits > (_OFTEN if len(run.active) < _NEAR else _SELDOM):
        given = Given(run, node, scope, args, keywords, rest or [])
        return Value(taints=given.taints(), open=True, name=f"?{function.name}()")
    local = _bound(run, function, args, keywords, rest or [])
    if run.stage == "module" and not run.active:
        _entered(run, function, node)
    run.active.append(function)
    before, run.lasting = run.lasting, set()
    run.frames += 1
    local.frame = run.frames
    loops, own = run.loops, _owned(function)
    run.loops = own.loops if own is not None else loops
    try:
        with run.staged("module" if function.cached and own is None else "call"):
            return _body(run, function, local)
    finally:
        run.loops = loops
        run.active.pop()
        run.lasting = before


def _owned(function: Function) -> Heap | None:
    """The object made for one request that a cached property or method belongs to: it is cached as long as that."""
    if not function.cached or function.bound is None or function.kind == "class":
        return None
    return next((heap for heap in function.bound.heaps() if heap.kind == "object" and heap.stage == "call"), None)


def _entered(run: Run, function: Function, node: ast.AST) -> None:
    """A function that the program itself starts, without arguments, is an entry point: it runs once a process."""
    if isinstance(node, ast.Call) and not node.args and not node.keywords and not function.cached and not run.defining:
        run.called.add(function.node)


def _body(run: Run, function: Function, local: Scope) -> Value:
    node = function.node
    if isinstance(node, ast.Lambda):
        return run.value(node.body, local)
    run.block(node.body, local)
    if local.yields:
        if function.kind == "context":
            return merge(local.yields)
        heap = run.heap("list", items=local.yields)
        return Value(heap=heap, name="builtins.generator()")
    return merge(local.returns) if local.returns else Value(const=None)


def _bound(run: Run, function: Function, args: list[Value], keywords: dict[str, Value], rest: list[Value]) -> Scope:
    local = Scope(function.scope.path, parent=function.scope, module=function.scope.module, function=function)
    spec = function.node.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    given = [function.bound, *args] if function.bound is not None else list(args)
    left = dict(keywords)
    spare = merge(rest) if rest else None
    for name, value in zip(names, given, strict=False):
        local.names[name] = value
    for name in (*names[len(given) :], *(arg.arg for arg in spec.kwonlyargs)):
        local.names[name] = left.pop(name) if name in left else _default(function, name, spare)
    if spec.vararg is not None:
        held = run.heap("tuple", items=list(given[len(names) :]), rest=rest, whole=not rest)
        local.names[spec.vararg.arg] = Value(heap=held)
    if spec.kwarg is not None:
        more = {key: value for key, value in left.items() if key not in names}
        held = run.heap("dict", keys=more, rest=rest, whole=not rest, merged=True)
        local.names[spec.kwarg.arg] = Value(heap=held)
    return local


def _default(function: Function, name: str, spare: Value | None) -> Value:
    found = function.defaults.get(name)
    if spare is not None:
        return Value(open=True, name=f"?{name}", taints=deep(spare), heap=Heap("open", whole=False))
    return found or Value(open=True, name=f"?{name}", heap=Heap("open", whole=False))


def _super(scope: Scope) -> Value:
    """The object, as its next class sees it."""
    inside: Scope | None = scope
    while inside is not None and inside.function is None:
        inside = inside.parent
    function = inside.function if inside is not None else None
    if function is None or function.bound is None or function.owner is None:
        return Value(open=True)
    heap = next(function.bound.heaps(), None)
    if heap is None or not function.owner.bases:
        return Value(open=True, name="?super()", heap=heap and Heap("open", keys=heap.keys, stage=heap.stage))
    view = Heap(heap.kind, keys=heap.keys, stage=heap.stage, loops=heap.loops, cls=function.owner.bases[0])
    return Value(heap=view)


def instantiate(run: Run, cls: Class, given: Given) -> Value:
    """A new object of a class of the project."""
    typed = any("TypedDict" in one.outside for one in cls.lineage())
    heap = run.heap("dict" if typed else "object", cls=cls)
    made = Value(heap=heap)
    construct(run, cls, made, given)
    if any("str" in one.outside for one in cls.lineage()):
        made.taints |= given.taints()
    return made


def construct(run: Run, cls: Class, made: Value, given: Given) -> None:
    """Fill a new object: its fields, then `__init__` or `__post_init__`."""
    with run.staged("init"):
        for heap in made.heaps():
            fill(run, cls, heap, given)
        found = cls.find("__init__")
        if found is not None and found.func is not None:
            function = replace(found.func, bound=made)
            call_function(run, function, given.args, given.keywords, given.node, given.scope, given.rest)
        after = cls.find("__post_init__") or cls.find("model_post_init")
        if after is not None and after.func is not None:
            call_function(run, replace(after.func, bound=made), [], {}, given.node, given.scope)
