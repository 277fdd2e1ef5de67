"""The prompts in a YAML file: the values of keys such as `system:`, with their places.

Law: read line by line, by indentation alone; enough for the way prompts are kept in YAML (block texts, plain and
quoted texts, lists of messages), and nothing is constructed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from contextkit.lint.text import words

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["values"]

_KEY: Final = re.compile(r"^([ ]*(?:-[ ]+)*)[\"']?([A-Za-z][\w.-]{0,80})[\"']?[ ]*:(?:[ ]+(.*))?$")
_BLOCK: Final = re.compile(r"[|>][-+0-9]*(?:[ ]+#.*)?\Z")
_PROMPTS: Final = words(
    "system systemprompt systemmessage systeminstruction systeminstructions prompt prompts instructions instruction "
    "template developer persona preamble"
)
_USERS: Final = words("user userprompt usermessage human query question input")


def values(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the prompts' texts; the last message of the user is left out."""
    entries = list(_entries(text))
    messages: list[tuple[str, tuple[int, int]]] = []
    role, table, user = "", -1, -1
    for entry in entries:
        table = -1 if entry.indent <= table else table
        user = -1 if entry.indent <= user else user
        if entry.key in _USERS:
            user = entry.indent
        elif user >= 0:
            continue
        elif entry.key == "role":
            role = entry.value
        elif entry.key in {"content", "text"} and role:
            messages.append((role, entry.span))
        elif entry.key in _PROMPTS and not entry.value:
            table = entry.indent  # a table or a list of prompts: its values are prompts
        elif entry.key in _PROMPTS or table >= 0:
            yield entry.span
    if messages and messages[-1][0] in {"user", "human"}:
        messages.pop()
    yield from (span for _, span in messages)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key and its value: the key's column and letters, the value as written on its line, the text's span."""

    indent: int
    key: str
    value: str
    span: tuple[int, int]


def _entries(text: str) -> Iterator[_Entry]:
    """The keys of all tables, in order; the lines of a block text are not looked at for keys."""
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    number = 0
    while number < len(lines):
        found = _KEY.match(lines[number].rstrip())
        here, number = starts[number], number + 1
        if not found:
            continue
        value = found[3] or ""
        span = (here + found.start(3), here + found.end(3)) if value else (0, 0)
        if _BLOCK.match(value):
            first = starts[number]
            number = _block_end(lines, number, len(found[1]))
            span = (first, starts[number])
        key = found[2].lower().replace("_", "").replace("-", "")
        yield _Entry(len(found[1]), key, value.strip("\"' "), span)


def _block_end(lines: list[str], number: int, indent: int) -> int:
    """The number of the first line that is not in a block below a key of this indentation."""
    while number < len(lines):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
            break
        number += 1
    return number
