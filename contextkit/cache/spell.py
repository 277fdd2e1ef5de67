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
from contextkit.cache.form import by_value, form
from contextkit.cache.settings import is_web, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contextkit.api.facts import Ttl

__all__ = ["Mark", "Spelled", "spell"]

_TRIED: Final = 4
"""So many earlier requests with the same first message are compared."""
_REWRITTEN: Final = 2
"""Messages at the end that differ by a moved mark in the everyday case: no other request will share more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark in a request.

    Attributes:
        pos: index of its block in the whole prompt: tools, then system, then messages.
        step: its number among the lookback positions.
        ttl: the lifetime it asks for.
    """

    pos: int
    step: int
    ttl: Ttl


@dataclass(frozen=True, slots=True)
class Spelled:
    """A request as the cache sees it.

    Attributes:
        model: the id in the request.
        settings: what is not a block and changes the prompt, by name; a value is a text, or a hash.
        tools: name and hash of each tool that is in the prefix.
        system: hash of each system block.
        sizes: characters of tools, and of tools and system.
        blocks: the messages.
        marks: in order of the prompt, the automatic one included.
        tools_print: a hash by which the very same tools are known again; None where they cannot be.
        messages: the request's own, for a later one to be compared with; None when they are not kept.
    """

    model: str
    settings: Mapping[str, str | int]
    tools: tuple[tuple[str, int], ...]
    system: tuple[int, ...]
    sizes: tuple[int, int]
    blocks: Blocks
    marks: tuple[Mark, ...]
    tools_print: int | None = field(default=None, compare=False, repr=False)
    messages: Sequence[Mapping[str, Any]] | None = field(default=None, compare=False, repr=False)

    @property
    def head(self) -> int:
        """How many positions stand before the messages."""
        return len(self.tools) + len(self.system)

    @property
    def size(self) -> int:
        """Characters of the whole prompt."""
        return self.sizes[1] + (self.blocks.ends[-1] if self.blocks.ends else 0)

    def size_at(self, pos: int) -> int:
        """Characters up to and including a position; 0 for -1."""
        if pos >= self.head:
            return self.sizes[1] + self.blocks.ends[pos - self.head]
        if pos >= len(self.tools):
            return self.sizes[1]
        return self.sizes[0] if pos >= 0 else 0

    def same(self, other: Spelled) -> bool:
        """Whether both are the same prompt."""
        return (
            self.blocks.chain[-1:] == other.blocks.chain[-1:]
            and len(self.blocks.owns) == len(other.blocks.owns)
            and self.fixed == other.fixed
        )

    @property
    def fixed(self) -> tuple[Any, ...]:
        """Everything but the messages."""
        return self.tools, self.system, self.settings


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
    given = by_value(body.get("tools"))
    tools_print = None if given is None else hash(given)
    twin = next((one for one in known if one.tools_print == tools_print is not None), None)
    tools, tools_size = (twin.tools, twin.sizes[0]) if twin else _tools(body)
    system, system_size = _system(body)
    return Spelled(
        str(body["model"]),
        settings_of(body, betas, images=blocks.images >= 0, citations=blocks.citations >= 0),
        tools,
        system,
        (tools_size, tools_size + system_size),
        blocks,
        _marks(body, blocks, len(tools), len(system), messages),
        tools_print,
        messages if keep else None,
    )


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


def _tools(body: Mapping[str, Any]) -> tuple[tuple[tuple[str, int], ...], int]:
    """Name and hash of each tool in the prefix; deferred ones stay out of it, web tools are a setting."""
    found, size = [], 0
    for tool in body.get("tools") or ():
        if not tool.get("defer_loading") and not is_web(tool):
            made, length = form(tool)
            found.append((str(tool.get("name") or tool.get("type")), hash(made)))
            size += length
    return tuple(found), size


def _system(body: Mapping[str, Any]) -> tuple[tuple[int, ...], int]:
    system = body.get("system") or ()
    forms = [form(block) for block in ([{"type": "text", "text": system}] if isinstance(system, str) else system)]
    return tuple(hash(made) for made, _ in forms), sum(length for _, length in forms)


def _marks(
    body: Mapping[str, Any], blocks: Blocks, tools: int, system: int, messages: Sequence[Mapping[str, Any]]
) -> tuple[Mark, ...]:
    found: list[Mark] = []
    kept = [tool for tool in body.get("tools") or () if not tool.get("defer_loading") and not is_web(tool)]
    given = body.get("system")
    for at, block in enumerate([*kept, *(given if isinstance(given, list) else ())]):
        if block.get("cache_control"):
            found.append(Mark(at, at, life(block["cache_control"])))
    head = tools + system
    found.extend(Mark(head + at, head + blocks.steps[at], ttl) for at, ttl in blocks.marks)
    wanted = body.get("cache_control")
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
