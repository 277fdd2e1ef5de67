"""A summary without a model: what was asked, what was done, and the identifiers, cut from the text itself.

Law: deterministic, linear, bounded; every word of it stands in the range.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from contextkit.api.messages import dumps
from contextkit.compact.summary import result_text
from contextkit.tokens.estimate import text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contextkit.history.log import Entry

__all__ = ["extractive", "identifiers"]

_CHARS_PER_TOKEN: Final = 8  # no text has more: what is longer than the room by this is not even counted
_FRAME: Final = 40  # tokens for the note and the label
_LINE: Final = 160
_RESULT: Final = 80
_IDENTIFIER_SHARE: Final = 0.35
_SCAN: Final = 200_000  # characters of one block that are searched for identifiers

_IDENTIFIER: Final = re.compile(
    r"(?<![\w/.-])(?:"
    r"(?:~|\.{1,2})?(?:/[\w.@+-]{1,80}){2,12}"  # paths
    r"|[\w-]{1,60}(?:/[\w.@+-]{1,80}){1,8}\.\w{1,8}"  # relative paths
    r"|[A-Za-z]{1,12}[_-][A-Za-z0-9_-]{3,60}"  # ids and names with a joint
    r"|[0-9a-f]{7,40}"  # hashes
    r"|[A-Z]{2,10}-?\d{2,10}"  # error codes, tickets
    r"|\d[\d.,]{3,18}"  # numbers
    r")(?![\w/])"
)


def identifiers(entries: Sequence[Entry], limit: float) -> list[str]:
    """What is most likely needed again, verbatim: by frequency, with a little recency; at most `limit` tokens."""
    seen: Counter[str] = Counter()
    last: dict[str, int] = {}
    for at, entry in enumerate(entries):
        for block in entry.blocks:
            for name in set(_IDENTIFIER.findall(_text(block)[:_SCAN])):
                seen[name] += 1
                last[name] = at
    ranked = sorted(seen, key=lambda name: (-seen[name] - last[name] / max(len(entries), 1), name))
    kept: list[str] = []
    for name in ranked:
        limit -= _size(name)
        if limit < 0:
            break
        kept.append(name)
    return kept


def _text(block: dict[str, object]) -> str:
    kind = block["type"]
    if kind == "text":
        return str(block["text"])
    if kind == "tool_use":
        return "\n".join(_strings(block.get("input")))
    return result_text(block.get("content")) if kind == "tool_result" else ""


def _strings(value: object) -> Iterator[str]:
    """The texts and numbers of a call's input as they are: in its JSON, an escape would run into the next word."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif value is not None:
        yield str(value)


def extractive(entries: Sequence[Entry], *, max_tokens: int) -> str:
    """A summary of at most `max_tokens` tokens, by the estimate for the denser tokenizer, cut from the range."""
    names = ", ".join(identifiers(entries, max_tokens * _IDENTIFIER_SHARE))
    lines = [line for entry in entries for line in _lines(entry)]
    room = max_tokens - _size(names) - _FRAME
    kept: list[int] = []
    # Newest first until the room is used, what the user said before anything else.
    for wanted in (True, False):
        for index in range(len(lines) - 1, -1, -1):
            who, line = lines[index]
            if (who == "user") is wanted and room > len(line) / _CHARS_PER_TOKEN and (size := _size(line)) <= room:
                kept.append(index)
                room -= size
    left_out = len(lines) - len(kept)
    shown = [lines[index][1] for index in sorted(kept)]
    note = [f"({left_out} further steps are left out here.)"] if left_out else []
    tail = [f"Identifiers: {names}"] if names else []
    return "\n".join([*shown, *note, *tail])


def _size(text: str) -> float:
    """Tokens of a line, its end included, by the newer tokenizer: it makes more of any text."""
    return text_tokens(text, "2026") + 1


def _lines(entry: Entry) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for block in entry.blocks:
        kind = block["type"]
        if kind == "text":
            lines.append((entry.role, f"- {entry.role}: {_short(block['text'], _LINE)}"))
        elif kind == "tool_use":
            lines.append(("call", f"- called {block.get('name')}({_short(dumps(block.get('input')), _LINE)})"))
        elif kind == "tool_result":
            said = "failed" if block.get("is_error") else "gave"
            lines.append(("result", f"  {said}: {_short(result_text(block.get('content')), _RESULT)}"))
    return lines


def _short(text: str, limit: int) -> str:
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
