"""What the standard library and the builtins do to a value.

Law: a model a row; what is not modelled passes on the taints of all it was given.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.containers import iterated
from contextkit.lint.source.follow import written
from contextkit.lint.source.given import Given
from contextkit.lint.source.mappings import as_dict, by_sorted_keys, defaulted, orderless, replaced
from contextkit.lint.source.sequences import deepcopy, deque, from_keys, islice, iterator, mapped, zipped
from contextkit.lint.source.values import NOTHING, Heap, Kind, Taint, Value, deep, merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Class, Scope

__all__ = ["MODELS", "Given", "as_text", "model"]

_LONG: Final = 400_000


def as_text(run: Run, value: Value, node: ast.AST, scope: Scope) -> Value:
    """`str(value)`, as an f-string does it."""
    parts = [_text(run, one, node, scope) for one in value.each()]
    return merge(parts).with_(value.taints) if len(parts) > 1 else parts[0].with_(value.taints)


def _text(run: Run, value: Value, node: ast.AST, scope: Scope) -> Value:
    if value.known:
        return replace(value, const=str(value.const)) if not isinstance(value.const, str) else value
    if value.func is not None or value.name in {"builtins.generator()", "builtins.object()"}:
        return Value(taints=value.taints | {run.taint(Kind.IDENTITY, node, scope)})
    heap = value.heap
    if heap is None:
        return Value(taints=value.taints, name=value.name, open=value.open)
    if heap.kind == "object" and heap.cls is not None:
        return _object_text(run, value, heap.cls, node, scope)
    taints = deep(value)
    if heap.kind == "set" and (not heap.items or len(heap.items) > 1 or heap.items[0].open):
        taints |= {run.taint(Kind.ORDER, node, scope, fix="sorted")}
    if heap.kind in {"list", "tuple", "dict"}:
        for item in (*heap.items, *heap.keys.values()):
            if any(one.kind == "object" for one in item.heaps()):
                taints |= _text(run, item, node, scope).taints
    return Value(taints=taints, name="str()")


def _object_text(run: Run, value: Value, cls: Class, node: ast.AST, scope: Scope) -> Value:
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415  (calls turn values to text)

    for name in ("__str__", "__repr__", "__format__"):
        found = cls.find(name)
        if found is not None and found.func is not None:
            bound = replace(found, func=replace(found.func, bound=value))
            return call_value(run, bound, [], {}, node, scope)
    held = [deep(one) for heap in value.heaps() for one in heap.keys.values()]
    taints: frozenset[Taint] = value.taints.union(*held) if held else value.taints
    if cls.record or any(one.outside for one in cls.lineage()):
        return Value(taints=taints, name="str()")
    return Value(taints=value.taints | {run.taint(Kind.IDENTITY, node, scope)}, name="str()")


def _sorted(given: Given) -> Value:
    """In order, whatever the order was; unless the key itself changes."""
    source = given.get(0) or Value(open=True)
    parts = iterated(given.run, source, given.node, given.scope)
    heap = given.run.heap("list", items=[_settled(item) for item in parts.items])
    heap.taints = orderless(parts.taints)
    key = given.keywords.get("key")
    if key is not None and key.name == "builtins.id":
        heap.add({given.run.taint(Kind.IDENTITY, given.node, given.scope)})
    _after(heap, source)
    return Value(heap=heap, taints=orderless(source.taints))


def _after(heap: Heap, source: Value) -> None:
    """A list made of another, or of one of several, has what was done to them behind it."""
    for other in source.heaps():
        heap.whole, heap.grown = heap.whole and other.whole, heap.grown or other.grown
        heap.took(other)


def _settled(value: Value) -> Value:
    return replace(value, taints=orderless(value.taints))


def _list(given: Given, kind: str = "list") -> Value:
    source = given.get(0)
    if source is None:
        return Value(heap=given.run.heap(kind))
    parts = iterated(given.run, source, given.node, given.scope)
    heap = given.run.heap(kind, items=list(parts.items), taints=parts.taints)
    _after(heap, source)
    for other in source.heaps():
        heap.keys = dict(other.keys) if kind == "list" and other.kind != "dict" else {}
    if not any(True for _ in source.heaps()):
        heap.whole = False
    if kind == "set":
        heap.items, heap.taints = [_settled(item) for item in heap.items], orderless(heap.taints)
    return Value(heap=heap, taints=source.taints if kind != "set" else orderless(source.taints))


def _dict(given: Given) -> Value:
    from contextkit.lint.source.expressions import absorb  # noqa: PLC0415

    heap = given.run.heap("dict", merged=bool(given.args and given.keywords) or bool(given.rest))
    for source in (*given.args, *given.rest):
        absorb(heap, source)
    heap.keys.update({name: replace(one, at=one.at) for name, one in given.keywords.items()})
    return Value(heap=heap, at=given.run.spot(given.node, given.scope))


def _enumerate(given: Given) -> Value:
    source = given.get(0) or Value(open=True)
    return _list(given) if source.heap is not None else source


def _first(given: Given) -> Value:
    return given.get(0) or Value(open=True)


def _len(given: Given) -> Value:
    """The length of what grows from turn to turn counts the turns."""
    run, source = given.run, given.get(0) or Value(open=True)
    if source.text is not None:
        return Value(const=len(source.text), taints=frozenset(t for t in source.taints if t.kind not in _SIZED))
    node = given.node.args[0] if isinstance(given.node, ast.Call) and given.node.args else given.node
    name = written(node).lower()
    grows = any(heap.grown is not None for heap in source.heaps())
    if grows or (source.open and any(word in name for word in ("messages", "history", "conversation", "turns"))):
        bound = bool(run.loops) and not any(heap.stage != run.stage for heap in source.heaps())
        return Value(taints=frozenset({run.taint(Kind.COUNTER, given.node, given.scope, bound=bound)}))
    return Value(taints=frozenset(taint for taint in deep(source) if taint.kind not in _SIZED))


_SIZED: Final = frozenset({Kind.ORDER, Kind.LISTING, Kind.SERIAL, Kind.IDENTITY, Kind.UUID, Kind.CLOCK})
"""Kinds that do not change how long a thing is."""


def _str(given: Given) -> Value:
    source = given.get(0)
    return Value(const="") if source is None else as_text(given.run, source, given.node, given.scope)


def _hash(given: Given) -> Value:
    """`hash` of numbers is the same everywhere; of text it is not."""
    source = given.get(0)
    stable = source is not None and source.known and isinstance(source.const, int | float)
    taints = frozenset() if stable else frozenset({given.run.taint(Kind.IDENTITY, given.node, given.scope)})
    return Value(taints=taints)


def _next(given: Given) -> Value:
    source = given.get(0) or Value(open=True)
    if source.name in {"itertools.count()", "itertools.cycle()"}:
        return Value(taints=frozenset({given.run.taint(Kind.COUNTER, given.node, given.scope)}))
    parts = iterated(given.run, source, given.node, given.scope)
    return merge(parts.items or [Value(open=True)]).with_(parts.taints)


def _dumps(given: Given) -> Value:
    """JSON of what has no fixed order; sorted keys end that."""
    source = given.get(0) or Value(open=True)
    taints = given.taints()
    flag = given.keywords.get("sort_keys") or given.keywords.get("option")
    if flag is not None and (flag.open or flag.const not in {False, NOTHING, None}):
        kept = frozenset(t for t in by_sorted_keys(source) if t.kind is not Kind.SERIAL)
        return Value(taints=kept, name="str()")
    objects = given.keywords.get("default")
    if objects is not None and objects.name in {"builtins.repr", "builtins.str"} and _holds_object(source):
        taints |= {given.run.taint(Kind.IDENTITY, given.node, given.scope)}
    if any(_loose(one) for one in source.each()):
        taints |= {given.run.taint(Kind.SERIAL, given.node, given.scope, fix="sort_keys")}
    const = _rendered(source)
    return Value(taints=taints, const=const, name="str()")


def _rendered(source: Value) -> Any:
    return NOTHING if not source.known else str(source.const)


def _holds_object(value: Value) -> bool:
    held = [one for heap in value.heaps() for one in (*heap.items, *heap.keys.values())]
    return any(heap.kind == "object" for one in held for heap in one.heaps())


_FIXED: Final = ("asdict()", "model_dump()", "model_json_schema()", "to_dict()", "schema()", "_asdict()", ".dict()",
                 "get_openapi()", "to_json()")  # fmt: skip
"""What gives a mapping in the order of a class's fields."""


def _loose(value: Value, depth: int = 3) -> bool:
    """The order of its keys depends on somebody else."""
    heap = value.heap
    if value.name.endswith(_FIXED):
        return False
    if heap is None:
        return value.open and not value.name.startswith(("str()", "builtins."))
    if heap.kind == "open":
        return value.open and value.name.startswith("?") and not heap.cls
    if heap.kind == "dict" and (not heap.whole or (heap.merged and _mixed(heap))):
        return True
    return depth > 0 and any(_loose(one, depth - 1) for one in heap.keys.values() if one.heap is not None)


def _mixed(heap: Heap) -> bool:
    return not heap.whole


def _partial(given: Given) -> Value:
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415

    target, first, named = given.args[0], given.args[1:], given.keywords

    def call(run: Run, args: list[Value], keywords: dict[str, Value], node: ast.AST, scope: Scope) -> Value:
        return call_value(run, target, [*first, *args], {**named, **keywords}, node, scope)

    return Value(native=call, name=target.name)


def _print(given: Given) -> Value:
    """What is printed into an object is in it."""
    file = given.keywords.get("file")
    for heap in file.heaps() if file is not None else ():
        heap.rest.append(Value(taints=frozenset().union(*(deep(one) for one in given.args))))
        heap.trim()
    return Value(const=None)


def _filter(given: Given) -> Value:
    return _list(Given(given.run, given.node, given.scope, given.args[1:2], {}, []))


def _getattr(given: Given) -> Value:
    from contextkit.lint.source.attributes import attribute  # noqa: PLC0415

    owner, name = given.get(0), given.get(1)
    if owner is not None and name is not None and name.text is not None:
        return attribute(given.run, owner, name.text, given.node, given.scope)
    return Value(open=True)


def _setattr(given: Given) -> Value:
    from contextkit.lint.source.stores import ensure, put  # noqa: PLC0415

    owner, name, value = given.get(0), given.get(1), given.get(2)
    if owner is not None and name is not None and value is not None and name.text is not None:
        put(given.run, ensure(given.run, owner), name.text, value)
    return Value(const=None)


def _vars(given: Given) -> Value:
    source = given.get(0) or Value(open=True)
    heap = given.run.heap("dict", whole=False)
    for other in source.heaps():
        heap.keys.update(other.keys)
    return Value(heap=heap, taints=source.taints)


def _reduce(given: Given) -> Value:
    return Value(taints=orderless(given.taints()))


def _run(given: Given) -> Value:
    """`asyncio.run(main())`, `gather(a(), b())`: the values of the calls inside."""
    if len(given.args) == 1:
        return given.args[0]
    return Value(heap=given.run.heap("list", items=list(given.args)))


def _depends(given: Given) -> Value:
    """FastAPI's `Depends(f)`: where it is a handler's parameter, `f` is called for it."""
    source = given.get(0, "dependency") or Value()
    return Value(name="fastapi.Depends()", func=source.func, open=True)


def _seed(given: Given) -> Value:
    """A seeded generator gives the same every time."""
    given.scope.top.seeded = given.scope.top.seeded or bool(given.args)
    return Value(const=None)


def _generator(given: Given) -> Value:
    name = written(given.node.func) if isinstance(given.node, ast.Call) else ""
    seeded = bool(given.args and not (given.args[0].known and given.args[0].const is None)) and not given.taints()
    if seeded:
        return Value(name="seeded()", open=True)
    dotted = "numpy.random.default_rng()" if "default_rng" in name else "random.Random()"
    return Value(name=dotted, open=True)


def _template(kind: str) -> Callable[[Given], Value]:
    def made(given: Given) -> Value:
        from contextkit.lint.source.templates import template  # noqa: PLC0415  (templates are filled with text)

        return template(given, kind)

    return made


MODELS: Final[dict[str, Callable[[Given], Value]]] = {
    "builtins.sorted": _sorted, "builtins.list": _list, "builtins.tuple": lambda given: _list(given, "list"),
    "builtins.set": lambda given: _list(given, "set"), "builtins.frozenset": lambda given: _list(given, "set"),
    "builtins.dict": _dict, "builtins.dict.fromkeys": from_keys, "builtins.zip": zipped,
    "collections.OrderedDict": _dict, "collections.ChainMap": _dict, "builtins.enumerate": _enumerate,
    "builtins.reversed": _list, "builtins.iter": _list, "builtins.len": _len, "builtins.str": _str,
    "builtins.repr": _str, "builtins.format": _str, "builtins.ascii": _str, "builtins.hash": _hash,
    "builtins.next": _next, "builtins.anext": _next, "builtins.map": mapped, "builtins.filter": _filter,
    "builtins.getattr": _getattr, "builtins.setattr": _setattr, "builtins.vars": _vars,
    "builtins.min": _reduce, "builtins.max": _reduce, "builtins.sum": _reduce, "builtins.any": _reduce,
    "builtins.all": _reduce, "statistics.mean": _reduce, "math.fsum": _reduce,
    "json.dumps": _dumps, "orjson.dumps": _dumps, "ujson.dumps": _dumps, "simplejson.dumps": _dumps,
    "yaml.dump": _reduce, "yaml.safe_dump": _reduce,
    "itertools.islice": islice, "itertools.chain": iterator, "itertools.chain.from_iterable": iterator,
    "collections.deque": lambda given: deque(given, _list(given)), "functools.partial": _partial,
    "fastapi.Depends": _depends, "copy.deepcopy": deepcopy, "copy.copy": _first,
    "collections.defaultdict": defaulted, "dataclasses.replace": replaced, "dataclasses.asdict": as_dict,
    "attrs.asdict": as_dict, "builtins.print": _print,
    "copy.replace": replaced, "string.Template": _template("string"), "jinja2.Template": _template("jinja2"),
    "attrs.evolve": replaced, "attr.evolve": replaced,
    "typing.cast": lambda given: given.get(1) or Value(open=True), "textwrap.dedent": _first,
    "inspect.cleandoc": _first, "random.seed": _seed, "numpy.random.seed": _seed, "random.Random": _generator,
    "numpy.random.default_rng": _generator, "asyncio.run": _run, "asyncio.gather": _run, "anyio.run": _run,
    "asyncio.create_task": _first, "asyncio.wait_for": _first, "asyncio.shield": _first,
    "asyncio.ensure_future": _first,
    "contextlib.nullcontext": _first, "types.MappingProxyType": _first, "weakref.proxy": _first,
}  # fmt: skip
"""By dotted name."""


def model(name: str) -> Callable[[Given], Value] | None:
    """How a callable of the library is followed; None where it is not modelled."""
    return MODELS.get(name) or (_dict if _TYPED.match(name) else None)


_TYPED: Final = re.compile(r"^anthropic\.types\.(?:[\w.]+\.)?\w*(?:Params?|Request|(?:Non)?Streaming)$")
"""The SDK's typed dicts: `TextBlockParam(...)`, `MessageCreateParamsNonStreaming(...)`, a batch's `Request(...)`."""
