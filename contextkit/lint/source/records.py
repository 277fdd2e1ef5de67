"""Dataclasses, pydantic models and their kin: annotated fields, given or by default.

Law: a default is made once, with the class; a default factory is called for each object.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from contextkit.lint.source.values import Heap, Value

if TYPE_CHECKING:
    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Class
    from contextkit.lint.source.standard import Given

__all__ = ["fill"]


def fill(run: Run, cls: Class, heap: Heap, given: Given) -> None:
    """A record's annotated fields: given by place or name, or by default."""
    fields = [one for base in reversed(cls.lineage()) for one in base.fields]
    if not any(one.record for one in cls.lineage()):
        return
    for at, (name, default) in enumerate(fields):
        value = given.get(at, name)
        if value is None and default is not None:
            value = _field_default(run, default, cls)
        heap.keys[name] = value or Value(open=True, name=f"?{name}", heap=Heap("open", whole=False, stage=run.stage))
    if any(one.outside for one in cls.lineage()):
        heap.keys.update(given.keywords)


def _field_default(run: Run, default: ast.expr, cls: Class) -> Value:
    if not isinstance(default, ast.Call):
        return run.value(default, cls.body)
    for keyword in default.keywords:
        if keyword.arg in {"default_factory", "factory"}:
            made = run.value(keyword.value, cls.body)
            from contextkit.lint.source.calls import call_value  # noqa: PLC0415  (calls fill records)

            return call_value(run, made, [], {}, keyword.value, cls.body)
        if keyword.arg == "default":
            return run.value(keyword.value, cls.body)
    with run.staged("module"):
        return run.value(default, cls.body)
