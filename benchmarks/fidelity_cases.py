"""Recorded calls as cases for a model of the prompt cache: a request with given token counts, and what was billed.

Law: a case is made of the transcript and of prompt sizes alone. How a call's prompt was split into read and written
is used for calls before it (which lifetime the client asks for), never for itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api import facts
from contextkit.api.messages import has_user_text
from contextkit.transcripts import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api.facts import Ttl
    from contextkit.api.messages import Block, Message
    from contextkit.api.usage import Usage
    from contextkit.transcripts import Call, Session

__all__ = ["Case", "cases", "sessions"]

_SETS: Final = ("claude_code_entireio_cli", "pi_mono")
_DECLARED: Final = ("compaction", "microcompaction")

Aside = Literal["", "compaction", "sidechain"]


@dataclass(frozen=True, slots=True)
class Case:
    """One call as the cache sees it.

    Attributes:
        index: its place in the session.
        body: the request as far as it is known: a stand-in for the head (system and tools are not recorded), the
            visible messages, a mark on the head and on the last block, as both clients set them.
        at: Unix seconds of its start, never before the call before it.
        marked: billed tokens up to the last mark (prompt minus uncached input): a size, not a split.
        ends: message index of the last mark -> `marked`, for this call and for those whose history it extends.
        usage: what was billed.
        aside: set aside by what the transcript declares, before any bill is looked at.
        call: the recorded call.
        messages: the body's messages without the mark; calls of one session share them.
    """

    index: int
    body: Mapping[str, Any]
    at: float
    marked: int
    ends: Mapping[int, int]
    usage: Usage
    aside: Aside
    call: Call
    messages: list[Message]


def sessions() -> list[tuple[str, Session]]:
    """Every recorded session with bills, with the name of its set; empty where the data is absent."""
    root = Path(os.environ.get("CONTEXTKIT_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
    files = [(name, path) for name in _SETS for path in sorted((root / name).glob("*.jsonl"))]
    return [(name, session) for name, path in files for session in read(path)]


def cases(session: Session) -> list[Case]:
    """The calls of a session that have a bill, in time order."""
    found: list[Case] = []
    ends: dict[int, dict[int, int]] = {}
    shaped: dict[int, Message] = {}
    at, thinking, ttl = 0.0, False, _lifetime(session)
    for index, call in enumerate(session.calls):
        messages = [shaped.setdefault(id(message), _shaped(message)) for message in session.history(index)]
        if call.usage is None or call.at is None or not messages:
            continue
        at = max(at, call.at)
        thinking = _thinking(call, before=thinking)
        marked = call.usage.prompt - call.usage.input
        kept = {place: size for place, size in _kept(ends, call).items() if place < call.shared}
        ends[index] = {**kept, len(messages) - 1: marked}
        body = _body(call.model, messages, ttl, thinking=thinking)
        found.append(Case(index, body, at, marked, ends[index], call.usage, _aside(call), call, messages))
    return found


def _shaped(message: Message) -> Message:
    """As it was sent: the data has lengths in the place of signatures; a stand-in keeps the block's shape."""
    return {**message, "content": [_signed(block) for block in message["content"]]}


def _signed(block: Block) -> Block:
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": block.get("thinking", ""), "signature": "(not recorded)"}
    return {key: value for key, value in block.items() if key != "caller"}


def _kept(ends: Mapping[int, Mapping[int, int]], call: Call) -> Mapping[int, int]:
    return ends.get(call.follows, {}) if call.follows is not None else {}


def _lifetime(session: Session) -> Ttl:
    """What the client asks for: a setting that no session of these changes, seen on its first write."""
    first = next((call.usage for call in session.calls if call.usage and call.usage.prompt > call.usage.read), None)
    return "1h" if first is not None and first.write_1h else "5m"


def _aside(call: Call) -> Aside:
    if any(note in _DECLARED for note in call.notes):
        return "compaction"
    return "" if call.kind == "main" else "sidechain"


def _thinking(call: Call, *, before: bool) -> bool:
    """Whether the call had thinking switched on, from the transcript alone.

    Pi records its level. Claude Code does not, but on models that think only when told to (4.5), a turn's first
    answer has a thinking block exactly when it was on; within a turn it cannot change.
    """
    level = call.settings.get("thinking_level")
    if level is not None:
        return bool(level != "off")
    row = facts.model(call.model)
    if row is None or not row.prefill:  # newer models decide for themselves when to think: no sign of a switch
        return True
    if not any(message["role"] == "user" and has_user_text(message["content"]) for message in call.added):
        return before
    return call.reply is not None and any(block["type"] == "thinking" for block in call.reply["content"])


def _body(model: str, messages: list[dict[str, Any]], ttl: Ttl, *, thinking: bool) -> dict[str, Any]:
    mark = {"type": "ephemeral", "ttl": ttl}
    last = messages[-1]
    ending = {**last, "content": [*last["content"][:-1], {**last["content"][-1], "cache_control": mark}]}
    return {
        "model": model,
        "max_tokens": 1,
        "system": [{"type": "text", "text": "(not recorded)", "cache_control": mark}],
        "messages": [*messages[:-1], ending],
        **({"thinking": {"type": "enabled", "budget_tokens": 1024}} if thinking else {}),
    }
