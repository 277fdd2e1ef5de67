"""Functions and classes as they are defined: defaults, decorators, fields, bases.

Law: defaults and class bodies run when they are defined, once; decorators of the project are followed, of the table
below are known, and others are taken to leave the function what it was.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.scope import Class, Function, Scope
from contextkit.lint.source.values import Value

if TYPE_CHECKING:
    from contextkit.lint.source.follow import Run

__all__ = ["HANDLERS", "define_class", "define_function"]

_CACHES: Final = frozenset(
    {"lru_cache", "cache", "cached", "memoize", "alru_cache", "cache_data", "cache_resource", "singleton"}
)
_PROPERTIES: Final = frozenset({"property", "cached_property", "computed_field", "setter", "abstractproperty"})
HANDLERS: Final = frozenset(
    [
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "route",
        "websocket",
        "api_route",
        "on_message",
        "message",
        "command",
        "event",
        "listener",
        "handler",
        "action",
        "subscribe",
        "task",
        "page",
        "callback",
        "on_event",
        "view",
        "api_view",
        "require_http_methods",
        "shortcut",
    ]
)
"""Decorators of functions that are called once a request."""
_RECORDS: Final = ("BaseModel", "NamedTuple", "TypedDict", "BaseSettings", "Struct", "SQLModel", "Schema")


def _decorator(node: ast.expr) -> str:
    """The last word of a decorator."""
    while isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def define_function(run: Run, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
    """`def`: the function as a value."""
    function = Function(node, scope, node.name, owner=scope.owner)
    spec = node.args
    spread = (*spec.posonlyargs, *spec.args)
    with run.staged("module" if scope.function is None else run.stage):
        for arg, default in zip(reversed(spread), reversed(spec.defaults), strict=False):
            function.defaults[arg.arg] = run.value(default, scope)
        for arg, given in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if given is not None:
                function.defaults[arg.arg] = run.value(given, scope)
    value = _decorated(run, node, function, scope)
    outer = scope.function
    if outer is not None:
        run.inner.setdefault(outer.node, []).append(Value(func=function))
    return value


def _decorated(run: Run, node: ast.FunctionDef | ast.AsyncFunctionDef, function: Function, scope: Scope) -> Value:
    from contextkit.lint.source.calls import call_value  # noqa: PLC0415  (calls define functions)
    from contextkit.lint.source.frameworks import decorated  # noqa: PLC0415

    value = Value(func=function)
    for decorator in reversed(node.decorator_list):
        word = _decorator(decorator)
        if word in _CACHES or word == "cached_property":
            function.cached = True
        if word in _PROPERTIES:
            function.kind = "property"
        elif word in {"staticmethod", "classmethod"}:
            function.kind = word.removesuffix("method")
        elif word in {"contextmanager", "asynccontextmanager"}:
            function.kind = "context"
        elif word in HANDLERS and isinstance(decorator, ast.Call | ast.Attribute):
            function.handler = True
        made = run.value(decorator, scope) if word not in _KNOWN else None
        if made is not None and decorated(run, made, function, decorator, scope):
            continue
        if made is not None and (made.func is not None or made.native is not None):
            wrapped = call_value(run, made, [value], {}, decorator, scope)
            if wrapped.func is not None or wrapped.native is not None:
                value = wrapped
    return value


_KNOWN: Final = (
    _CACHES
    | _PROPERTIES
    | {
        "staticmethod",
        "classmethod",
        "contextmanager",
        "asynccontextmanager",
        "wraps",
        "override",
        "abstractmethod",
        "overload",
    }
)


def define_class(run: Run, node: ast.ClassDef, scope: Scope) -> Value:
    """`class`: the class as a value."""
    body = Scope(scope.path, parent=scope, module=scope.module)
    made = Class(node, scope, node.name, body)
    body.owner = made
    for base in node.bases:
        value = run.value(base, scope)
        if value.cls is not None and value.cls is not made:
            made.bases.append(value.cls)
        else:
            made.outside.append((value.name or ast.unparse(base)).rsplit(".", 1)[-1].lstrip("?"))
    words = {_decorator(decorator) for decorator in node.decorator_list}
    made.record = bool(words & {"dataclass", "define", "frozen", "attrs", "s", "pydantic_dataclass"}) or any(
        one in _RECORDS for one in made.outside
    )
    made.outside = [one for one in made.outside if one not in {"object", "ABC", "Protocol", "Generic"}]
    with run.staged("module" if scope.function is None else run.stage):
        run.block(node.body, body)
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            made.fields.append((statement.target.id, statement.value))
    return Value(cls=made)
