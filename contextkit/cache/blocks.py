"""The message blocks of a request as parallel lists of small numbers.

Law: one visit a block; a block's number is the same for every spelling of its content, and its mark is noted beside
it, not in it. The numbers mean nothing outside this process (Python's keyed hash of strings).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.form import call_form, form

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl

__all__ = ["Blocks", "life"]

_RUNS: Final = frozenset({"tool_use", "tool_result"})
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_TEXTS: Final = frozenset({str})


@dataclass(slots=True)
class Blocks:
    """The blocks of all messages, as parallel lists.

    Attributes:
        owns: a hash of each block with its role.
        chain: a hash of everything up to and including each block.
        ends: characters up to and including each block.
        steps: the lookback position of each block; a run of tool_use or of tool_result is one.
        starts: index of each message's first block.
        roles: who speaks in each message.
        thinking: indices of thinking blocks.
        marks: index and lifetime of each marked block.
        images: index of the first block with an image; -1 for none.
        citations: index of the first document that is to be cited; -1 for none.
        compactions: indices of blocks that the server's compaction made.
        said: indices of messages in which the user says something beside tool results.
        scoped: index of the first turn-scoped message, whose rendering depends on what follows; -1 for none.
        calls: messages of plain tool calls, one a call: two inputs that are `==` may differ in the order of keys, or in
            type (1, 1.0 and True).
        places: the index of each of these calls in its message.
        loose: message and index in it of other blocks that hold more than texts, of which the same is true.
    """

    owns: list[int] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    thinking: list[int] = field(default_factory=list)
    marks: list[tuple[int, Ttl]] = field(default_factory=list)
    images: int = -1
    citations: int = -1
    compactions: list[int] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    scoped: int = -1
    calls: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    loose: list[tuple[int, int]] = field(default_factory=list)

    @property
    def compaction(self) -> int:
        """Index of the newest block that the server's compaction made; -1 for none."""
        return self.compactions[-1] if self.compactions else -1

    @property
    def fresh(self) -> int:
        """Index of the last message in which the user says something beside tool results; -1 for none."""
        return self.said[-1] if self.said else -1

    def message_of(self, block: int) -> tuple[int, int]:
        """Index of the message that holds a block, and the block's index in it."""
        at = bisect_right(self.starts, block) - 1
        return at, block - self.starts[at]

    def extend(  # noqa: C901, PLR0912, PLR0915  (one loop without calls: three times as fast as the tidy form)
        self, messages: Iterable[Mapping[str, Any]], last_user: int = -1
    ) -> None:
        """Append the blocks of messages; a turn-scoped one before message `last_user` renders as nothing (its page).

        One loop for all blocks: this is the part of `observe()` that grows with the request.
        """
        owns, chain, ends, steps = self.owns, self.chain, self.ends, self.steps
        starts, roles = self.starts, self.roles
        link = chain[-1] if chain else 0
        size = ends[-1] if ends else 0
        step = steps[-1] if steps else 0
        for message in messages:
            role, content = message["role"], message["content"]
            if message.get("clear_at"):
                if self.scoped < 0:
                    self.scoped = len(starts)
                if len(starts) < last_user:
                    content = ()
            starts.append(len(owns))
            roles.append(role)
            before = ""
            said = type(content) is str
            for block in ({"type": "text", "text": content},) if said else content:
                kind = block["type"]
                if "cache_control" in block:
                    mark = block["cache_control"]
                    block = {key: value for key, value in block.items() if key != "cache_control"}  # noqa: PLW2901
                    if mark:
                        self.marks.append((len(owns), life(mark)))
                count = len(block)
                # Three kinds are nearly all blocks; each is hashed on the spot, as `form` would make it.
                if kind == "text" and (count == 2 or (count == 3 and block.get("citations", 0) is None)):  # noqa: PLR2004
                    text = block["text"]
                    own = hash((role, ("text", text)))
                    size += len(text)
                    said = before = kind
                    step += 1
                elif kind == "tool_result":
                    if count == 3 and type(block["content"]) is str:  # noqa: PLR2004
                        text = block["content"]
                        own = hash((role, (kind, block["tool_use_id"], (("text", text),))))
                        size += len(text)
                    else:
                        made, length = form(block)
                        own = hash((role, made))
                        size += length
                        self._note(kind, block)
                    if before is not kind and before != kind:
                        step += 1
                        before = kind
                else:
                    if kind == "tool_use" and count == 4:  # noqa: PLR2004
                        made, length = call_form(block)
                        self.calls.append(len(starts) - 1)
                        self.places.append(len(owns) - starts[-1])
                    else:
                        made, length = form(block)
                        self._note(kind, block)
                    own = hash((role, made))
                    size += length
                    if before != kind or kind != "tool_use":
                        step += 1
                        before = kind
                    said = kind
                link = hash((link, own))
                owns.append(own)
                chain.append(link)
                ends.append(size)
                steps.append(step)
            if said and role == "user":
                self.said.append(len(starts) - 1)

    def _note(self, kind: str, block: Mapping[str, Any]) -> None:
        at = len(self.owns)
        if not _TEXTS.issuperset(map(type, block.values())):
            self.loose.append((len(self.starts) - 1, at - self.starts[-1]))
        if kind in _THINKING:
            self.thinking.append(at)
        elif kind == "compaction":
            self.compactions.append(at)
        elif self.images < 0 and kind == "image":
            self.images = at
        elif kind == "tool_result":
            inner = block.get("content")
            if self.images < 0 and type(inner) is list and any(_is_image(item) for item in inner):
                self.images = at
        elif self.citations < 0 and kind != "tool_use":
            cited = block.get("citations")
            if isinstance(cited, Mapping) and cited.get("enabled"):
                self.citations = at

    def upto(self, message: int) -> Blocks:
        """A copy of everything before a message; what it copies are lists of small numbers."""
        if message >= len(self.starts):
            return self._whole()
        end = self.starts[message]
        return Blocks(
            self.owns[:end],
            self.chain[:end],
            self.ends[:end],
            self.steps[:end],
            self.starts[:message],
            self.roles[:message],
            [at for at in self.thinking if at < end],
            [mark for mark in self.marks if mark[0] < end],
            self.images if self.images < end else -1,
            self.citations if self.citations < end else -1,
            [at for at in self.compactions if at < end],
            self.said[: bisect_left(self.said, message)],
            self.scoped if self.scoped < message else -1,
            self.calls[: (calls := bisect_left(self.calls, message))],
            self.places[:calls],
            self.loose[: bisect_left(self.loose, (message, 0))],
        )

    def _whole(self) -> Blocks:
        return Blocks(
            self.owns[:],
            self.chain[:],
            self.ends[:],
            self.steps[:],
            self.starts[:],
            self.roles[:],
            self.thinking[:],
            self.marks[:],
            self.images,
            self.citations,
            self.compactions[:],
            self.said[:],
            self.scoped,
            self.calls[:],
            self.places[:],
            self.loose[:],
        )


def life(mark: Any) -> Ttl:
    """The lifetime that a mark asks for; five minutes when it says nothing (SDK types)."""
    return "1h" if isinstance(mark, Mapping) and mark.get("ttl") == "1h" else "5m"


def _is_image(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "image"
