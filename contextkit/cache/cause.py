"""Where a request departs from an earlier one, and what the departure is called.

Law: two spelled requests go in, the departures come out, the earliest effect of each kind; nothing is priced and
nothing is billed here. Which level a setting loses is the invalidation table of `api/facts.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api import facts
from contextkit.cache.window import EMPTY, Window, between, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from contextkit.cache.blocks import Blocks
    from contextkit.cache.prefix import Rules
    from contextkit.cache.spell import Spelled

__all__ = ["Blame", "Cause", "Texts", "departures", "shared"]

Blame = Literal["caller", "planned", "expected", "provider", "unknown"]

_SETTINGS: Final = {
    "model": "model_changed",
    "speed": "speed_changed",
    "thinking": "thinking_changed",
    "effort": "effort_changed",
    "format": "format_changed",
    "task_budget": "task_budget_changed",
    "web_tools": "web_tools_changed",
    "citations": "citations_changed",
    "tool_choice": "tool_choice_changed",
    "parallel": "tool_choice_changed",
    "images": "images_changed",
    "context_management": "context_management_changed",
    "betas": "betas_changed",
}
"""The code of a change of each setting."""

_DOUBTFUL: Final = frozenset({"thinking", "effort", "format", "task_budget"})
_PLACES: Final = {
    "effort": "output_config.effort",
    "format": "output_config.format",
    "task_budget": "output_config.task_budget",
    "parallel": "tool_choice.disable_parallel_tool_use",
    "betas": "anthropic-beta",
    "web_tools": "tools",
    "images": "messages",
    "citations": "messages",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One departure.

    Attributes:
        code: what it is called.
        blame: whose doing it is.
        limit: positions before this one are the same in both requests.
        where: a tool's name, a parameter, or a JSON pointer.
        window: what stood there, before and after.
    """

    code: str
    blame: Blame
    limit: int
    where: str = ""
    window: Window = EMPTY


@dataclass(frozen=True, slots=True)
class Texts:
    """What windows are made from.

    Attributes:
        before: canonical text of each tool, system block and message block of the earlier request, as far as kept.
        body: the request now.
        redact: show lengths only.
    """

    before: Sequence[Any]
    body: Mapping[str, Any]
    redact: bool = False


def shared(before: Sequence[int], now: Sequence[int]) -> int:
    """How many blocks at the start are the same, by their chains; a few comparisons, however long they are."""
    end = min(len(before), len(now))
    if end == 0 or before[0] != now[0]:
        return 0
    if before[end - 1] == now[end - 1]:  # one goes on from the other: the everyday case
        return end
    return bisect_left(range(end), True, key=lambda at: before[at] != now[at])  # noqa: FBT003  (the searched value)


def departures(before: Spelled, now: Spelled, texts: Texts, rules: Rules) -> tuple[list[Cause], int]:
    """Every departure, the one with the earliest effect first, and how many positions are the same.

    A request that is only shorter, or that took another branch after the same answer, has no departure, but fewer
    positions that are the same.
    """
    found: list[Cause] = []
    if before.top is not now.top:
        found += [*_settings(before, now, texts, rules), *_tools(before, now, texts), *_system(before, now, texts)]
    cause, same = _messages(before, now, texts)
    if cause:
        found.append(cause)
    if not found and before.head == now.head:
        return found, now.head + same
    limit = min([now.head + same if before.head == now.head else 0, *(cause.limit for cause in found)])
    return sorted(found, key=lambda cause: cause.limit), limit


def _settings(before: Spelled, now: Spelled, texts: Texts, rules: Rules) -> Iterator[Cause]:
    if before.settings == now.settings:
        return
    for name, code in _SETTINGS.items():
        old, new = before.settings.get(name), now.settings.get(name)
        if old == new:
            continue
        effect = rules.settings if name in _DOUBTFUL else facts.invalidation(name)
        limit = {"all": 0, "system": len(now.tools), "messages": now.head}.get(effect)
        if limit is not None:
            window = Window(None, *(short(value, redact=texts.redact) for value in (old, new)))
            yield Cause(code, "caller", limit, _PLACES.get(name, name), window)


def _tools(before: Spelled, now: Spelled, texts: Texts) -> Iterator[Cause]:
    old, new = before.tools, now.tools
    if old == new:
        return
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if Counter(old) == Counter(new):
        moved = new[same][0]
        yield Cause("tools_reordered", "caller", same, moved)
        return
    names_old, names_new = {name for name, _ in old}, {name for name, _ in new}
    removed = [name for name, _ in old if name not in names_new]
    added = [name for name, _ in new if name not in names_old]
    changed = [name for name, made in new if name in names_old and (name, made) not in old]
    where = ", ".join([*(f"{n} (removed)" for n in removed), *(f"{n} (added)" for n in added), *changed][:5])
    window = EMPTY
    if changed:
        at = [name for name, _ in old].index(changed[0])
        tools = [tool for tool in texts.body.get("tools") or () if (tool.get("name") or tool.get("type")) == changed[0]]
        window, pointer = between(_kept(texts, at), tools[0] if tools else None, redact=texts.redact)
        where = f"{where} {pointer}".strip()
    yield Cause("tools_changed", "caller", same, where, window)


def _kept(texts: Texts, at: int) -> Any:
    return texts.before[at] if at < len(texts.before) else None


def _system(before: Spelled, now: Spelled, texts: Texts) -> Iterator[Cause]:
    old, new = before.system, now.system
    if old == new:
        return
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    given = texts.body.get("system") or ()
    blocks = [{"type": "text", "text": given}] if isinstance(given, str) else given
    window, pointer = EMPTY, ""
    if same < min(len(old), len(new)):
        window, pointer = between(_kept(texts, len(before.tools) + same), blocks[same], redact=texts.redact)
    yield Cause("system_changed", "caller", len(now.tools) + same, f"/system/{same}{pointer}", window)


def _messages(before: Spelled, now: Spelled, texts: Texts) -> tuple[Cause | None, int]:
    """The departure in the messages, and how many of their blocks are the same."""
    old, new = before.blocks, now.blocks
    row = now.top.row
    same = shared(old.chain, new.chain)
    if new.compaction >= same:
        return Cause("compaction", "planned", now.head, _pointer(now, new.compaction, texts)), 0
    if row is not None and not row.keeps_thinking and old.thinking:
        first = _dropped(old, new)
        if first is not None and _same_without_thinking(old, new):
            where = _pointer(now, first, texts) if first < same else f"/messages/{old.message_of(first)[0]}"
            return Cause("thinking_stripped", "expected", now.head + first, where), first
    if same in {len(old.owns), len(new.owns)} or _branched(old, new, same):
        return None, same
    return _changed(before, now, same, texts), same


def _dropped(old: Blocks, new: Blocks) -> int | None:
    """The first thinking block that the API drops now and did not drop before; None for none."""
    for at in old.thinking:
        if old.fresh <= old.message_of(at)[0] < new.fresh:
            return at
    return None


def _same_without_thinking(old: Blocks, new: Blocks) -> bool:
    """Whether the new messages go on from the old ones, thinking before the new user turn left aside."""
    mine, theirs = _spoken(new, new.fresh), _spoken(old, new.fresh)
    return mine[: len(theirs)] == theirs


def _spoken(blocks: Blocks, before: int) -> list[int]:
    gone = {at for at in blocks.thinking if blocks.message_of(at)[0] < before}
    return [own for at, own in enumerate(blocks.owns) if at not in gone]


def _branched(old: Blocks, new: Blocks, same: int) -> bool:
    """Whether the earlier request only asked something on the side: a last user message that stands no longer."""
    at_old, at_new = old.message_of(same)[0], new.message_of(same)[0]
    return new.roles[at_new] == "assistant" and set(old.roles[at_old:]) == {"user"}


def _changed(before: Spelled, now: Spelled, same: int, texts: Texts) -> Cause:
    """A block that is not what it was: removed, put in between, or changed."""
    old, new = before.blocks.owns, now.blocks.owns
    limit, where = now.head + same, _pointer(now, same, texts)
    if new[same] in old[same + 1 :]:
        count = old.index(new[same], same + 1) - same
        message = before.blocks.message_of(same)[0]
        return Cause("message_removed", "caller", limit, f"/messages/{message} ({count} blocks)")
    if old[same] in new[same + 1 :]:
        return Cause("message_inserted", "caller", limit, where)
    window, pointer = between(_kept(texts, before.head + same), _block(now, same, texts), redact=texts.redact)
    return Cause("message_changed", "caller", limit, where + pointer, window)


def _block(now: Spelled, at: int, texts: Texts) -> Any:
    message, index = now.blocks.message_of(at)
    content = texts.body["messages"][message]["content"]
    return {"type": "text", "text": content} if isinstance(content, str) else content[index]


def _pointer(now: Spelled, at: int, texts: Texts) -> str:
    message, index = now.blocks.message_of(at)
    content = texts.body["messages"][message]["content"]
    return f"/messages/{message}/content" + ("" if isinstance(content, str) else f"/{index}")
