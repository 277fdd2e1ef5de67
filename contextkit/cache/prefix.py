"""A request as the server sees it: a chain of hashed, counted positions.

Law: two requests share a cached prefix up to position n exactly when their digests at n are equal. A digest covers
the request's settings, everything before the position and the position itself, and never a mark. What changes the
hash at which level is decided in `levels.py`.

Sources: prompt-caching page (levels, order, lookback runs, stripped thinking), tool-search page (deferred tools),
mid-conversation system messages page (`clear_at`, `output_config`, tool changes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from contextkit.api import facts
from contextkit.api.marks import Path, mark_of
from contextkit.api.messages import DIGEST_BYTES, canonical, digest, dumps, has_user_text, walk
from contextkit.cache.levels import Rules, is_web, seeds

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl

__all__ = ["Counts", "CountsFor", "Position", "Prefix", "Rules", "link", "prefix", "seeds"]

_RUNS: Final = frozenset({"tool_use", "tool_result"})
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_ORDER: Final = ("tools", "system", "messages")
_TEXT: Final = frozenset({"type", "text"})
_RESULT: Final = frozenset({"type", "tool_use_id", "content"})
_REFERENCE_DEPTH: Final = 3  # block -> content -> search result -> tool_references; deeper there is none


class Counts(Protocol):
    """Tokens of the parts of one request; their sum is the prompt."""

    def base(self) -> float:
        """What every prompt of this request starts with: the request's own frame, the tool-use prompt."""

    def tool(self, tool: Mapping[str, Any]) -> float:
        """One tool definition."""

    def system(self, block: Mapping[str, Any]) -> float:
        """One system block."""

    def message(self, message: Mapping[str, Any]) -> float:
        """What one further message costs beside its blocks."""

    def block(self, block: Mapping[str, Any]) -> float:
        """One content block."""


CountsFor = Callable[[Mapping[str, Any]], Counts]
"""Makes the counts for a request: its model decides the tokenizer."""


@dataclass(frozen=True, slots=True)
class Position:
    """One block of the prompt.

    Attributes:
        digest: hash of everything up to and including this block.
        own: hash of this block alone.
        tokens: prompt tokens up to and including this block.
        path: where it stands in the body.
        step: its number for the lookback; blocks of one run share it.
        markable: may carry a mark.
        mark: the mark it carries, spelled or automatic.
    """

    digest: bytes
    own: bytes
    tokens: int
    path: Path
    step: int
    markable: bool
    mark: Ttl | None


@dataclass(frozen=True, slots=True)
class Prefix:
    """A request's chain.

    Attributes:
        model: the id in the request.
        positions: in render order.
        total: tokens of the whole prompt.
        settings: one hash a level ("all", "system", "messages") of what is not a block.
    """

    model: str
    positions: tuple[Position, ...]
    total: int
    settings: Mapping[str, bytes]


def prefix(body: Mapping[str, Any], count: Counts, rules: Rules | None = None) -> Prefix:
    """The chain of a valid request body."""
    rules = rules or Rules()
    settings = seeds(body, rules)
    chain = settings["all"]
    tokens = count.base()
    positions: list[Position] = []
    level, step, before = "tools", 0, ("", 0, "")
    for part in _parts(body, count):
        place, at, _ = part.path
        if place != level:
            for name in _ORDER[_ORDER.index(level) + 1 : _ORDER.index(place) + 1]:
                chain = link(chain, settings[name])
            level = place
        chain = link(chain, part.own) if part.own else chain
        tokens += part.tokens
        run = (place, at, part.kind)
        same = run == before and part.kind in _RUNS and rules.collapse_runs
        if not same and (rules.heads_are_positions or place == "messages"):
            step += 1
        before = run
        positions.append(Position(chain, part.own, round(tokens), part.path, step, part.markable, part.mark))
    _mark_automatic(body, positions)
    return Prefix(str(body["model"]), tuple(positions), round(tokens), settings)


def link(chain: bytes, own: bytes) -> bytes:
    """The digest after one more block. Both are digests, so their lengths cannot run together."""
    return blake2b(chain + own, digest_size=DIGEST_BYTES).digest()


class _Part(NamedTuple):
    path: Path
    kind: str
    own: bytes
    tokens: float
    mark: Ttl | None
    markable: bool = True


def _bare(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """The block without its mark and its empty fields, so that neither counts as spelling."""
    if "cache_control" in block or None in block.values():
        return {key: value for key, value in block.items() if value is not None and key != "cache_control"}
    return block


def _own(label: bytes, block: Mapping[str, Any]) -> bytes:
    """A message block's own hash, with the role it stands in.

    Plain text and a tool's plain answer, nearly all that long histories hold, are hashed without a JSON of them.
    """
    block = _bare(block)
    kind = block.get("type")
    if kind == "text" and block.keys() == _TEXT:
        return _hashed(label + b"\2", str(block["text"]))
    if kind == "tool_result" and block.keys() == _RESULT:
        answer, name = _only_text(block["content"]), str(block["tool_use_id"])
        if answer is not None:
            return _hashed(label + b"\1" + f"{len(name)}:{name}".encode("utf-8", "surrogatepass"), answer)
    return digest(label, canonical(block))


def _only_text(content: Any) -> str | None:
    """The text of content that is one text in either spelling; None for anything else."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], Mapping):
        inner = _bare(content[0])
        if inner.keys() == _TEXT and inner["type"] == "text":
            return str(inner["text"])
    return None


def _hashed(head: bytes, text: str) -> bytes:
    state = blake2b(head, digest_size=DIGEST_BYTES)
    state.update(text.encode("utf-8", "surrogatepass"))
    return state.digest()


def _parts(body: Mapping[str, Any], count: Counts) -> Iterator[_Part]:
    deferred: dict[str, Mapping[str, Any]] = {}
    for at, tool in enumerate(body.get("tools") or ()):
        if tool.get("defer_loading"):
            deferred[str(tool.get("name"))] = tool
            continue  # stays out of the prefix until a tool_reference names it (tool-search page)
        own = b"" if is_web(tool) else digest(b"tool", canonical(_bare(tool)))
        yield _Part(("tools", at, 0), "tool", own, count.tool(tool), mark_of(tool))
    system = body.get("system") or ()
    for at, block in enumerate([{"type": "text", "text": system}] if isinstance(system, str) else system):
        own = digest(b"system", canonical(_bare(block)))
        yield _Part(("system", at, 0), "system", own, count.system(block), mark_of(block))
    yield from _messages(body["messages"], count, facts.model(str(body["model"])), deferred)


def _messages(
    messages: Sequence[Mapping[str, Any]],
    count: Counts,
    row: facts.Model | None,
    deferred: Mapping[str, Mapping[str, Any]],
) -> Iterator[_Part]:
    last_user, stripped_before = _last_users(messages, row)
    for at, message in enumerate(messages):
        turn_scoped = message.get("clear_at") == "next_user_message"
        if turn_scoped and at < last_user:
            continue  # renders as nothing once a later user message stands (its page)
        frame = count.message(message)
        label = str(message["role"]).encode()
        for index, block in enumerate(walk(message)):
            kind = str(block.get("type"))
            if kind in _THINKING and at < stripped_before:
                continue  # the API drops earlier turns' thinking on these models
            own = _own(label, block)
            tokens = count.block(block) + frame
            if deferred and kind != "tool_removal":
                own, tokens = _expanded(block, own, tokens, deferred, count)
            blank = kind == "text" and str(block.get("text")).isspace()
            markable = not (turn_scoped or blank or kind in facts.UNMARKABLE)
            yield _Part(("messages", at, index), kind, own, tokens, mark_of(block), markable)
            frame = 0.0
        if message.get("output_config"):
            # Changes the effort from here on; it renders as nothing, yet what follows is not the same without it.
            own = digest(label, dumps(message["output_config"]).encode())
            yield _Part(("messages", at, len(message["content"])), "output_config", own, frame, None, markable=False)


def _last_users(messages: Sequence[Mapping[str, Any]], row: facts.Model | None) -> tuple[int, int]:
    """The last user message, and the one before which thinking is stripped; -1 where there is none."""
    last = fresh = -1
    strips = row is not None and not row.keeps_thinking
    for at in range(len(messages) - 1, -1, -1):
        if messages[at]["role"] != "user":
            continue
        last = max(last, at)
        if not strips:
            break
        if has_user_text(messages[at]["content"]):
            fresh = at
            break
    return last, fresh


def _expanded(
    block: Mapping[str, Any], own: bytes, tokens: float, deferred: Mapping[str, Mapping[str, Any]], count: Counts
) -> tuple[bytes, float]:
    """A deferred tool's definition stands where it is referenced (tool-search page): hash and tokens with it."""
    for name in _references(block, _REFERENCE_DEPTH):
        tool = deferred.get(name)
        if tool is not None:
            own = digest(own, canonical(_bare(tool)))
            tokens += count.tool(tool)
    return own, tokens


def _references(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.get("type") == "tool_reference":
            yield str(value.get("tool_name") or value.get("name"))
        elif depth and value.get("type") != "tool_use":
            for inner in value.values():
                if isinstance(inner, Mapping | list):
                    yield from _references(inner, depth - 1)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item, depth)


def _mark_automatic(body: Mapping[str, Any], positions: list[Position]) -> None:
    """Put the top-level mark on the last block that can carry one (prompt-caching page)."""
    wanted = body.get("cache_control")
    if not wanted:
        return
    for at in range(len(positions) - 1, -1, -1):
        if positions[at].markable:
            if positions[at].mark is None:
                positions[at] = replace(positions[at], mark="1h" if wanted.get("ttl") == "1h" else "5m")
            return
