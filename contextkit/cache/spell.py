"""One pass over a request body: what the prompt cache distinguishes in it, as small numbers that can be compared.

Law: one visit a block, nothing kept that could be read back. A block becomes a 64-bit hash of this process (Python's
keyed hash of strings), so the figures mean nothing outside it. Two spellings of the same content give the same
number (text or `[{"type": "text"}]`, a block's keys in another order, empty fields, a moved mark); the order of keys
inside a tool's schema or a call's input counts, because the server hashes it (prompt-caching page).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contextkit.api import facts
from contextkit.cache.blocks import Blocks, life
from contextkit.cache.form import form
from contextkit.cache.settings import is_web, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contextkit.api.facts import Ttl

__all__ = ["Chain", "Mark", "Spelled", "spell"]


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
    """

    model: str
    settings: Mapping[str, str | int]
    tools: tuple[tuple[str, int], ...]
    system: tuple[int, ...]
    sizes: tuple[int, int]
    blocks: Blocks
    marks: tuple[Mark, ...]

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


def spell(body: Mapping[str, Any], betas: Iterable[str] = ()) -> Spelled:
    """Read a request body once.

    Args:
        body: the body of a Messages request, as plain JSON.
        betas: the values of the anthropic-beta header.

    Raises:
        KeyError, TypeError, AttributeError, RecursionError: the body is not a Messages request.
    """
    return Chain().spell(body, betas)


@dataclass(slots=True)
class Chain:
    """Spells the requests of one conversation, with work proportional to what is new.

    Whoever holds the history knows from which message on it differs from the request before; everything earlier is
    taken over as it was spelled then.
    """

    _blocks: Blocks = field(default_factory=Blocks)
    _fixed: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def spell(
        self,
        body: Mapping[str, Any],
        betas: Iterable[str] = (),
        *,
        same: int = 0,
        same_fixed: bool = False,
        marked: Iterable[tuple[int, int]] | None = None,
    ) -> Spelled:
        """Read a request.

        Args:
            body: the request body.
            betas: the values of the anthropic-beta header.
            same: so many messages at the start are those of the request before, marks aside.
            same_fixed: tools and system are those of the request before, marks aside.
            marked: message and block of each mark among those first messages; None to look for them.
        """
        messages: Sequence[Mapping[str, Any]] = body["messages"]
        last_user = next((at for at in range(len(messages) - 1, -1, -1) if messages[at]["role"] == "user"), -1)
        blocks = self._blocks.upto(same) if same else Blocks()
        if same:
            blocks.marks = (
                _marks_in(messages[:same], blocks.starts)
                if marked is None
                else _marks_at(messages, blocks.starts, sorted(spot for spot in marked if spot[0] < same))
            )
        blocks.extend(messages[same:] if same else messages, last_user)
        self._blocks = blocks
        if not (same_fixed and self._fixed):
            self._fixed = {"tools": _tools(body), "system": _system(body)}
        tools, tools_size = self._fixed["tools"]
        system, system_size = self._fixed["system"]
        return Spelled(
            str(body["model"]),
            settings_of(body, betas, images=blocks.images >= 0, citations=blocks.citations >= 0),
            tools,
            system,
            (tools_size, tools_size + system_size),
            blocks,
            _marks(body, blocks, len(tools), len(system), messages),
        )


def _marks_in(messages: Sequence[Mapping[str, Any]], starts: list[int]) -> list[tuple[int, Ttl]]:
    """The marks of messages whose blocks are known: only the dicts are looked at, no text."""
    return [
        (starts[at] + index, life(block["cache_control"]))
        for at, message in enumerate(messages)
        if type(message["content"]) is not str
        for index, block in enumerate(message["content"])
        if block.get("cache_control")
    ]


def _marks_at(
    messages: Sequence[Mapping[str, Any]], starts: list[int], marked: Iterable[tuple[int, int]]
) -> list[tuple[int, Ttl]]:
    return [(starts[at] + index, life(messages[at]["content"][index].get("cache_control"))) for at, index in marked]


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
