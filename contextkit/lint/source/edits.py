"""Safe changes of source: `sorted(...)` around an expression, `sort_keys=True` in a call.

Law: only what cannot change the meaning beyond the order it fixes; places come from the tree, in bytes, and are turned
into characters here.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from contextkit.lint.rule import Edit

if TYPE_CHECKING:
    from contextkit.lint.source.values import Spot

__all__ = ["offsets", "sort_keys", "swapped", "wrapped"]


def offsets(text: str, spot: Spot) -> tuple[int, int]:
    """Start and end of a place, in characters of the file."""
    lines = text.splitlines(keepends=True)

    def at(line: int, column: int) -> int:
        before = sum(len(one) for one in lines[: line - 1])
        inside = lines[line - 1].encode()[:column].decode(errors="ignore") if line <= len(lines) else ""
        return before + len(inside)

    return at(spot.line, spot.column), at(spot.end_line, spot.end_column)


def wrapped(text: str, spot: Spot, word: str = "sorted") -> tuple[Edit, ...]:
    """`word(expression)`; nothing where the expression stands inside a string or is not one."""
    start, end = offsets(text, spot)
    source = text[start:end]
    if not _expression(source) or _in_string(text, spot) or source.startswith(f"{word}("):
        return ()
    inner = source[1:-1] if _bare(source) else source
    return (Edit(spot.path, start, end, f"{word}({inner})"),)


def _bare(source: str) -> bool:
    """A generator in its own brackets needs no second pair."""
    try:
        return isinstance(ast.parse(source, mode="eval").body, ast.GeneratorExp)
    except SyntaxError:
        return False


def _expression(source: str) -> bool:
    try:
        node = ast.parse(f"({source})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return not isinstance(node, ast.GeneratorExp) or source.startswith("(")


_QUOTES: Final = ('"', "'")


def _in_string(text: str, spot: Spot) -> bool:
    """Inside an f-string the same text may stand in quotes that the change would break; leave it."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and (node.lineno, node.col_offset) <= (spot.line, spot.column):
            inside = (spot.end_line, spot.end_column) <= (node.end_lineno or 0, node.end_col_offset or 0)
            if inside and '"' in text[slice(*offsets(text, spot))] + "'":
                return any(quote in text[slice(*offsets(text, spot))] for quote in _QUOTES)
    return False


def sort_keys(text: str, spot: Spot) -> tuple[Edit, ...]:
    """`json.dumps(x)` with `sort_keys=True` as its last argument."""
    start, end = offsets(text, spot)
    try:
        call = ast.parse(text[start:end], mode="eval").body
    except SyntaxError:
        return ()
    if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("dumps"):
        return ()
    if any(keyword.arg in {"sort_keys", "option", None} for keyword in call.keywords):
        return ()
    if "orjson" in ast.unparse(call.func):
        return ()
    inner = text[start:end].removesuffix(")").rstrip()
    added = " sort_keys=True" if inner.endswith(",") else ", sort_keys=True"
    at = start + len(inner)
    return (Edit(spot.path, at, at, added),)


def swapped(text: str, one: Spot, other: Spot) -> tuple[Edit, ...]:
    """Two expressions of one file in each other's place, where both are literal marks."""
    if one.path != other.path:
        return ()
    first, second = offsets(text, one), offsets(text, other)
    texts = text[slice(*first)], text[slice(*second)]
    if not all(part.startswith("{") and part.endswith("}") for part in texts):
        return ()
    return (Edit(one.path, *first, texts[1]), Edit(other.path, *second, texts[0]))
