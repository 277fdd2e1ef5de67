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
    names, counted = _aliases(scope), _counted(scope)
    for node in ast.walk(scope):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult | ast.Div):
            if any(_counts(side, names, counted) for side in (node.left, node.right)):
                yield node
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and _counts(node.value, names, counted):
            yield node
        elif isinstance(node, ast.Compare) and any(
            _counts(one, names, counted) for one in (node.left, *node.comparators)
        ):
            if not any(isinstance(one, ast.Constant) and one.value in {0, None} for one in node.comparators):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum" and node.args:
            first = node.args[0]
            element = first.elt if isinstance(first, ast.GeneratorExp | ast.ListComp) else None
            held = first.elts if isinstance(first, ast.List | ast.Tuple) else [element] if element else []
            if any(_counts(one, names, counted) for one in held):
                yield node


def _aliases(scope: ast.AST) -> set[str]:
    """Names bound to input tokens: variables, parameters."""
    found = set()
    counted = _counted(scope)
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _read(node.value, counted):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.NamedExpr) and _read(node.value, counted):
            found.add(node.target.id)
    return found


def _counted(scope: ast.AST) -> set[str]:
    """Names bound to what `count_tokens` gives: its `input_tokens` is the whole prompt, cached or not."""
    found = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign | ast.NamedExpr | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if _COUNTING.search(written(node.value)):
                found |= {written(target) for target in targets}
    return found


_COUNTING: Final = re.compile(r"count_tokens|token_count|TokensCount")


def _counts(node: ast.AST | None, names: set[str], counted: set[str]) -> bool:
    return node is not None and (_read(node, counted) or (isinstance(node, ast.Name) and node.id in names))


def _read(node: ast.AST, counted: set[str]) -> bool:
    """`usage.input_tokens`, `usage["input_tokens"]`, `usage.get("input_tokens", 0)`."""
    if isinstance(node, ast.BoolOp):
        return any(_read(one, counted) for one in node.values)
    if isinstance(node, ast.Attribute):
        return node.attr == _FIELD and _is_usage(node.value, counted)
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == _FIELD and _is_usage(node.value, counted)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        first = node.args[0]
        return isinstance(first, ast.Constant) and first.value == _FIELD and _is_usage(node.func.value, counted)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        named = len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and node.args[1].value == _FIELD
        return named and _is_usage(node.args[0], counted, strict=False)
    return False


def _is_usage(node: ast.AST, counted: set[str], *, strict: bool = True) -> bool:
    """Usage as the API gives it; a total of one's own, kept in `self`, is not, nor what counting beforehand gives."""
    text = written(node)
    if text in counted or _COUNTING.search(text):
        return False
    return text not in {"self", "cls"} and (not strict or bool(_NAMED.search(text)))


_NAMED: Final = re.compile(r"usage|response|resp\b|message|result|\bu\b|stats", re.IGNORECASE)
