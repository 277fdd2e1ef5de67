"""How each kind of statement is followed.

Law: both sides of a branch are followed, one after the other, and what they leave behind is joined; a loop's body is
followed twice, so that what one round leaves reaches the next.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.containers import iterated, target_of
from contextkit.lint.source.cuts import persisted
from contextkit.lint.source.definitions import define_class, define_function
from contextkit.lint.source.expressions import extend
from contextkit.lint.source.follow import Run, choosing, statement, written
from contextkit.lint.source.guards import decided, ground, narrowed, roomy
from contextkit.lint.source.lengths import steady
from contextkit.lint.source.mappings import placed
from contextkit.lint.source.stores import ensure, record, store
from contextkit.lint.source.values import Event, Kind, Taint, Value, deep, merge

if TYPE_CHECKING:
    from contextkit.lint.source.scope import Scope

__all__ = ["import_"]

_FEW: Final = 6
_PLACES: Final = frozenset({Kind.ORDER, Kind.LISTING, Kind.RANDOM, Kind.WINDOW})
Names = dict[str, Value]


@statement(ast.Expr)
def _expr(run: Run, node: ast.Expr, scope: Scope) -> None:
    run.value(node.value, scope)


@statement(ast.Assign)
def _assign(run: Run, node: ast.Assign, scope: Scope) -> None:
    run.defining += not run.active
    try:
        value = run.value(node.value, scope)
    finally:
        run.defining -= not run.active
    if value.at is None and value.heap is None and value.taints:
        value = replace(value, at=run.spot(node.value, scope))
    if run.branch and run.because():
        value = value.with_({run.taint(Kind.CHOICE, node, scope, control=True)})
    for target in node.targets:
        persisted(run, target, node.value, value, scope)
        store(run, target, value, scope)


@statement(ast.AnnAssign)
def _annotated(run: Run, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        store(run, node.target, run.value(node.value, scope), scope)


@statement(ast.AugAssign)
def _augmented(run: Run, node: ast.AugAssign, scope: Scope) -> None:
    before, added = run.value(node.target, scope), run.value(node.value, scope)
    heap = next((h for h in before.heaps() if h.kind in {"list", "open"}), None)
    if isinstance(node.op, ast.Add) and heap is not None and (added.heap is not None or heap.kind == "list"):
        if heap.loops != run.loops or heap.stage != run.stage:
            heap.grown = run.taint(Kind.TURN, node, scope, bound=bool(run.loops))
        extend(heap, added)
        heap.add(run.because())
        return
    joined = ast.copy_location(ast.BinOp(left=node.target, op=node.op, right=node.value), node)
    value = run.value(joined, scope)
    taints = value.taints | run.because()
    if _counts(node.op, added):
        taints |= _counted(run, node, scope)
    store(run, node.target, Value(taints=taints, const=value.const, name=value.name, heap=value.heap), scope)


def _counts(by: ast.operator, added: Value) -> bool:
    """Adding 0 or multiplying by 1 leaves a number as it was."""
    idle = 0 if isinstance(by, ast.Add | ast.Sub | ast.LShift | ast.RShift) else 1
    return type(added.const) in {int, float} and added.const != idle


def _counted(run: Run, node: ast.AugAssign, scope: Scope) -> set[Taint]:
    """`turn += 1`: kept beyond this activation, or going on in the loop."""
    kept = isinstance(node.target, ast.Attribute | ast.Subscript) or (
        isinstance(node.target, ast.Name) and node.target.id in scope.elsewhere
    )
    if kept and run.stage != "init":
        return {run.taint(Kind.COUNTER, node, scope)}
    return {run.taint(Kind.COUNTER, node, scope, bound=True)} if run.loops else set()


@statement(ast.Return)
def _return(run: Run, node: ast.Return, scope: Scope) -> bool:
    value = run.value(node.value, scope)
    grounds = run.because() | run.lasting
    scope.returns.append(value.with_(grounds))
    run.lasting |= {taint for taint in run.because() if taint.kind not in {Kind.SUMMARY, Kind.CALL, Kind.TURN}}
    return True


@statement(ast.Raise)
def _raise(_run: Run, _node: ast.Raise, _scope: Scope) -> bool:
    return True


@statement(ast.Continue)
@statement(ast.Break)
def _leave(run: Run, _node: ast.stmt, scope: Scope) -> bool:
    """What was bound before `continue` is there in the next round."""
    scope.leaving.append((dict(scope.names), run.because()))
    return True


def _rejoined(run: Run, scope: Scope, before: Names) -> None:
    """The names at the end of a round, those of rounds that were left early included."""
    for names, grounds in scope.leaving:
        scope.names = joined(run, scope.names, names, before, grounds)
    scope.leaving = []


@statement(ast.If)
def _if(run: Run, node: ast.If, scope: Scope) -> bool:
    if _types_only(node):
        return False
    test = ground(run, run.value(node.test, scope), node.test, scope)
    sure = decided(node.test, scope)
    if sure is not None:
        return run.block(node.body if sure else node.orelse, scope)
    outer = dict(scope.names)
    with run.under(test, node.test):
        scope.names.update(narrowed(node.test, scope, holds=True))
        ended = run.block(node.body, scope)
        body, scope.names = scope.names, dict(outer)
        scope.names.update(narrowed(node.test, scope, holds=False))
        other_ended = run.block(node.orelse, scope)
        other = scope.names
    if ended and other_ended:
        scope.names = other
        return True
    if ended or other_ended:
        scope.names = other if ended else body
        return False
    scope.names = joined(run, body, other, outer, test.taints)
    return False


def _types_only(node: ast.If) -> bool:
    return written(node.test).endswith("TYPE_CHECKING")


def joined(run: Run, one: Names, other: Names, before: Names, test: Any = frozenset()) -> Names:
    """The names after a branch: what differs was chosen by the test."""
    grounds = choosing(test)
    names = {}
    for name in {**other, **one}:
        a, b = one.get(name), other.get(name)
        if a is b and a is not None:
            names[name] = a
            continue
        sides = [side for side in (a, b) if side is not None]
        chosen = [side.with_(grounds) if side is not before.get(name) else side for side in sides]
        same = len(sides) > 1 and all(side.known and side.const == sides[0].const for side in sides)
        names[name] = merge(sides) if same else merge(chosen)
    _ = run
    return names


@statement(ast.For)
@statement(ast.AsyncFor)
def _for(run: Run, node: ast.For, scope: Scope) -> None:
    over = run.value(node.iter, scope)
    parts = iterated(run, over, node.iter, scope)
    before, outer = dict(scope.names), run.walked
    run.walked = next((heap for heap in over.heaps() if heap.kind in {"list", "open"}), outer)
    items = (parts.items or [Value(open=True, name="?")])[:_FEW]
    with run.looped(node, scope) as number:
        (run.steady.add if steady(run, over, node) else run.steady.discard)(number)
        order = placed(frozenset(t for t in parts.taints if t.kind in _PLACES))
        for item in items if len(items) > 1 else items * run.rounds:
            turned = target_of(run, item, node, scope)
            store(run, node.target, turned.with_(order) if turned.heap is None else turned, scope)
            _round(run, node.body, scope, before)
            _flipped(run, node, scope, before)
    run.walked = outer
    scope.names = joined(run, dict(scope.names), before, before)
    run.block(node.orelse, scope)


def _round(run: Run, body: list[ast.stmt], scope: Scope, before: Names) -> None:
    outer, scope.leaving = scope.leaving, []
    run.block(body, scope)
    _rejoined(run, scope, before)
    scope.leaving = outer


def _flipped(run: Run, node: ast.stmt, scope: Scope, before: Names) -> None:
    """`first = False` at the end of a round: the next one is told apart from the first by it."""
    for name, value in scope.names.items():
        old = before.get(name)
        if old is None or old is value or not (old.known and value.known) or old.const == value.const:
            continue
        if not value.taints:
            scope.names[name] = value.with_({run.taint(Kind.TURN, node, scope, name, bound=True)})


@statement(ast.While)
def _while(run: Run, node: ast.While, scope: Scope) -> bool:
    before = dict(scope.names)
    with run.looped(node, scope):
        for _ in range(run.rounds):
            run.value(node.test, scope)
            tests = run.tests
            run.tests = (*tests, ast.copy_location(ast.NamedExpr(ast.Name("while"), node.test), node))
            _round(run, node.body, scope, before)
            _flipped(run, node, scope, before)
            run.tests = tests
    forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
    scope.names = dict(scope.names) if forever else joined(run, dict(scope.names), before, before)
    run.block(node.orelse, scope)
    leaves = any(isinstance(one, ast.Break) for one in ast.walk(node))
    return forever and not leaves


@statement(ast.With)
@statement(ast.AsyncWith)
def _with(run: Run, node: ast.With, scope: Scope) -> bool:
    for item in node.items:
        value = run.value(item.context_expr, scope)
        if item.optional_vars is not None:
            store(run, item.optional_vars, value, scope)
    return run.block(node.body, scope)


@statement(ast.Try)
@statement(ast.TryStar)
def _try(run: Run, node: ast.Try, scope: Scope) -> bool:
    before = dict(scope.names)
    ended = run.block(node.body, scope) or run.block(node.orelse, scope)
    after = scope.names
    failed = Value(
        taints=frozenset({run.taint(Kind.CALL, node, scope, "an error", bound=True)}) if run.loops else frozenset()
    )
    kept = [] if ended else [after]
    for handler in node.handlers:
        scope.names = {**before, **after} if not ended else dict(before)
        if handler.name:
            scope.names[handler.name] = Value(open=True, name="?error")
        with run.under(failed):
            if not run.block(handler.body, scope):
                kept.append(joined(run, scope.names, before, before, failed.taints))
    scope.names = kept[0] if kept else after
    for names in kept[1:]:
        scope.names = joined(run, scope.names, names, before)
    return run.block(node.finalbody, scope) or not kept


@statement(ast.Match)
def _match(run: Run, node: ast.Match, scope: Scope) -> bool:
    subject = run.value(node.subject, scope)
    before = dict(scope.names)
    kept: list[Names] = []
    total = False
    for case in node.cases:
        scope.names = dict(before)
        for one in ast.walk(case.pattern):
            name = getattr(one, "name", None) or getattr(one, "rest", None)
            if isinstance(name, str):
                scope.names[name] = Value(open=True, name=f"?{name}", taints=deep(subject))
        total = total or (isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None)
        with run.under(subject, node.subject):
            if not run.block(case.body, scope):
                kept.append(scope.names)
    if not total:
        kept.append(before)
    scope.names = kept[0] if kept else before
    for names in kept[1:]:
        scope.names = joined(run, scope.names, names, before, subject.taints)
    return not kept


@statement(ast.Delete)
def _delete(run: Run, node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        if isinstance(target, ast.Subscript):
            _delete_item(run, target, scope)
        elif isinstance(target, ast.Name):
            scope.names.pop(target.id, None)


def _delete_item(run: Run, target: ast.Subscript, scope: Scope) -> None:
    owner = run.value(target.value, scope)
    heap = ensure(run, owner)
    if isinstance(target.slice, ast.Slice):
        lower, upper = target.slice.lower, target.slice.upper
        if upper is not None or not (lower is None or isinstance(lower, ast.UnaryOp)):  # not all, not the newest
            record(heap, Event(run.taint(Kind.FRONT, target, scope), over=roomy(run.tests, target, run, scope)))
        return
    key = run.value(target.slice, scope).const
    if type(key) is int and key >= 0 and heap.kind in {"list", "open"}:
        record(heap, Event(run.taint(Kind.FRONT, target, scope)))
    if isinstance(key, str) and run.branch == 0:
        heap.keys.pop(key, None)


@statement(ast.FunctionDef)
@statement(ast.AsyncFunctionDef)
def _function(run: Run, node: ast.FunctionDef, scope: Scope) -> None:
    scope.names[node.name] = define_function(run, node, scope)


@statement(ast.ClassDef)
def _class(run: Run, node: ast.ClassDef, scope: Scope) -> None:
    scope.names[node.name] = define_class(run, node, scope)


@statement(ast.Global)
def _global(_run: Run, node: ast.Global, scope: Scope) -> None:
    for name in node.names:
        scope.elsewhere[name] = scope.top


@statement(ast.Nonlocal)
def _nonlocal(_run: Run, node: ast.Nonlocal, scope: Scope) -> None:
    for name in node.names:
        owner = scope.parent
        while owner is not None and name not in owner.names:
            owner = owner.parent
        if owner is not None:
            scope.elsewhere[name] = owner


@statement(ast.Import)
@statement(ast.ImportFrom)
def import_(run: Run, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    """Bind what is imported: a module of the project, or a dotted name."""
    run.project.bind_import(node, scope, run)
