"""A request as the server sees it: a chain of hashed, counted positions.

Law: two requests share a cached prefix up to position n exactly when their digests at n are equal. A digest covers
the request's settings, everything before the position and the position itself, and never a mark. What changes the
hash at which level is the invalidation table of `api/facts.py`.

Sources: prompt-caching page (levels, order, lookback runs, stripped thinking), tool-search page (deferred tools),
mid-conversation system messages page (`clear_at`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from contextkit.api import facts
from contextkit.api.marks import Path, mark_of
from contextkit.api.messages import canonical, digest, dumps, has_user_text, walk

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl

__all__ = ["Counts", "Position", "Prefix", "Rules", "link", "prefix", "seeds"]

_RUNS: Final = frozenset({"tool_use", "tool_result"})
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_WEB: Final = ("web_search", "web_fetch")


@dataclass(frozen=True, slots=True)
class Rules:
    """Where first-party text leaves doubt, each rule is a switch with its default and its reason.

    Attributes:
        collapse_runs: a run of tool_use, or of tool_result, is one lookback position. Stated for the Claude API;
            other platforms do not say, so switch it off to model the worst case there.
        heads_are_positions: each tool and each system block counts for the lookback. The page's examples count
            "blocks" of the whole prompt; litellm counts them too; not stated explicitly.
        ttl_in_key: a 5m mark does not read a 1h entry. litellm models it so; the page does not say it: off.
        renew_ancestors: a hit renews the shorter entries below it. Not stated: off, so that a mark must touch them.
        settings: from which level thinking, effort and format lose the cache. The list of models that keep tools
            and system is not published; "all" is the page's own advice.
    """

    collapse_runs: bool = True
    heads_are_positions: bool = True
    ttl_in_key: bool = False
    renew_ancestors: bool = False
    settings: facts.Effect = "all"


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
    level, step, before = "tools", 0, ""
    for part in _parts(body, count):
        for name in _levels_between(level, part.path[0]):
            chain = link(chain, settings[name])
        level = part.path[0]
        chain = link(chain, part.own) if part.own else chain
        tokens += part.tokens
        run = f"{part.path[0]}{part.path[1]}{part.kind}" if part.kind in _RUNS and rules.collapse_runs else ""
        counted = rules.heads_are_positions or level == "messages"
        step += counted and not (run and run == before)
        before = run
        markable = part.kind not in facts.UNMARKABLE and not part.turn_scoped
        positions.append(Position(chain, part.own, round(tokens), part.path, step, markable, part.mark))
    _mark_automatic(body, positions)
    return Prefix(str(body["model"]), tuple(positions), round(tokens), settings)


def link(chain: bytes, own: bytes) -> bytes:
    """The digest after one more block."""
    return digest(chain, own)


def seeds(body: Mapping[str, Any], rules: Rules) -> dict[str, bytes]:
    """One hash a level of the settings that the level depends on."""
    levels: dict[str, dict[str, Any]] = {"all": {}, "system": {}, "messages": {}}
    for name, value in _settings(body).items():
        effect = rules.settings if name in {"thinking", "effort", "format", "task_budget"} else facts.invalidation(name)
        if effect != "none" and value is not None:
            levels[effect][name] = value
    return {level: digest(dumps(values).encode("utf-8", "surrogatepass")) for level, values in levels.items()}


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the invalidation table, None where it is at its default."""
    name = str(body["model"])
    row = facts.model(name)
    output = body.get("output_config") or {}
    effort = output.get("effort")
    choice = body.get("tool_choice") or {}
    return {
        "model": row.id if row else name,
        "speed": None if body.get("speed") == "standard" else body.get("speed"),
        "thinking": body.get("thinking"),
        "effort": None if row and effort == row.effort else effort,
        "format": output.get("format"),
        "task_budget": output.get("task_budget"),
        "web_tools": [tool for tool in body.get("tools") or () if _is_web(tool)] or None,
        "citations": any(_cites(block) for message in body["messages"] for block in walk(message)) or None,
        "tool_choice": {k: v for k, v in choice.items() if k in {"type", "name"} and v != "auto"} or None,
        "parallel": choice.get("disable_parallel_tool_use") or None,
        "images": any(_has_image(block) for message in body["messages"] for block in walk(message)) or None,
    }


def _is_web(tool: Mapping[str, Any]) -> bool:
    return str(tool.get("type") or "").startswith(_WEB)


def _cites(block: Mapping[str, Any]) -> bool:
    return bool((block.get("citations") or {}).get("enabled")) if isinstance(block.get("citations"), Mapping) else False


def _has_image(block: Mapping[str, Any]) -> bool:
    if block.get("type") == "image":
        return True
    inner = block.get("content")
    return isinstance(inner, list) and any(isinstance(item, Mapping) and item.get("type") == "image" for item in inner)


@dataclass(frozen=True, slots=True)
class _Part:
    path: Path
    kind: str
    own: bytes
    tokens: float
    mark: Ttl | None
    turn_scoped: bool = False


def _parts(body: Mapping[str, Any], count: Counts) -> Iterator[_Part]:
    for at, tool in enumerate(body.get("tools") or ()):
        if tool.get("defer_loading"):
            continue  # stays out of the prefix until a tool_reference names it (tool-search page)
        own = b"" if _is_web(tool) else digest(b"tool", canonical(tool))
        yield _Part(("tools", at, 0), "tool", own, count.tool(tool), mark_of(tool))
    system = body.get("system") or ()
    for at, block in enumerate([{"type": "text", "text": system}] if isinstance(system, str) else system):
        yield _Part(
            ("system", at, 0), "system", digest(b"system", canonical(block)), count.system(block), mark_of(block)
        )
    yield from _messages(body["messages"], count, facts.model(str(body["model"])))


def _messages(messages: Sequence[Mapping[str, Any]], count: Counts, row: facts.Model | None) -> Iterator[_Part]:
    users = [at for at, message in enumerate(messages) if message["role"] == "user"]
    last_user = users[-1] if users else -1
    fresh = [at for at in users if has_user_text(messages[at]["content"])]
    stripped_before = fresh[-1] if fresh and row is not None and not row.keeps_thinking else -1
    for at, message in enumerate(messages):
        role = str(message["role"])
        if message.get("clear_at") and at < last_user:
            continue  # renders as nothing once a later user message stands (its page)
        frame = count.message(message)
        label = role.encode()
        for index, block in enumerate(walk(message)):
            kind = str(block.get("type"))
            if kind in _THINKING and at < stripped_before:
                continue  # the API drops earlier turns' thinking on these models
            own = digest(label, canonical(block))
            yield _Part(
                ("messages", at, index),
                kind,
                own,
                count.block(block) + frame,
                mark_of(block),
                bool(message.get("clear_at")),
            )
            frame = 0.0


def _levels_between(level: str, following: str) -> tuple[str, ...]:
    order = ("tools", "system", "messages")
    return order[order.index(level) + 1 : order.index(following) + 1]


def _mark_automatic(body: Mapping[str, Any], positions: list[Position]) -> None:
    """Put the top-level mark on the last block that can carry one (prompt-caching page)."""
    wanted = body.get("cache_control")
    if not wanted:
        return
    for at in range(len(positions) - 1, -1, -1):
        found = positions[at]
        if found.markable:
            if found.mark is None:
                ttl: Ttl = "1h" if wanted.get("ttl") == "1h" else "5m"
                positions[at] = Position(
                    found.digest, found.own, found.tokens, found.path, found.step, found.markable, ttl
                )
            return


CountsFor = Callable[[Mapping[str, Any]], Counts]
"""Makes the counts for a request: its model decides the tokenizer."""
