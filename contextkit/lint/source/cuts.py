"""Assignments that cut a history: what is left of it takes its place.

Law: what is cut off is gone for good; with room before the next cut it is a planned fold.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from contextkit.lint.source.follow import Run, written
from contextkit.lint.source.guards import roomy
from contextkit.lint.source.stores import record
from contextkit.lint.source.values import Event, Kind, Value

if TYPE_CHECKING:
    from contextkit.lint.source.scope import Scope

__all__ = ["persisted"]


def _slices(source: ast.expr) -> list[ast.Subscript]:
    """The slices in an expression, found once."""
    found: list[ast.Subscript] | None = getattr(source, "slices", None)
    if found is None:
        found = [one for one in ast.walk(source) if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Slice)]
        source.slices = found  # type: ignore[attr-defined]  # a tree is ours alone
    return found


def persisted(run: Run, target: ast.expr, source: ast.expr, value: Value, scope: Scope) -> None:
    """`messages = messages[-20:]`: what is cut is gone; with room before the next cut it is a planned fold."""
    name = written(target)
    if isinstance(target, ast.Tuple | ast.List):
        _dropped(run, target, written(source), value, scope)
        return
    if not isinstance(source, ast.Subscript | ast.IfExp | ast.BinOp | ast.List | ast.Call):
        return
    slices = _slices(source)
    if not slices:
        return
    own = [one for one in slices if written(one.value) in {name, f"{name}.messages"}]
    if not own:
        return
    room = roomy(run.tests, own[0], run, scope)
    for heap in value.heaps():
        cuts = {(one.lineno, one.col_offset) for one in own}
        for at, event in enumerate(heap.events):
            if (event.taint.spot.line, event.taint.spot.column) in cuts and room:
                heap.events[at] = Event(event.taint, over=True)
        lower = own[0].slice.lower if isinstance(own[0].slice, ast.Slice) else None
        start = run.value(lower, scope).const if lower is not None else None
        if type(start) is int and start > 0 and own[0] is source:
            record(heap, Event(run.taint(Kind.FRONT, own[0], scope), over=room))


def _dropped(run: Run, target: ast.Tuple | ast.List, source: str, value: Value, scope: Scope) -> None:
    """`_, *messages = messages`: what stood at the front is nowhere any more."""
    at = next((n for n, one in enumerate(target.elts) if isinstance(one, ast.Starred)), 0)
    starred = target.elts[at]
    if not at or not isinstance(starred, ast.Starred) or written(starred.value) != source:
        return
    if all(written(one).strip("_") == "" for one in target.elts[:at]):
        for heap in value.heaps():
            record(heap, Event(run.taint(Kind.FRONT, target, scope), sent=heap.sent))
