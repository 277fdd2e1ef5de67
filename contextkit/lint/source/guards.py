"""What a condition says about the branch it guards.

Law: only what is plain: a name that is true is not empty; a list cut well below the length that set off the cut is
folded now and then, not at every turn.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.follow import written
from contextkit.lint.source.values import Value, merge

if TYPE_CHECKING:
    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Scope

__all__ = ["decided", "ground", "narrowed", "roomy"]

_ROOM: Final = 1.5


def narrowed(test: ast.expr, scope: Scope, holds: bool) -> dict[str, Value]:
    """Names of which the test says that they are not empty."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return narrowed(test.operand, scope, holds=not holds)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) and holds:
        return {name: value for part in test.values for name, value in narrowed(part, scope, holds=holds).items()}
    while isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "strip":
        test = test.func.value
    if not isinstance(test, ast.Name) or not holds:
        return {}
    value = scope.find(test.id)
    if value is None:
        return {}
    if not value.choices:
        return {test.id: Value(taints=value.taints, open=True)} if value.known and not value.const else {}
    kept = [one for one in value.choices if not (one.known and not one.const)]
    return {test.id: replace(merge(kept), taints=value.taints)} if kept else {}


def decided(test: ast.expr, scope: Scope) -> bool | None:
    """What a test on a parameter is, where this call gave it a literal or left it at its default; None otherwise."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = decided(test.operand, scope)
        return None if inner is None else not inner
    if isinstance(test, ast.Name):
        value = _given(test, scope)
        return bool(value.const) if value is not None else None
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.comparators[0], ast.Constant):
        return None
    return _compared(test, test.comparators[0], scope)


def _compared(test: ast.Compare, constant: ast.Constant, scope: Scope) -> bool | None:
    value, other = _given(test.left, scope), constant.value
    if value is None:
        return None
    if isinstance(test.ops[0], ast.Is | ast.IsNot):
        return (value.const is other) is isinstance(test.ops[0], ast.Is)
    if isinstance(test.ops[0], ast.Eq | ast.NotEq):
        return bool(value.const == other) is isinstance(test.ops[0], ast.Eq)
    return None


def _given(node: ast.expr, scope: Scope) -> Value | None:
    """A parameter's literal."""
    function = scope.function
    if not isinstance(node, ast.Name) or function is None or not isinstance(function.node, _FUNCTIONS):
        return None
    spec = function.node.args
    if not any(arg.arg == node.id for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)):
        return None
    value = scope.names.get(node.id)
    return value if value is not None and value.known and not value.taints and not value.choices else None


_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def ground(_run: Run, value: Value, _node: ast.expr, _scope: Scope) -> Value:
    """A test's value; whether a growing list is empty is a matter of turns."""
    grown = [heap.grown for heap in value.heaps() if heap.grown is not None and heap.kind in {"list", "set", "dict"}]
    return value.with_(grown)


def roomy(tests: tuple[ast.expr, ...], cut: ast.Subscript, run: Run, scope: Scope) -> bool:  # noqa: PLR0911  (one line a form of guard)
    """Whether a cut waits for a threshold well above what it keeps."""
    if not tests or isinstance(tests[-1], ast.NamedExpr):  # the test of a `while` cuts to just below
        return False
    test = tests[-1]
    if isinstance(test, ast.BoolOp):
        test = next((one for one in test.values if isinstance(one, ast.Compare)), test)
    if not isinstance(test, ast.Compare):
        return isinstance(test, ast.Call | ast.Attribute | ast.Name)
    kept = _kept(cut)
    limit = test.comparators[0] if isinstance(test.ops[0], ast.Gt | ast.GtE) else test.left
    if kept is None or not isinstance(limit, ast.expr):
        return False
    counted = test.left if limit is not test.left else test.comparators[0]
    if isinstance(counted, ast.NamedExpr):
        counted = counted.target
    if written(counted) == written(kept):  # `extra > 0`: all that is too much goes, at each turn
        least = run.value(limit, scope).const
        return not (isinstance(least, int | float) and least < _LEAST)
    if not (isinstance(counted, ast.Call) and written(counted.func) == "len"):
        return True  # tokens or characters against a budget, then down to so many messages
    high, low = run.value(limit, scope).const, run.value(kept, scope).const
    if _takes(cut):
        return isinstance(high, int) and isinstance(low, int) and low >= _LEAST and high <= 3 * low
    if isinstance(high, int | float) and isinstance(low, int | float):
        return high >= _ROOM * abs(low) and high - abs(low) >= _LEAST
    return written(limit) != written(kept)


_LEAST: Final = 4


def _takes(cut: ast.Subscript) -> bool:
    """`del messages[:n]` says how many go, not how many stay."""
    part = cut.slice
    if not isinstance(part, ast.Slice):
        return False
    bound = part.upper if isinstance(cut.ctx, ast.Del) and part.lower is None else part.lower
    return isinstance(bound, ast.Constant | ast.Name | ast.Attribute)


def _kept(cut: ast.Subscript) -> ast.expr | None:
    """How many a slice keeps, or a `del` takes away."""
    part = cut.slice
    if not isinstance(part, ast.Slice):
        return None
    for bound in (part.lower, part.upper):
        if isinstance(bound, ast.UnaryOp):
            return bound.operand
        if isinstance(bound, ast.BinOp) and isinstance(bound.op, ast.Sub):
            return bound.right  # messages[len(messages) - n:]
    return part.lower or part.upper
