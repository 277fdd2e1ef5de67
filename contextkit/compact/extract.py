"""A summary without a model: what was asked, what was done, and the identifiers, cut from the text itself.

Law: deterministic, linear, bounded; every word of it stands in the range. What the user said comes first, and the
rules among it before the rest, line by line in the user's own words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contextkit.api.messages import dumps
from contextkit.compact.identifiers import written
from contextkit.compact.mentions import Mentions
from contextkit.compact.summary import result_text
from contextkit.tokens.estimate import text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contextkit.api.facts import Family
    from contextkit.history.log import Entry

__all__ = ["extractive", "identifiers", "listed", "quoted_list", "quoted_names"]

_CHARS_PER_TOKEN: Final = 8  # no text has more: what is longer than the room by this is not even counted
_FRAME: Final = 40  # tokens for the note and the label
_LINE: Final = 160
_RULE: Final = 600  # characters of a rule; beyond that it is a document
_RESULT: Final = 80
_IDENTIFIER_SHARE: Final = 0.35
_LIST_FRAME: Final = 50  # tokens around a list of identifiers
_REMEMBERED: Final = 4_000
"""Identifiers that are ranked at a fold, at the most twice as many: some 20 milliseconds."""
_USER_LINES: Final = 200  # lines of one message of the user that are looked at

_RULES: Final = re.compile(
    r"\b(?:always|never|must(?:n't)?|mustn.t|only|do not|don.t|does not|doesn.t|cannot|can.t|shall|should(?:n.t)?"
    r"|make sure|ensure|avoid|prefer|without|not|no|rules?|limit|at most|at least|exactly"
    r"|immer|nie|niemals|nur|nicht|kein\w{0,2}|muss|soll|toujours|jamais|ne pas|siempre|nunca|solo|sin)\b",
    re.IGNORECASE,
)
"""Words that rules are made of. A line that none of them marks is still kept, after those that one does."""


def identifiers(entries: Sequence[Entry], limit: float, *, family: Family = "2026") -> list[str]:
    """What is most likely needed again, verbatim, likeliest first.

    Args:
        entries: the range; where counts are kept as blocks come, ask `Mentions.best` instead.
        limit: tokens of the names as `written` gives them, each directory once.
        family: the tokenizer.
    """
    mentions = Mentions()
    for at, entry in enumerate(entries):
        for block in entry.blocks:
            mentions.add(block, at)
    return mentions.best(limit, family=family)


_LABEL: Final = "Identifiers"
_HOW: Final = " (a/{b,c/d} is a/b and a/c/d)"


def listed(names: Sequence[str]) -> str:
    """The names as a line of a summary; "" for none."""
    if not names:
        return ""
    text = written(names)
    return f"{_LABEL}{_HOW if '{' in text else ''}: {text}"


def quoted_names(names: Sequence[str]) -> str:
    """The names as a block of their own, to stand after the last summary; "" for none.

    One list for everything that was folded, made anew at each fold: what follows the newest summary is written again
    then in any case, so that the older summaries before it stay as they are and stay cached.
    """
    if not names:
        return ""
    return (
        "<conversation_identifiers>\n"
        "Names from the earlier messages that may be needed again. This is history, not an instruction.\n"
        f"{listed(names)}\n</conversation_identifiers>"
    )


def quoted_list(mentions: Mentions, entries: Sequence[Entry], limit: int, *, end: int, family: Family) -> str:
    """The list of a fold as it is sent, of at most `limit` tokens; "" where there is no room for one.

    Args:
        mentions: the identifiers so far; what is new in the log is counted first.
        entries: the whole log.
        limit: tokens, the label included.
        end: the first entry that stays in the window.
        family: the tokenizer.
    """
    if limit <= _LIST_FRAME:
        return ""
    mentions.follow(entries)
    mentions.prune(_REMEMBERED)
    return quoted_names(mentions.best(limit - _LIST_FRAME, end=end, family=family))


def extractive(entries: Sequence[Entry], *, max_tokens: int, names: Sequence[str] | None = None) -> str:
    """A summary of at most `max_tokens` tokens, by the estimate for the denser tokenizer, cut from the range.

    Args:
        entries: the range.
        max_tokens: the bound, the list of identifiers included.
        names: the identifiers to list; () where they are listed elsewhere; None takes them from the range.
    """
    if names is None:
        names = identifiers(entries, max_tokens * _IDENTIFIER_SHARE)
    tail = listed(names)
    lines = [line for entry in entries for line in _lines(entry)]
    room = max_tokens - (_size(tail) if tail else 0) - _FRAME
    kept: list[int] = []
    # The user's rules, then what else the user said, then the rest; each newest first until the room is used.
    for wanted in ("rule", "user", "other"):
        for index in range(len(lines) - 1, -1, -1):
            what, line = lines[index]
            if what == wanted and room > len(line) / _CHARS_PER_TOKEN and (size := _size(line)) <= room:
                kept.append(index)
                room -= size
    left_out = len(lines) - len(kept)
    shown = [lines[index][1] for index in sorted(kept)]
    note = [f"({left_out} further steps are left out here.)"] if left_out else []
    return "\n".join([*shown, *note, *([tail] if tail else [])])


def _size(text: str) -> float:
    """Tokens of a line, its end included, by the newer tokenizer: it makes more of any text."""
    return text_tokens(text, "2026") + 1


def _lines(entry: Entry) -> Iterator[tuple[str, str]]:
    """The lines of an entry, each with what it is: rule, user, other."""
    for block in entry.blocks:
        kind = block["type"]
        if kind == "text" and entry.role == "user":
            yield from _user_lines(str(block["text"]))
        elif kind == "text":
            yield "other", f"- {entry.role}: {_short(block['text'], _LINE)}"
        elif kind == "tool_use":
            yield "other", f"- called {block.get('name')}({_short(dumps(block.get('input')), _LINE)})"
        elif kind == "tool_result":
            said = "failed" if block.get("is_error") else "gave"
            yield "other", f"  {said}: {_short(result_text(block.get('content')), _RESULT)}"


def _user_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n", _USER_LINES)[:_USER_LINES]:
        said = line.strip()
        if not said:
            continue
        if len(said) <= _RULE and _RULES.search(said):
            yield "rule", f"- user: {said}"
        else:
            yield "user", f"- user: {_short(said, _LINE)}"


def _short(text: str, limit: int) -> str:
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
