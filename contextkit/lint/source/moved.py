"""A clock moved out of contextkit's system prompt into the volatile tail.

Law: only the plainest form: `name = Conversation(..., system=f"...")` with one placeholder, in the last sentence of the
text. What stays is a literal, what goes is asked for at each call, as the clock was meant.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from contextkit.lint.rule import Edit
from contextkit.lint.source.edits import offsets
from contextkit.lint.source.values import Spot

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["to_volatile"]

_PLAIN: Final = (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.keyword, ast.expr_context)
_CLOSING: Final = " .!\n"
_TAIL: Final = "now"


def to_volatile(text: str, clock: Spot, sent: Spot) -> tuple[Edit, ...]:
    """`conv.volatile("now", lambda: ...)` below what makes the conversation; nothing where that is not plain."""
    if clock.path != sent.path or f'volatile("{_TAIL}"' in text:
        return ()
    for made, prompt in _prompts(ast.parse(text), sent):
        split = _split(prompt)
        if split is None or not prompt.lineno <= clock.line <= (prompt.end_lineno or 0):
            continue
        lines = text.splitlines(keepends=True)
        first, last = lines[made.lineno - 1], lines[(made.end_lineno or made.lineno) - 1]
        after = last.encode()[made.end_col_offset :].decode().strip()
        if first[: made.col_offset].strip() or (after and not after.startswith("#")):
            return ()
        target = ast.unparse(made.targets[0])
        below = sum(len(one) for one in lines[: made.end_lineno]) - (len(last) - len(last.rstrip("\r\n")))
        added = f'\n{first[: made.col_offset]}{target}.volatile("{_TAIL}", lambda: {split[1]})'
        start, end = offsets(text, Spot.of(sent.path, prompt))
        return (Edit(sent.path, start, end, split[0]), Edit(sent.path, below, below, added))
    return ()


def _prompts(tree: ast.Module, sent: Spot) -> Iterator[tuple[ast.Assign, ast.JoinedStr]]:
    """The assignment of the conversation that was made there, with its system prompt."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or len(node.targets) != 1:
            continue
        call = node.value
        if (call.lineno, call.col_offset) != (sent.line, sent.column) or not isinstance(node.targets[0], ast.Name):
            continue
        for keyword in call.keywords:
            if keyword.arg == "system" and isinstance(keyword.value, ast.JoinedStr):
                yield node, keyword.value


def _split(prompt: ast.JoinedStr) -> tuple[str, str] | None:
    """The sentences before that of the clock, and that sentence, as source; None where they cannot be told apart."""
    held = [one for one in prompt.values if isinstance(one, ast.FormattedValue)]
    texts = [str(one.value) if isinstance(one, ast.Constant) else None for one in prompt.values]
    if len(held) != 1 or texts[0] is None or not all(isinstance(one, _PLAIN) for one in ast.walk(held[0].value)):
        return None
    if any(text is not None and text.strip(_CLOSING) for text in texts[2:]):
        return None
    before = texts[0]
    cut = max(before.rfind(". ") + 1, before.rfind("\n") + 1)
    stable, lead = before[:cut].rstrip(), before[cut:].lstrip()
    if not stable:
        return None
    tail = ast.JoinedStr([ast.Constant(lead), held[0]] if lead else [held[0]])
    return ast.unparse(ast.Constant(stable)), ast.unparse(ast.fix_missing_locations(tail))
