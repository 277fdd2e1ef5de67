"""One pass over a request body: what the prompt cache distinguishes in it, as small numbers that can be compared.

Law: one visit a block, nothing kept that could be read back. A block becomes a 64-bit hash of this process (Python's
keyed hash of strings), so the figures mean nothing outside it. Two spellings of the same content give the same
number (text or `[{"type": "text"}]`, a block's keys in another order, empty fields, a moved mark); the order of keys
inside a tool's schema or a call's input counts, because the server hashes it (prompt-caching page).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl

__all__ = ["Blocks", "Chain", "Mark", "Spelled", "form", "spell"]

_RUNS: Final = frozenset({"tool_use", "tool_result"})
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_WEB: Final = ("web_search", "web_fetch")
_MEDIA_SIZE: Final = 4_000
"""Characters that an image or a file counts for: its base64 says nothing about its tokens (vision page: up to 1,568)."""


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
        compaction: index of the newest block that the server's compaction made; -1 for none.
        fresh: index of the last message in which the user says something beside tool results; -1 for none.
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
    compaction: int = -1
    fresh: int = -1

    def message_of(self, block: int) -> tuple[int, int]:
        """Index of the message that holds a block, and the block's index in it."""
        at = bisect_right(self.starts, block) - 1
        return at, block - self.starts[at]

    def extend(self, messages: Iterable[Mapping[str, Any]], last_user: int = -1) -> None:
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
            if "clear_at" in message and message["clear_at"] and len(starts) < last_user:
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
                        self.marks.append((len(owns), _life(mark)))
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
                    made, length = _call(block) if kind == "tool_use" and count == 4 else form(block)  # noqa: PLR2004
                    own = hash((role, made))
                    size += length
                    if kind != "tool_use":
                        self._note(kind, block)
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
                self.fresh = len(starts) - 1

    def _note(self, kind: str, block: Mapping[str, Any]) -> None:
        at = len(self.owns)
        if kind in _THINKING:
            self.thinking.append(at)
        elif kind == "compaction":
            self.compaction = at
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
            end = len(self.owns)
        else:
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
            self.compaction if self.compaction < end else -1,
            self.fresh if self.fresh < message else -1,
        )


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
        self, body: Mapping[str, Any], betas: Iterable[str] = (), *, same: int = 0, same_fixed: bool = False
    ) -> Spelled:
        """Read a request.

        Args:
            body: the request body.
            betas: the values of the anthropic-beta header.
            same: so many messages at the start are those of the request before, marks aside.
            same_fixed: tools and system are those of the request before, marks aside.
        """
        messages: Sequence[Mapping[str, Any]] = body["messages"]
        last_user = next((at for at in range(len(messages) - 1, -1, -1) if messages[at]["role"] == "user"), -1)
        blocks = self._blocks.upto(same) if same else Blocks()
        if same:
            blocks.marks = _marks_in(messages[:same], blocks.starts)
        blocks.extend(messages[same:] if same else messages, last_user)
        self._blocks = blocks
        if not (same_fixed and self._fixed):
            self._fixed = {"tools": _tools(body), "system": _system(body)}
        tools, tools_size = self._fixed["tools"]
        system, system_size = self._fixed["system"]
        return Spelled(
            str(body["model"]),
            _settings(body, blocks, betas),
            tools,
            system,
            (tools_size, tools_size + system_size),
            blocks,
            _marks(body, blocks, len(tools), len(system), messages),
        )


def _marks_in(messages: Sequence[Mapping[str, Any]], starts: list[int]) -> list[tuple[int, Ttl]]:
    """The marks of messages whose blocks are known: only the dicts are looked at, no text."""
    return [
        (starts[at] + index, _life(block["cache_control"]))
        for at, message in enumerate(messages)
        if type(message["content"]) is not str
        for index, block in enumerate(message["content"])
        if block.get("cache_control")
    ]


def _tools(body: Mapping[str, Any]) -> tuple[tuple[tuple[str, int], ...], int]:
    """Name and hash of each tool in the prefix; deferred ones stay out of it, web tools are a setting."""
    found, size = [], 0
    for tool in body.get("tools") or ():
        if not tool.get("defer_loading") and not _is_web(tool):
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
    kept = [tool for tool in body.get("tools") or () if not tool.get("defer_loading") and not _is_web(tool)]
    given = body.get("system")
    for at, block in enumerate([*kept, *(given if isinstance(given, list) else ())]):
        if block.get("cache_control"):
            found.append(Mark(at, at, _life(block["cache_control"])))
    head = tools + system
    found.extend(Mark(head + at, head + blocks.steps[at], ttl) for at, ttl in blocks.marks)
    wanted = body.get("cache_control")
    if wanted:
        last = _last_markable(messages, blocks)
        if last >= 0 and not (found and found[-1].pos == head + last):
            found.append(Mark(head + last, head + blocks.steps[last], _life(wanted)))
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


def _life(mark: Any) -> Ttl:
    return "1h" if isinstance(mark, Mapping) and mark.get("ttl") == "1h" else "5m"


def _is_web(tool: Mapping[str, Any]) -> bool:
    return str(tool.get("type") or "").startswith(_WEB)


def _settings(body: Mapping[str, Any], blocks: Blocks, betas: Iterable[str]) -> dict[str, str | int]:
    """What is set, by name; what is at its default is left out, because it is the same prompt."""
    name = str(body["model"])
    row = facts.model(name)
    output = body.get("output_config") or {}
    choice = body.get("tool_choice") or {}
    effort, speed = output.get("effort"), body.get("speed")
    kind = choice.get("type")
    web = [tool for tool in body.get("tools") or () if _is_web(tool)]
    found: dict[str, Any] = {
        "model": row.id if row else name,
        "speed": None if speed == "standard" else speed,
        "thinking": body.get("thinking"),
        "effort": None if row and effort == row.effort else effort,
        "format": output.get("format") or body.get("output_format"),
        "task_budget": output.get("task_budget"),
        "web_tools": [{k: v for k, v in tool.items() if k != "cache_control"} for tool in web] or None,
        "citations": "on" if blocks.citations >= 0 else None,
        "tool_choice": None if kind == "auto" else choice.get("name") or kind,
        "parallel": "off" if choice.get("disable_parallel_tool_use") else None,
        "images": "present" if blocks.images >= 0 else None,
        "context_management": body.get("context_management"),
        "betas": ",".join(sorted(betas)) or None,
    }
    return {
        key: value if type(value) is str else hash(_ordered(value)) for key, value in found.items() if value is not None
    }


def form(block: Mapping[str, Any]) -> tuple[Any, int]:
    """A block's content as nested tuples (the same for every spelling), and its length in characters."""
    if "cache_control" in block or None in block.values():
        block = {key: value for key, value in block.items() if value is not None and key != "cache_control"}
    kind, count = block.get("type"), len(block)
    if kind == "tool_use" and count == 4:  # noqa: PLR2004  (type, id, name, input)
        return _call(block)
    if kind == "text" and count == 2:  # noqa: PLR2004
        return ("text", block["text"]), len(block["text"])
    if kind == "tool_result" and count == 3:  # noqa: PLR2004  (type, id, content)
        inner, length = _content(block["content"])
        return (kind, block["tool_use_id"], inner), length
    if kind == "image":
        return _any(block)[0], _MEDIA_SIZE
    return _any(block)


def _call(block: Mapping[str, Any]) -> tuple[Any, int]:
    given, length, parts = block["input"], 0, []
    if type(given) is not dict:
        return _any(block)
    for key, value in given.items():
        if type(value) is str:
            length += len(key) + len(value)
            parts.append((key, value))
        else:
            made = _ordered(value)
            length += len(key) + _length(made)
            parts.append((key, made))
    return ("tool_use", block["id"], block["name"], *parts), length


def _is_image(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "image"


def _any(block: Mapping[str, Any]) -> tuple[Any, int]:
    parts: list[Any] = []
    length = 0
    for key in sorted(block):
        if key == "content":
            made, more = _content(block[key])
        else:
            made = _ordered(block[key])
            more = _length(made) if key != "source" else _MEDIA_SIZE
        length += more
        parts.append((key, made))
    return tuple(parts), length


def _content(content: Any) -> tuple[Any, int]:
    """The content of a tool result or document: text, or a list of blocks."""
    if type(content) is str:
        return (("text", content),), len(content)
    if type(content) is list or type(content) is tuple:
        if all(isinstance(item, Mapping) for item in content):
            forms = [form(item) for item in content]
            return tuple([made for made, _ in forms]), sum([length for _, length in forms])
    made = _ordered(content)
    return made, _length(made)


def _ordered(value: Any) -> Any:
    """Any JSON as something hashable, in which order and type count."""
    kind = type(value)
    if kind is str:
        return value
    if isinstance(value, Mapping):
        return ("{", *[(key, item if type(item) is str else _ordered(item)) for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return ("[", *[_ordered(item) for item in value])
    if value is None or kind is bool or kind is int or kind is float:
        return (repr(value),)
    if isinstance(value, (str, bytes)):
        return str(value) if isinstance(value, str) else (value,)
    return ("?", kind.__name__)  # the SDK will say what it thinks of it; here it is only a place


def _length(made: Any) -> int:
    """Characters of the texts in a form."""
    if type(made) is str:
        return len(made) + 4
    return sum([_length(item) for item in made]) if type(made) is tuple else 0
