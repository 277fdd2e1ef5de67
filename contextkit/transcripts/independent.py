"""Whether turns of one conversation are independent items that do not belong in one: in a batch they cost less.

Law: deciding only, and rather silent than wrong. It speaks where all of this holds: five or more turns in a row whose
texts have one form around other contents; no tool is called in them; no text of the user's points back ("the above",
"the previous one"); and no later turn repeats a name, number or path that only an earlier answer, or an earlier
item, brought in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Protocol

from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.transcripts.common import Session

__all__ = ["Advice", "advise"]

_LEAST: Final = 5  # turns in a row
_FORM_WORDS: Final = 3  # of what all texts have in common
_FORM_CHARS: Final = 12
_ITEM_CHARS: Final = 8  # of what each has for itself
_LOOK: Final = 20_000  # characters of a text that are looked at

_DIGITS: Final = re.compile(r"\d+")
_BACK: Final = re.compile(
    r"\b(?:above|previous(?:ly)?|earlier|before|again|last one|first one|former|latter|same as|as well|also|instead|"
    r"you (?:said|wrote|gave|found|made)|your (?:answer|reply|last|list)|compare|both|all of (?:them|these|those)|"
    r"these|those|them|continue|go on|now that|based on)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[\w./:@#-]*[\d_/@#][\w./:@#-]*")
"""A word that names something: it holds a digit, an underscore, a slash or the like."""

_SHORT: Final = 4  # names up to here ("1.", "2/5") are too frequent to be a reference


class Traced(Protocol):
    """A trace of `contextkit.replay`, or anything else with a log of entries."""

    @property
    def log(self) -> Any:
        """Has `entries`, each with role and blocks."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Turns of one conversation that do not need each other's results.

    Attributes:
        messages: index of each turn's user message, in the messages that were given.
        form: what their texts have in common, "..." where they differ.
        prompt: estimated tokens of all their prompts as they were sent, one after the other.
        alone: the same if each item had stood alone behind what came before the first.
        reason: in words.
    """

    messages: tuple[int, ...]
    form: str
    prompt: int
    alone: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Turn:
    """A text of the user's, and what was answered."""

    at: int
    text: str
    answer: str
    tools: bool


def advise(given: Session | Traced | Sequence[Mapping[str, Any]]) -> tuple[Advice, ...]:
    """Say which turns of a conversation would be cheaper as a batch; empty for none.

    Args:
        given: messages as the API takes them, or a recorded session (`contextkit.transcripts`) or trace
            (`contextkit.replay`).
    """
    messages = _messages(given)
    turns = _turns(messages)
    found: list[Advice] = []
    at = 0
    while at + _LEAST <= len(turns):
        end = _run(turns, at)
        whole = end - at >= _LEAST
        if whole and _independent(turns, at, end):
            found.append(_advice(messages, turns[at:end]))
        at = end if whole else at + 1  # a run with one dependence in it is left alone as a whole
    return tuple(found)


def _messages(given: Any) -> list[Mapping[str, Any]]:
    if hasattr(given, "history") and hasattr(given, "calls"):
        calls = [index for index, call in enumerate(given.calls) if call.kind == "main"]
        longest = max(calls, key=lambda index: given.calls[index].length, default=None)
        return [] if longest is None else list(given.history(longest, reply=True))
    if hasattr(given, "log"):
        return [{"role": entry.role, "content": entry.blocks} for entry in given.log.entries]
    return [message for message in given if isinstance(message, Mapping)]


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or () if isinstance(block, Mapping)]


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[_Turn]:
    turns: list[_Turn] = []
    for at, message in enumerate(messages):
        blocks = _blocks(message)
        text = "\n".join(str(block.get("text")) for block in blocks if block.get("type") == "text")[:_LOOK]
        tools = any(block.get("type") not in {"text", "thinking", "redacted_thinking"} for block in blocks)
        if message.get("role") == "user" and not (turns and tools and not text.strip()):
            turns.append(_Turn(at, text, "", tools))
        elif turns:
            last = turns[-1]
            turns[-1] = _Turn(last.at, last.text, f"{last.answer}\n{text}"[:_LOOK], last.tools or tools)
    return turns


def _run(turns: Sequence[_Turn], start: int) -> int:
    """The end of the longest run of one form that begins here."""
    end = start
    head: list[str] | None = None
    tail: list[str] = []
    for turn in turns[start:]:
        words = _DIGITS.sub("0", turn.text).split()
        if turn.tools or not turn.answer.strip() or not words:
            break
        new_head = words if head is None else _common(head, words)
        new_tail = words[::-1] if head is None else _common(tail, words[::-1])
        if head is not None and not _is_form(new_head, new_tail):
            break
        head, tail, end = new_head, new_tail, end + 1
    return end


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    pairs = zip(one, other, strict=False)
    return [word for word, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _is_form(head: Sequence[str], tail: Sequence[str]) -> bool:
    words = [*head, *tail]
    return len(words) >= _FORM_WORDS and sum(map(len, words)) >= _FORM_CHARS


def _independent(turns: Sequence[_Turn], start: int, end: int) -> bool:
    own = _own_parts([turn.text for turn in turns[start:end]])
    if len(set(own)) < len(own) or any(len(part) < _ITEM_CHARS or _BACK.search(part) for part in own):
        return False
    if any(_BACK.search(turn.text) for turn in turns[end:]):
        return False  # what follows may need these answers here
    before = _names(" ".join(turn.text + turn.answer for turn in turns[:start]))
    brought: set[str] = set()
    for at, turn in enumerate(turns[start:], start):
        asked = _names(turn.text)
        if (asked | _names(turn.answer)) & brought - (before if at >= end else before | asked):
            return False
        if asked & brought - before and at < end:
            return False
        if at < end:
            brought |= _names(turn.answer) | asked
    return True


def _own_parts(texts: Sequence[str]) -> list[str]:
    """What each text has beside the common form."""
    words = [text.split() for text in texts]
    plain = [[_DIGITS.sub("0", word) for word in each] for each in words]
    head = min(len(_common(plain[0], each)) for each in plain)
    tail = min(len(_common(plain[0][::-1], each[::-1])) for each in plain)
    # A number in the form ("letter 12:") is part of the item, and alone is no item.
    return [" ".join(each[head : max(len(each) - tail, head)]) for each in words]


def _names(text: str) -> set[str]:
    return {word for found in _NAME.findall(text) if len(word := found.strip(".:,#-")) > _SHORT}


def _advice(messages: Sequence[Mapping[str, Any]], run: Sequence[_Turn]) -> Advice:
    sizes = [quick_tokens([*({**block} for block in _blocks(message) if "type" in block)], "2026")
             for message in messages[: run[-1].at + 1]]  # fmt: skip
    sums = [0.0]
    for size in sizes:
        sums.append(sums[-1] + size)
    prompt = sum(sums[turn.at + 1] for turn in run)
    alone = sum(sums[run[0].at] + sizes[turn.at] for turn in run)
    words = [_DIGITS.sub("0", turn.text).split() for turn in run]
    head = min((_common(words[0], each) for each in words), key=len)
    tail = min((_common(words[0][::-1], each[::-1]) for each in words), key=len)[::-1]
    form = " ".join([*head, "...", *tail])[:200]
    reason = (
        f"{len(run)} turns in a row have one form ({form!r}), call no tool, and none goes back to another's answer:"
        f" about {prompt:,.0f} prompt tokens in one conversation, {alone:,.0f} as items of a batch at half the price"
    )
    return Advice(tuple(turn.at for turn in run), form, round(prompt), round(alone), reason)
