"""One pass over a request body: what the prompt cache distinguishes in it, as small numbers that can be compared.

Law: one visit a block, and none to a message that equals an earlier request's; nothing is kept that could be read
back, unless the caller asks for the messages to be kept for that comparison. A block becomes a 64-bit hash of this
process (Python's keyed hash of strings), so the figures mean nothing outside it. Two spellings of the same content
give the same number (text or `[{"type": "text"}]`, a block's keys in another order, empty fields, a moved mark); the
order of keys inside a tool's schema or a call's input counts, because the server hashes it (prompt-caching page).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import eq, is_
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.cache.blocks import Blocks, life
from contextkit.cache.form import by_value
from contextkit.cache.head import Head, Mark, head_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Spelled", "spell"]

_TRIED: Final = 4
"""So many earlier requests with the same first message are compared."""
_REWRITTEN: Final = 2
"""Messages at the end that differ by a moved mark in the everyday case: no other request will share more."""


@dataclass(slots=True)
class Spelled:
    """A request as the cache sees it.

    Attributes:
        top: everything but the messages; requests that have the same hold the same object.
        blocks: the messages.
        marks: in order of the prompt, the automatic one included.
        messages: the request's own, for a later one to be compared with; None when they are not kept.
    """

    top: Head
    blocks: Blocks
    marks: tuple[Mark, ...]
    messages: Sequence[Mapping[str, Any]] | None = field(default=None, compare=False, repr=False)

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
        return len(self.top.tools) + len(self.top.system)

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
        keep: keep the messages, so that a later request can be compared with them. Only for a body whose dicts and
            lists nobody changes from here on, such as the SDK's copy.

    Raises:
        KeyError, TypeError, AttributeError, RecursionError: the body is not a Messages request.
    """
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    last_user = next((at for at in range(len(messages) - 1, -1, -1) if messages[at]["role"] == "user"), -1)
    old, same = _longest_head(known, messages)
    blocks = old.blocks.upto(same) if old and same else Blocks()
    blocks.extend(messages[same:] if same else messages, last_user)
    top = head_of(body, betas, (blocks.images >= 0, blocks.citations >= 0), [one.top for one in known])
    return Spelled(top, blocks, _marks(body, top, blocks, messages), messages if keep else None)


def _longest_head(known: Sequence[Spelled], messages: Sequence[Mapping[str, Any]]) -> tuple[Spelled | None, int]:
    """The earlier request that shares most messages, and how many these are."""
    best: Spelled | None = None
    most = tried = 0
    for one in known:
        if not one.messages or one.messages[:1] != messages[:1]:
            continue
        same = _same_head(one.blocks, one.messages, messages)
        if same > most:
            best, most = one, same
        tried += 1
        if tried == _TRIED or same + _REWRITTEN >= len(one.messages):
            break
    return best, most


def _same_head(blocks: Blocks, before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> int:
    """How many messages at the start are what they were, marks included; compared in C, without a hash."""
    if any(map(is_, before, now)):  # the same dict may have been changed in place: it proves nothing
        return 0
    equal = list(map(eq, before, now))
    same = equal.index(False) if False in equal else len(equal)
    if 0 <= blocks.scoped < same:
        same = blocks.scoped
    loose = blocks.loose[: bisect_left(blocks.loose, (same, 0))]
    return same if _alike(before, now, loose) else _first_unlike(before, now, loose)


def _alike(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], spots: Sequence[tuple[int, int]]
) -> bool:
    """Whether equal blocks are also the same in the order of their keys and in type."""
    old = by_value(_loose_parts(before, spots))
    return old is not None and old == by_value(_loose_parts(now, spots))


def _loose_parts(messages: Sequence[Mapping[str, Any]], spots: Sequence[tuple[int, int]]) -> list[Any]:
    """Of a plain tool call its input, everything else in it being text; of other blocks everything."""
    return [
        block["input"] if block["type"] == "tool_use" and len(block) == 4 else block  # noqa: PLR2004
        for at, index in spots
        for block in (messages[at]["content"][index],)
    ]


def _first_unlike(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], spots: Sequence[tuple[int, int]]
) -> int:
    return next((at for at, index in spots if not _alike(before, now, [(at, index)])), 0)


def _marks(
    body: Mapping[str, Any], top: Head, blocks: Blocks, messages: Sequence[Mapping[str, Any]]
) -> tuple[Mark, ...]:
    wanted = body.get("cache_control")
    if not blocks.marks and not wanted:
        return top.marks
    head = len(top.tools) + len(top.system)
    found = [*top.marks, *[Mark(head + at, head + blocks.steps[at], ttl) for at, ttl in blocks.marks]]
    if wanted:
        last = _last_markable(messages, blocks)
        if last >= 0 and not (found and found[-1].pos == head + last):
            found.append(Mark(head + last, head + blocks.steps[last], life(wanted)))
    return tuple(found)


def _last_markable(messages: Sequence[Mapping[str, Any]], blocks: Blocks) -> int:
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
