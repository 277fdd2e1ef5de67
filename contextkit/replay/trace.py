"""A recorded session as sizes: what each call's prompt would hold if nothing had ever been folded.

Law: nothing is measured twice. Where calls were billed, the growth from one prompt to the next is the bill's, shared
out over the messages by their estimate; the estimate alone stands where there is no bill. What a file does not hold
(system, tools, hidden messages) is the rest of the billed total, and `Trace.notes` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api.usage import Usage
from contextkit.compact.worth import rates
from contextkit.history.log import Entry, Log
from contextkit.tokens.estimate import family_of
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contextkit.api.facts import Family
    from contextkit.transcripts.common import Call, Session

__all__ = ["Step", "Trace", "trace"]

_LOST: Final = 0.3
"""A billed growth below this share of the estimate is no growth: something was dropped between the calls."""

_HIDDEN: Final = 2_000
"""A first prompt so much larger than the fixed part and what is visible holds messages that the file lacks."""

_MODEL: Final = "claude-sonnet-4-5"
"""The model of files that name none (benches recorded with another house's model)."""

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a trace.

    Attributes:
        end: its prompt holds the entries of the log up to, not including, this one.
        output: generated tokens.
        at: Unix seconds; None where the file has no times.
        billed: what it was billed; None where the file does not tell.
    """

    end: int
    output: int
    at: float | None
    billed: Usage | None


@dataclass(frozen=True, slots=True)
class Trace:
    """One conversation.

    Attributes:
        file: where it was read.
        model: whose prices are used.
        fixed: tokens of tools, system and whatever else stands before the first message.
        log: all messages as an append-only history, sizes in billed tokens.
        steps: the calls, oldest first.
        notes: what is not as it was recorded, in words.
    """

    file: str
    model: str
    fixed: float
    log: Log
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    def prompt(self, at: int) -> float:
        """Tokens of a call's prompt with the whole history in it."""
        return self.fixed + self.log.ends[self.steps[at].end - 1]

    @property
    def billed(self) -> Usage:
        """All that was billed for its calls."""
        return sum((step.billed for step in self.steps if step.billed), Usage())


def trace(session: Session, *, model: str = "") -> Trace | None:
    """The main conversation of a session; `model` overrides the recorded one. None when it holds no call."""
    calls = [call for call in session.calls if call.kind == "main" and (call.added or call.follows is not None)]
    if not calls:
        return None
    named = [call.model for call in calls if call.model]
    chosen = model or (max(set(named), key=named.count) if named else _MODEL)
    made = _Making(family_of(named[-1] if named else chosen))
    made.begin(calls)
    for index, call in enumerate(calls):
        made.call(session, calls, index, call)
    notes = [*made.notes(), *_said(session, named, chosen)]
    return Trace(session.file, chosen, made.fixed, made.log, tuple(made.steps), tuple(notes))


def _said(session: Session, named: Sequence[str], chosen: str) -> Iterator[str]:
    """What the file lacks."""
    lacking = session.missing & {"system", "tools"}
    if lacking:
        source = "the first billed totals" if "usage" not in session.missing else "nothing: they count as 0 tokens"
        yield f"{' and '.join(sorted(lacking))} are not in the file; their size is taken from {source}"
    if "times" in session.missing:
        yield "the file has no times: the cache never expires here"
    if "usage" in session.missing:
        yield "the file has no bill: sizes are estimates"
    if "output_tokens" in session.missing:
        yield "output tokens are often placeholders in this format"
    if chosen not in named:
        yield f"priced as {chosen}"
    if not rates(chosen, "5m", prompt=0).known:
        yield f"the price of {chosen} is not known: give a model whose prices it shall have (--model)"
    sides = sum(call.kind == "sidechain" for call in session.calls)
    if sides:
        yield f"{sides} calls of sidechains are left out"


@dataclass(slots=True)
class _Making:
    family: Family
    fixed: float = 0.0
    log: Log = field(default_factory=Log)
    steps: list[Step] = field(default_factory=list)
    _hidden: float = 0.0
    _rewritten: int = 0
    _lost: int = 0

    def begin(self, calls: Sequence[Call]) -> None:
        """The fixed part: the least that any fresh start was billed beyond what is visible of it."""
        rests = [call.usage.prompt - self._size(call) for call in calls if call.usage and call.follows is None]
        self.fixed = max(min(rests), 0.0) if rests else self._settings(calls[0])
        first = calls[0].usage
        hidden = first.prompt - self._size(calls[0]) - self.fixed if first and first.prompt else 0.0
        self._hidden = hidden if hidden >= _HIDDEN else 0.0

    def _settings(self, call: Call) -> float:
        """System and tools by estimate, for logs that hold them."""
        texts = [call.settings.get("system"), call.settings.get("tools")]
        return quick_tokens([{"type": "text", "text": str(text)} for text in texts if text], self.family)

    def _size(self, call: Call) -> float:
        return sum(quick_tokens(message["content"], self.family) for message in call.added)

    def call(self, session: Session, calls: Sequence[Call], index: int, call: Call) -> None:
        """Append what is new in a call, and the call itself."""
        before = calls[index - 1] if index else None
        new = [self._entry(message) for message in _new(call)]
        reply = before.reply if before is not None else None
        entries = [*([self._entry(reply)] if reply is not None else []), *new]
        appends = before is not None and call.follows is not None and session.calls[call.follows] is before
        appends = appends and call.shared == (before.length if before else 0) and "folded" not in call.notes
        grown = None
        if before is None:
            grown = (call.usage.prompt - self.fixed - self._hidden) if call.usage and call.usage.prompt else None
        elif appends and call.usage and before.usage and call.usage.prompt and before.usage.prompt:
            grown = float(call.usage.prompt - before.usage.prompt)
        self._rewritten += before is not None and not appends
        self._append(entries, grown)
        if before is None and self._hidden:
            self._put(Entry("assistant", [{"type": "text", "text": ""}]), self._hidden)
            self._put(Entry("user", [{"type": "text", "text": ""}]), 1.0)
        if not self.log.entries:
            self._put(Entry("user", [{"type": "text", "text": ""}]), 1.0)
        output = call.usage.output if call.usage else 0
        self.steps.append(Step(len(self.log.entries), output, call.at, call.usage))

    def _entry(self, message: Any) -> Entry:
        blocks = message["content"]
        fresh = any(block["type"] != "tool_result" for block in blocks) and message["role"] == "user"
        thinks = any(block["type"] in _THINKING for block in blocks)
        role: Literal["user", "assistant"] = "assistant" if message["role"] == "assistant" else "user"
        return Entry(role, blocks or [{"type": "text", "text": ""}], fresh=fresh, thinking=thinks)

    def _append(self, entries: Sequence[Entry], grown: float | None) -> None:
        """Enter messages; a billed growth is shared out by their estimates."""
        sizes = [quick_tokens(entry.blocks, self.family) for entry in entries]
        total = sum(sizes)
        ratio = grown / total if grown is not None and total > 0 else 1.0
        if ratio < _LOST:
            self._lost += 1
            ratio = 1.0
        for entry, size in zip(entries, sizes, strict=True):
            self._put(entry, size * ratio)

    def _put(self, entry: Entry, tokens: float) -> None:
        self.log.entries.append(entry)
        self.log.ends.append((self.log.ends[-1] if self.log.ends else 0.0) + tokens)

    def notes(self) -> Iterator[str]:
        """What was done that the record does not show."""
        if self._hidden:
            yield f"{self._hidden:,.0f} tokens of the first prompt are messages that the file does not hold"
        if self._rewritten:
            yield f"the history was rewritten {self._rewritten} times; here it grows on without that"
        if self._lost:
            yield f"{self._lost} prompts were billed less than they grew by; their growth is estimated"


def _new(call: Call) -> list[Any]:
    """What a call adds; after a recorded compaction without the summary, which nobody made here."""
    if "compaction" not in call.notes or not call.added:
        return list(call.added)
    first = call.added[0]
    texts = [block for block in first["content"] if block["type"] == "text"]
    longest = max(texts, key=lambda block: len(block["text"]), default=None)
    rest = [block for block in first["content"] if block is not longest]
    head = [{"role": first["role"], "content": rest}] if rest else []
    return [*head, *call.added[1:]]
