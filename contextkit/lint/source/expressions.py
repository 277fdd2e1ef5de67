"""How each kind of expression is evaluated, calls and containers apart.

Law: content follows content. What an expression is made of, it depends on; what merely chose it, chose it.
"""

from __future__ import annotations

import ast
import builtins
import operator
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.attributes import attribute
from contextkit.lint.source.containers import VIEW, iterated
from contextkit.lint.source.files import joined_path
from contextkit.lint.source.follow import Run, choosing, expression, written
from contextkit.lint.source.guards import decided, ground
from contextkit.lint.source.places import ATTRIBUTES, REQUEST
from contextkit.lint.source.scope import Function
from contextkit.lint.source.standard import as_text
from contextkit.lint.source.stores import store
from contextkit.lint.source.templates import percent
from contextkit.lint.source.values import NOTHING, Kind, Value, deep, merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.lint.source.scope import Scope

__all__ = ["lambda_"]

_LONG: Final = 400_000  # characters of a literal that is worked with
_OPERATIONS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip


@expression(ast.Constant)
def _constant(_run: Run, node: ast.Constant, _scope: Scope) -> Value:
    return Value(const=node.value)


@expression(ast.Name)
def _name(run: Run, node: ast.Name, scope: Scope) -> Value:
    found = scope.find(node.id)
    if found is None:
        return _global(run, node, scope)
    if found.name.startswith("?~") and not _has(found, Kind.REQUEST):
        return found.with_({run.taint(Kind.REQUEST, node, scope)})
    if found.open and found.name in ATTRIBUTES:
        return found.with_({run.taint(ATTRIBUTES[found.name], node, scope)})
    asked = REQUEST.match(node.id) or REQUEST.match(found.name[1:])
    if found.open and found.name.startswith("?") and asked and not _has(found, Kind.REQUEST):
        return found.with_({run.taint(Kind.REQUEST, node, scope)})
    return found


def _has(value: Value, kind: Kind) -> bool:
    return any(taint.kind is kind for taint in value.taints)


def _global(run: Run, node: ast.Name, scope: Scope) -> Value:
    star = run.project.starred(scope.top, node.id, run)
    if star is not None:
        return star
    if node.id in _BUILTINS:
        return Value(name=f"builtins.{node.id}")
    if node.id == "__file__":
        return Value(name="?__file__", open=True)
    return Value(name=f"?{node.id}", open=True)


_BUILTINS: Final = frozenset(dir(builtins))


@expression(ast.Attribute)
def _attribute(run: Run, node: ast.Attribute, scope: Scope) -> Value:
    return attribute(run, run.value(node.value, scope), node.attr, node, scope)


@expression(ast.JoinedStr)
def _joined(run: Run, node: ast.JoinedStr, scope: Scope) -> Value:
    parts = [run.value(part, scope) for part in node.values]
    taints = frozenset().union(*(part.taints for part in parts)) if parts else frozenset()
    texts = [part.const for part in parts]
    if all(isinstance(text, str) for text in texts) and sum(map(len, texts)) < _LONG:
        return Value(taints=taints, const="".join(texts))
    return Value(taints=taints, at=run.spot(node, scope), name="str()")


@expression(ast.FormattedValue)
def _formatted(run: Run, node: ast.FormattedValue, scope: Scope) -> Value:
    value = run.value(node.value, scope)
    if isinstance(node.value, ast.NamedExpr):
        value = run.value(node.value.value, scope)
    text = as_text(run, value, node.value, scope)
    if node.format_spec is not None:
        text = text.with_(run.value(node.format_spec, scope).taints)
        return Value(taints=text.taints)
    return text


@expression(ast.BinOp)
def _binary(run: Run, node: ast.BinOp, scope: Scope) -> Value:
    left, right = run.value(node.left, scope), run.value(node.right, scope)
    if isinstance(node.op, ast.BitOr) and (piped := run.project.pipe(left, right)) is not None:
        return piped
    joined = _combined(run, node, left, right)
    if joined is not None:
        return joined
    const: Any = NOTHING
    if isinstance(node.op, ast.Mod) and (named := percent(run, left, right, node, scope)) is not None:
        return named
    if isinstance(node.op, ast.Mod) and left.text is not None:
        return Value(taints=left.taints | deep(as_text(run, right, node.right, scope)) | deep(right), name="str()")
    if left.known and right.known:
        const = _computed(node.op, left.const, right.const)
    taints = deep(left) | deep(right)
    if isinstance(node.op, ast.Sub) and _spends(node, left):
        taints |= {run.taint(Kind.BUDGET, node, scope)}
    made = Value(taints=taints, const=const, open=left.open or right.open, name=_kept(left, right))
    if isinstance(node.op, ast.Div) and made.name:
        made.heap = run.heap("open", whole=False, path=joined_path((left, right)))
    return made


def _kept(left: Value, right: Value) -> str:
    """A path joined with `/` is still a path."""
    names = {name for name in (left.name, right.name) if name.startswith("pathlib.")}
    return names.pop() if names else ""


def _computed(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Mult):
        return _repeated(left, right)
    compute = _OPERATIONS.get(type(op))
    if compute is None or isinstance(left, bool):
        return NOTHING
    try:
        result = compute(left, right)
    except Exception:  # noqa: BLE001  (whatever the program's own constants do)
        return NOTHING
    return NOTHING if isinstance(result, str) and len(result) > _LONG else result


def _repeated(left: Any, right: Any) -> Any:
    if isinstance(right, str):
        left, right = right, left
    if isinstance(left, str) and type(right) is int:
        return left * right if len(left) * max(right, 0) <= _LONG else NOTHING
    if type(left) in {int, float} and type(right) in {int, float} and abs(left) < _LONG and abs(right) < _LONG:
        return left * right
    return NOTHING


_SPENT: Final = ("len", "sum", "count", "estimate", "token", "used", "spent", "total", "size", "usage")
_LEFT: Final = ("budget", "left", "remain", "limit", "max", "window", "room", "avail", "cap", "context", "quota")


def _spends(node: ast.BinOp, left: Value) -> bool:
    """A budget less what was used: what is left of it changes with every turn."""
    if left.known and left.const in {0, 1}:
        return False
    taken = written(node.right).lower()
    owned = written(node.left).lower()
    return any(word in taken for word in _SPENT) and any(word in owned for word in _LEFT)


def _combined(run: Run, node: ast.BinOp, left: Value, right: Value) -> Value | None:
    """Lists added, dicts and sets united."""
    kinds = {heap.kind for side in (left, right) for heap in side.heaps()}
    if isinstance(node.op, ast.Add) and kinds & {"list", "tuple"}:
        heap = run.heap("list")
        for side in (left, right):
            extend(heap, side)
        return Value(taints=left.taints | right.taints, heap=heap)
    if isinstance(node.op, ast.Add) and kinds == {"open"} and not (left.known or right.known or left.name == "str()"):
        heap = run.heap("list", whole=False)
        for side in (left, right):
            extend(heap, side)
        return Value(taints=left.taints | right.taints, heap=heap, open=True, name=left.name or right.name)
    sets = "set" in kinds or VIEW in {left.name, right.name}
    if isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor) and sets:
        heap = run.heap("set", items=[item for side in (left, right) for h in side.heaps() for item in h.items])
        heap.trim()
        return Value(taints=left.taints | right.taints, heap=heap)
    if isinstance(node.op, ast.BitOr) and "dict" in kinds:
        heap = run.heap("dict", merged=True)
        for side in (left, right):
            absorb(heap, side)
        return Value(taints=left.taints | right.taints, heap=heap)
    return None


def extend(heap: Any, value: Value) -> None:
    """The elements of `value` become elements of a list."""
    for other in value.heaps():
        if not other.whole or other.stage != heap.stage:  # what is not known came before what was appended
            heap.items.append(Value(open=True, name="?*", taints=value.taints, heap=other))
        heap.items += other.items
        heap.rest += other.rest
        heap.taints |= other.taints
        heap.took(other)
        heap.whole = heap.whole and other.whole
        heap.grown = heap.grown or other.grown
    if not any(True for _ in value.heaps()):
        heap.whole = False
        heap.items.append(Value(open=True, name="?*", taints=value.taints))
    heap.taints |= value.taints


def absorb(heap: Any, value: Value) -> None:
    """The keys of `value` become keys of a dict."""
    for other in value.heaps():
        heap.keys.update(other.keys if not value.choices else _perhaps(other.keys))
        heap.rest += other.rest
        heap.trim()
        heap.taints |= other.taints
        heap.whole = heap.whole and other.whole
        heap.merged = heap.merged or other.merged
    if not any(True for _ in value.heaps()):
        heap.whole = False
    heap.taints |= value.taints


def _perhaps(keys: dict[str, Value]) -> dict[str, Value]:
    """Of one of several dicts, a mark may be there, or not."""
    mark = keys.get("cache_control")
    return keys if mark is None else {**keys, "cache_control": merge((Value(const=None), mark))}


@expression(ast.BoolOp)
def _bool(run: Run, node: ast.BoolOp, scope: Scope) -> Value:
    values = [run.value(part, scope) for part in node.values]
    if isinstance(node.op, ast.Or):
        kept = [one for one in values[:-1] for one in one.each() if not (one.known and not one.const)]
        return merge([*kept, values[-1]]).with_(choosing(t for value in values[:-1] for t in value.taints))
    return merge(values).with_(choosing(taint for value in values for taint in value.taints))


@expression(ast.Compare)
def _compare(run: Run, node: ast.Compare, scope: Scope) -> Value:
    values = [run.value(part, scope) for part in (node.left, *node.comparators)]
    grown = [heap.grown for value in values[1:] for heap in value.heaps() if heap.grown is not None]
    return Value(taints=frozenset().union(*(value.taints for value in values)) | frozenset(grown))


@expression(ast.UnaryOp)
def _unary(run: Run, node: ast.UnaryOp, scope: Scope) -> Value:
    value = run.value(node.operand, scope)
    if isinstance(node.op, ast.USub) and type(value.const) in {int, float}:
        return Value(const=-value.const, taints=value.taints)
    return Value(taints=value.taints, name="?-" if isinstance(node.op, ast.USub) else "")


@expression(ast.IfExp)
def _ternary(run: Run, node: ast.IfExp, scope: Scope) -> Value:
    sure = decided(node.test, scope)
    if sure is not None:
        return run.value(node.body if sure else node.orelse, scope)
    test = ground(run, run.value(node.test, scope), node.test, scope)
    with run.under(test, node.test):
        body = run.value(node.body, scope)
        other = run.value(node.orelse, scope)
    grounds = frozenset() if _equal(body, other) else choosing(test.taints)
    chosen = merge((body, other)).with_(grounds)
    return chosen.with_(_at(run, node, scope, grounds))


def _at(run: Run, node: ast.AST, scope: Scope, grounds: frozenset[Any]) -> frozenset[Any]:
    """The choice itself, where its grounds change: the place that a parameter's rule reports."""
    return frozenset({run.taint(Kind.CHOICE, node, scope, control=True)}) if grounds else frozenset()


def _equal(one: Value, other: Value) -> bool:
    return one is other or (one.known and other.known and bool(one.const == other.const))


@expression(ast.NamedExpr)
def _walrus(run: Run, node: ast.NamedExpr, scope: Scope) -> Value:
    value = run.value(node.value, scope)
    store(run, node.target, value, scope)
    return value


@expression(ast.Await)
def _await(run: Run, node: ast.Await, scope: Scope) -> Value:
    return run.value(node.value, scope)


@expression(ast.Yield)
def _yield(run: Run, node: ast.Yield, scope: Scope) -> Value:
    scope.yields.append(run.value(node.value, scope))
    return Value(open=True)


@expression(ast.YieldFrom)
def _yield_from(run: Run, node: ast.YieldFrom, scope: Scope) -> Value:
    scope.yields += iterated(run, run.value(node.value, scope), node, scope).items
    return Value(open=True)


@expression(ast.Starred)
def _starred(run: Run, node: ast.Starred, scope: Scope) -> Value:
    return run.value(node.value, scope)


@expression(ast.Lambda)
def lambda_(run: Run, node: ast.Lambda, scope: Scope) -> Value:
    """A function without a name."""
    function = Function(node, scope, "lambda")
    spread = (*node.args.posonlyargs, *node.args.args)
    for arg, default in zip(reversed(spread), reversed(node.args.defaults), strict=False):
        function.defaults[arg.arg] = run.value(default, scope)
    return Value(func=function)
