"""A recorded session without bodies: every call that was billed a smaller cache read than an earlier one had written.

Law: the bill decides what was lost, to the token: what the call that this one goes on from had read and written, less
what was read now, and never more than was written or paid as plain input now. The recording decides the cause; what
it does not show is called unknown, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contextkit.api import facts
from contextkit.api.facts import TTL_SECONDS, Ttl
from contextkit.api.messages import has_user_text
from contextkit.cache.reconcile import lost_usd
from contextkit.cache.violations import SLACK_TOKENS, Violation
from contextkit.lint.requests.breaks import Billed, Break
from contextkit.lint.requests.sequence import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.usage import Usage
    from contextkit.cache.cause import Blame
    from contextkit.transcripts.common import Call, Session

__all__ = ["calls_and_breaks"]

_NEAR_END: Final = 0.8
"""Share of a lifetime after which a missing entry counts as expired: 3 of 13 recorded reads there were lost."""
_NEAR: Final = 0.01
_PLANNED: Final = ("compaction", "microcompaction")
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_OFF: Final = "off"


@dataclass(slots=True)
class _State:
    """What is known of a call when later ones are compared with it.

    Attributes:
        cached: billed tokens that stood in the cache after it.
        model: who answered.
        thinking: whether thinking was on; None where nobody knows.
        started: its own start, never before that of the call before it.
        ttl: the lifetime of what it wrote.
    """

    cached: int
    model: str
    thinking: bool | None
    started: float | None
    ttl: Ttl


@dataclass(slots=True)
class _Reading:
    session: Session
    states: dict[int, _State] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    head: int | None = None  # tokens of the smallest prefix that was ever read: tools and system


def calls_and_breaks(session: Session) -> Iterator[Billed | Break]:
    """Every call of a session, each followed by its break if it lost something."""
    reading = _Reading(session)
    for index, call in enumerate(session.calls):
        usage = call.usage
        label = session.id or "session"
        label += f" ({call.kind})" if call.kind != "main" else ""
        yield Billed(session.file, call.line, label, call.model, usage, call.at)
        if usage is None or not usage.prompt:
            continue
        before = _before(reading, index, call)
        state = _state(reading, call, usage, before)
        found = None if before is None else _lost(reading, call, usage, before, state)
        reading.states[index] = state
        reading.latest[call.kind] = index
        if usage.read:
            reading.head = usage.read if reading.head is None else min(reading.head, usage.read)
        if found is not None:
            yield Break(
                session.file,
                call.line,
                index,
                label,
                found[0],
                found[1],
                before,
                session.calls[before].line if before is not None else 0,
                call.at,
                billed=True,
                hint=found[2],
            )


def _before(reading: _Reading, index: int, call: Call) -> int | None:
    """The call whose cached prefix this one could read.

    That is the call it follows, or, when it keeps only a part of that history, the one that had just this part; after
    a declared compaction, the latest call of its kind.
    """
    calls = reading.session.calls
    follows = call.follows
    while follows is not None:
        sent = calls[follows].length - (calls[follows].reply is not None)
        if follows in reading.states and sent <= call.shared:
            return follows
        follows = calls[follows].follows
    latest = reading.latest.get(call.kind)
    declared = any(note in _PLANNED for note in call.notes)
    return latest if latest is not None and latest < index and declared else None


def _state(reading: _Reading, call: Call, usage: Usage, before: int | None) -> _State:
    old = None if before is None else reading.states[before]
    started = call.at
    if started is not None and old is not None and old.started is not None:
        started = max(started, old.started)
    ttl: Ttl = "1h" if usage.write_1h else "5m" if usage.write_5m or old is None else old.ttl
    return _State(usage.prompt - usage.input, call.model, _thinks(call, old), started, ttl)


def _thinks(call: Call, old: _State | None) -> bool | None:
    """Whether thinking was on, where the recording shows it.

    Pi records its level. On models that think only when told to (4.5), a turn's first answer has a thinking block
    exactly when it was on, and within a turn it cannot change.
    """
    level = call.settings.get("thinking_level")
    if level is not None:
        return bool(level != _OFF)
    row = facts.model(call.model)
    if row is None or not row.prefill:  # newer models decide for themselves when to think
        return None
    asked = any(message["role"] == "user" and has_user_text(message["content"]) for message in call.added)
    if not asked:
        return None if old is None else old.thinking
    return call.reply is not None and any(block["type"] in _THINKING for block in call.reply["content"])


def _lost(reading: _Reading, call: Call, usage: Usage, before: int, state: _State) -> tuple[Violation, str, str] | None:
    """The break with its pointer and hint; None when as much was read as had been written."""
    old = reading.states[before]
    lost = min(old.cached - usage.read, usage.prompt - usage.read)
    if lost <= SLACK_TOKENS:
        return None
    at = call.at if call.at is not None else UNTIMED
    declared = next((note for note in _PLANNED if note in call.notes), "")
    cause, blame, pointer, hint = _cause(reading, call, usage, old, state)
    if declared:
        cause, blame, pointer, hint = declared, "planned", "/messages", ""
    return (
        Violation(
            cause,
            blame,
            tokens=lost,
            usd=lost_usd(call.model, usage, lost, at, None),
            confirmed=True,
            at=at,
            request=str(call.line),
            model=call.model,
        ),
        pointer,
        hint,
    )


def _cause(reading: _Reading, call: Call, usage: Usage, old: _State, state: _State) -> tuple[str, Blame, str, str]:
    """Cause, blame, pointer and hint, the surest sign first."""
    if call.model != old.model:
        return "model_changed", "caller", "/model", f"{old.model} became {call.model}"
    gap = state.started - old.started if state.started is not None and old.started is not None else 0.0
    if gap >= TTL_SECONDS[old.ttl]:
        return "expired", "expected", "", f"{_span(gap)} after the last call, lifetime {old.ttl}"
    if None not in (old.thinking, state.thinking) and old.thinking != state.thinking:
        switched = "on" if state.thinking else "off"
        return "thinking_changed", "caller", "/thinking", f"thinking was switched {switched}"
    if gap >= _NEAR_END * TTL_SECONDS[old.ttl]:
        return "expired", "expected", "", f"{_span(gap)} after the last call, lifetime {old.ttl}: near its end"
    if _stripped(reading, call, usage):
        return "thinking_stripped", "expected", "/messages", ""
    return "unknown", "unknown", "/messages" if usage.read else "", _hint(reading, usage)


def _stripped(reading: _Reading, call: Call, usage: Usage) -> bool:
    """Whether a new user turn made the API drop the last turn's thinking, and what came before that was still read."""
    row = facts.model(call.model)
    if row is None or row.keeps_thinking or call.follows is None:
        return False
    if not any(message["role"] == "user" and has_user_text(message["content"]) for message in call.added):
        return False
    at: int | None = call.follows
    while at is not None:  # back to where the last turn began: its first call had no thinking of its own in the prompt
        one = reading.session.calls[at]
        known = reading.states.get(at)
        if known is not None and any(
            message["role"] == "user" and has_user_text(message["content"]) for message in one.added
        ):
            thought = any(block["type"] in _THINKING for block in (one.reply or {"content": []})["content"])
            return thought and usage.read >= known.cached * (1 - _NEAR)
        at = one.follows
    return False


def _hint(reading: _Reading, usage: Usage) -> str:
    """What the bill shows of where the prefix broke."""
    if usage.read == 0:
        return (
            "not even tools and system were read: one of them, or a setting, was not what it had been, or the entry"
            " was dropped; this recording does not hold them"
        )
    if reading.head is not None and usage.read <= reading.head * (1 + _NEAR):
        return "tools and system were still read, no message was"
    return f"the first {usage.read:,} tokens were still read"


def _span(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004  (two minutes)
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004  (two hours)
