"""Arithmetic on usage that forgets the cached tokens.

Law: `input_tokens` is only what was neither read from the cache nor written to it. A function that reckons with it
and does not know the two other fields reckons too little; one that shows it, or hands it on, does not.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.follow import written

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["reckonings"]

_CACHE: Final = re.compile(
    r"cache_(?:read|creation|write)|cached_tokens|cache_tokens|total_input|_cache\b|cached_input"
)
_FIELD: Final = "input_tokens"
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def reckonings(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    """The expressions that reckon with input tokens where cached ones are forgotten."""
    for scope in _scopes(tree):
        if _CACHE.search(written(scope)):
            continue
        seen: set[int] = set()
        for node in _reckoned(scope):
            if node.lineno not in seen:
                seen.add(node.lineno)
                yield node


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    """Classes whose methods share their sums, functions, and what stands outside of both."""
    outside = ast.Module(body=[], type_ignores=[])
    for node in tree.body:
        if isinstance(node, Definition | ast.ClassDef):
            yield node
        else:
            outside.body.append(node)
    yield outside


def _reckoned(scope: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    names = _aliases(scope)
    for node in ast.walk(scope):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult | ast.Div):
            if any(_counts(side, names) for side in (node.left, node.right)):
                yield node
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and _counts(node.value, names):
            yield node
        elif isinstance(node, ast.Compare) and any(_counts(one, names) for one in (node.left, *node.comparators)):
            if not any(isinstance(one, ast.Constant) and one.value in {0, None} for one in node.comparators):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum" and node.args:
            first = node.args[0]
            element = first.elt if isinstance(first, ast.GeneratorExp | ast.ListComp) else None
            held = first.elts if isinstance(first, ast.List | ast.Tuple) else [element] if element else []
            if any(_counts(one, names) for one in held):
                yield node


def _aliases(scope: ast.AST) -> set[str]:
    """Names bound to input tokens: variables, parameters."""
    found = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _read(node.value):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.NamedExpr) and _read(node.value):
            found.add(node.target.id)
    return found


def _counts(node: ast.AST | None, names: set[str]) -> bool:
    return node is not None and (_read(node) or (isinstance(node, ast.Name) and node.id in names))


def _read(node: ast.AST) -> bool:
    """`usage.input_tokens`, `usage["input_tokens"]`, `usage.get("input_tokens", 0)`."""
    if isinstance(node, ast.BoolOp):
        return any(_read(one) for one in node.values)
    if isinstance(node, ast.Attribute):
        return node.attr == _FIELD and _is_usage(node.value)
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == _FIELD and _is_usage(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        first = node.args[0]
        return isinstance(first, ast.Constant) and first.value == _FIELD and _is_usage(node.func.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        return len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and node.args[1].value == _FIELD
    return False


def _is_usage(node: ast.AST) -> bool:
    """Usage as the API gives it; a total of one's own, kept in `self`, is not."""
    text = written(node)
    return text not in {"self", "cls"} and bool(
        re.search(r"usage|response|resp\b|message|result|\bu\b|stats", text, re.IGNORECASE)
    )
