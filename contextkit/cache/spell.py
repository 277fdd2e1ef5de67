"""One pass over a request body: what the prompt cache distinguishes in it, as small numbers that can be compared.

Law: one visit a block, and none to a message that equals an earlier request's; nothing is kept that could be read
back, unless the caller asks for the messages to be kept for that comparison. A block becomes a 64-bit hash of this
process (Python's keyed hash of strings), so the figures mean nothing outside it. Two spellings of the same content
give the same number (text or `[{"type": "text"}]`, a block's keys in another order, empty fields, a moved mark); the
order of keys inside a tool's schema or a call's input counts, because the server hashes it (prompt-caching page).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq, getitem, is_, itemgetter
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.cache.blocks import Blocks, life
from contextkit.cache.form import by_value
from contextkit.cache.head import Head, Mark, head_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Spelled", "spell"]

_TRIED: Final = 4
"""So many earlier requests with the same first message are compared."""
_REWRITTEN: Final = 2
"""Messages at the end that differ by a moved mark in the everyday case: no other request will share more."""
_COUNT: Final = 5
"""Bytes before the items of a list that was written by value: they say how many there are."""
_NOTHING: Final = (b"", b"")

_Value = tuple[bytes, bytes]
"""Inputs of plain tool calls, and other blocks, one after the other."""

_content: Final = itemgetter("content")
_input: Final = itemgetter("input")

_Messages = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Spelled:
    """A request as the cache sees it.

    Attributes:
        top: everything but the messages; requests that have the same hold the same object.
        blocks: the messages.
        marks: in order of the prompt, the automatic one included.
        body: the request's own, for a later one to be compared with; None when it is not kept.
        loose: what `==` does not tell of the kept messages (order of keys, types), as bytes; None where unknown.
    """

    top: Head
    blocks: Blocks
    marks: tuple[Mark, ...]
    body: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    loose: _Value | None = field(default=None, compare=False, repr=False)

    @property
    def model(self) -> str:
        """The id in the request."""
        return self.top.model

    @property
    def settings(self) -> Mapping[str, str | int]:
        """What is not a block and changes the prompt, by name; a value is a text, or a hash."""
        return self.top.settings

    @property
    def tools(self) -> tuple[tuple[str, int], ...]:
        """Name and hash of each tool that is in the prefix."""
        return self.top.tools

    @property
    def system(self) -> tuple[int, ...]:
        """Hash of each system block."""
        return self.top.system

    @property
    def head(self) -> int:
        """How many positions stand before the messages."""
        return self.top.count

    @property
    def size(self) -> int:
        """Characters of the whole prompt."""
        return self.top.sizes[1] + (self.blocks.ends[-1] if self.blocks.ends else 0)

    def size_at(self, pos: int) -> int:
        """Characters up to and including a position; 0 for -1."""
        tools, fixed = self.top.sizes
        if pos >= self.head:
            return fixed + self.blocks.ends[pos - self.head]
        if pos >= len(self.top.tools):
            return fixed
        return tools if pos >= 0 else 0

    def same(self, other: Spelled) -> bool:
        """Whether both are the same prompt."""
        return (
            self.blocks.chain[-1:] == other.blocks.chain[-1:]
            and len(self.blocks.owns) == len(other.blocks.owns)
            and self.same_top(other)
        )

    def same_top(self, other: Spelled) -> bool:
        """Whether everything but the messages is the same."""
        mine, its = self.top, other.top
        return mine is its or (mine.tools, mine.system, mine.settings) == (its.tools, its.system, its.settings)


def spell(
    body: Mapping[str, Any], betas: Iterable[str] = (), *, known: Sequence[Spelled] = (), keep: bool = False
) -> Spelled:
    """Read a request body, anew only from where it differs from an earlier one.

    Args:
        body: the body of a Messages request, as plain JSON.
        betas: the values of the anthropic-beta header.
        known: earlier requests, the likeliest first; what was spelled of an equal head is taken over.
        keep: keep the body, so that a later request can be compared with it. Only for one whose dicts and lists nobody
            changes from here on, such as the SDK's copy.

    Raises:
        KeyError, TypeError, AttributeError, RecursionError: the body is not a Messages request.
    """
    messages: _Messages = body["messages"]
    last_user = len(messages) - 1
    while last_user >= 0 and messages[last_user]["role"] != "user":
        last_user -= 1
    old, same, loose = _longest_head(known, messages)
    blocks = old.blocks.upto(same) if old and same else Blocks()
    blocks.extend(messages[same:] if same else messages, last_user)
    top = head_of(body, betas, (blocks.images >= 0, blocks.citations >= 0), (one.top for one in known))
    marks = _marks(body, top, blocks, messages)
    if not keep:
        return Spelled(top, blocks, marks)
    more = _value(messages, blocks, same, len(messages))
    loose = None if loose is None or more is None else (loose[0] + more[0], loose[1] + more[1])
    return Spelled(top, blocks, marks, body, loose)


def _longest_head(known: Iterable[Spelled], messages: _Messages) -> tuple[Spelled | None, int, _Value | None]:
    """The earlier request that shares most messages, how many these are, and the value of their loose parts."""
    best: Spelled | None = None
    most = tried = 0
    value: _Value | None = _NOTHING
    for one in known:
        if one.body is None:
            continue
        before: _Messages = one.body["messages"]
        if before[:1] != messages[:1]:
            continue
        same, made = _same_head(one, before, messages)
        if same > most:
            best, most, value = one, same, made
        tried += 1
        if tried == _TRIED or same + _REWRITTEN >= len(before):
            break
    return best, most, value


def _same_head(one: Spelled, before: _Messages, now: _Messages) -> tuple[int, _Value | None]:
    """How many messages at the start are what they were, marks included; compared in C, without a hash."""
    if any(map(is_, before, now)):  # the same dict may have been changed in place: it proves nothing
        return 0, _NOTHING
    blocks, same = one.blocks, len(before)
    if before != now[:same]:
        equal = list(map(eq, before, now))
        same = equal.index(False) if False in equal else len(equal)
    if 0 <= blocks.scoped < same:
        same = blocks.scoped
    old = one.loose if same == len(before) else _value(before, blocks, 0, same)
    made = _value(now, blocks, 0, same)
    if made is not None and made == old:
        return same, made
    same = next((at for at in range(same) if not _alike(before, now, blocks, at)), same)
    return same, _value(now, blocks, 0, same)


def _alike(before: _Messages, now: _Messages, blocks: Blocks, at: int) -> bool:
    """Whether two messages that are equal are also the same in the order of their keys and in type."""
    old = _value(before, blocks, at, at + 1)
    return old is not None and old == _value(now, blocks, at, at + 1)


def _value(messages: _Messages, blocks: Blocks, begin: int, end: int) -> _Value | None:
    """What `==` does not tell of messages, as bytes to which those of more can be added; None for no plain JSON.

    Of a plain tool call that is its input, everything else in it being text; of other blocks everything.
    """
    calls, loose = blocks.calls, blocks.loose
    first, last = bisect_left(calls, begin), bisect_left(calls, end)
    contents = map(_content, map(messages.__getitem__, calls[first:last]))
    parts = list(map(_input, map(getitem, contents, blocks.places[first:last])))
    inputs = by_value(parts)
    if inputs is None or not loose:
        return None if inputs is None else (inputs[_COUNT:], b"")
    spots = loose[bisect_left(loose, (begin, 0)) : bisect_left(loose, (end, 0))]
    others = by_value([messages[at]["content"][index] for at, index in spots])
    return None if others is None else (inputs[_COUNT:], others[_COUNT:])


def _marks(body: Mapping[str, Any], top: Head, blocks: Blocks, messages: _Messages) -> tuple[Mark, ...]:
    wanted = body.get("cache_control")
    if not blocks.marks and not wanted:
        return top.marks
    head = top.count
    found = [*top.marks, *[Mark(head + at, head + blocks.steps[at], ttl) for at, ttl in blocks.marks]]
    if wanted:
        last = _last_markable(messages, blocks)
        if last >= 0 and not (found and found[-1].pos == head + last):
            found.append(Mark(head + last, head + blocks.steps[last], life(wanted)))
    return tuple(found)


def _last_markable(messages: _Messages, blocks: Blocks) -> int:
    """Where the automatic mark goes; -1 for nowhere in the messages."""
    for at in range(len(messages) - 1, -1, -1):
        content = messages[at]["content"]
        if messages[at].get("clear_at"):
            continue
        if type(content) is str:
            return blocks.starts[at]
        for index in range(len(content) - 1, -1, -1):
            if content[index]["type"] not in facts.UNMARKABLE:
                return blocks.starts[at] + index
    return -1
