"""The policies that a replay compares: each gives, call by call, what it would send.

Law: a policy sees the past only: the sizes up to the call that it plans, and the time. Summaries have the declared
size, whoever writes them; every policy pays its own summary calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from contextkit.api import facts
from contextkit.compact import plan
from contextkit.compact.extract import identifiers
from contextkit.compact.policies import Compaction
from contextkit.compact.worth import Sizes, summary_call
from contextkit.history.log import Log
from contextkit.replay.bill import Made, Move, idle, warm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.facts import Ttl
    from contextkit.replay.trace import Trace

__all__ = ["Automatic", "BreakEven", "Nothing", "Part", "Policy", "Rolling", "Sliding", "Threshold", "Window", "grow"]

_FRAME: Final = 400  # tokens of the instructions around a range in a summary call (compact/worth.py)


class Policy(Protocol):
    """What all policies have.

    Attributes:
        name: with its settings, for reports.
        ttl: lifetime of its cache entries.
        archive: what leaves the window can be read again.
    """

    @property
    def name(self) -> str: ...
    @property
    def ttl(self) -> Ttl: ...
    @property
    def archive(self) -> bool: ...
    def moves(self, found: Trace) -> Iterator[Move]:
        """What is sent at each call of a trace."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A summary in the window."""

    first: int
    end: int
    tokens: float
    level: int = 1
    listed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Window:
    """A window that folds: fixed part, head, summaries, raw entries from `start` on; mutable, one a run."""

    found: Trace
    start: int = 0
    parts: list[Part] = field(default_factory=list)
    before: float = 0.0

    def head(self) -> float:
        """Tokens of the first message, where it is not among the raw entries."""
        return self.found.log.ends[0] if self.start > 0 else 0.0

    def summary(self) -> float:
        """Tokens of all summaries."""
        return sum(part.tokens for part in self.parts)

    def prompt(self, at: int) -> float:
        """Tokens of the prompt at a call."""
        raw = self.found.log.tokens(self.start, self.found.steps[at].end)
        return self.found.fixed + self.head() + self.summary() + raw

    def front(self, parts: int) -> float:
        """Tokens up to the mark behind so many summaries; before the first fold only the fixed part has a mark."""
        if self.start == 0:
            return self.found.fixed
        return self.found.fixed + self.head() + sum(part.tokens for part in self.parts[:parts])

    def sizes(self, first: int, end: int, at: int, summary: float) -> Sizes:
        """The sizes of a fold of [first, end) at a call."""
        log, until = self.found.log, self.found.steps[at].end
        sent = self.found.steps[at - 1].end if at else 0
        head = log.ends[0] if self.start == 0 else 0.0
        tail = log.tokens(end, until) if end < until else 0.0
        new = min(log.tokens(max(sent, end), until) if max(sent, end) < until else 0.0, tail)
        return Sizes(self.front(len(self.parts)), log.tokens(first, end), head + tail, new, summary)

    def move(self, at: int, kept: float | None = None, made: tuple[Made, ...] = ()) -> Move:
        """The call's move; `kept` None: the history only grew."""
        prompt = self.prompt(at)
        listed = frozenset[str]().union(*(part.listed for part in self.parts))
        told = Move(prompt, self.before if kept is None else kept, self.start, self.summary(), listed, made)
        self.before = prompt
        return told if kept is None else Move(*(getattr(told, name) for name in _SHARED), folded=True)


_SHARED: Final = ("prompt", "kept", "start", "summary", "listed", "made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No marks and no folds: every prompt is uncached."""

    ttl: Ttl = "5m"
    archive: bool = False

    @property
    def name(self) -> str:
        """As it is declared."""
        return "none"

    def moves(self, found: Trace) -> Iterator[Move]:
        """The whole history, uncached."""
        for at in range(len(found.steps)):
            yield Move(found.prompt(at), found.prompt(at - 1) if at else 0.0, cached=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Automatic:
    """A mark on the last block, as automatic caching puts it, and no folds."""

    ttl: Ttl = "5m"
    archive: bool = False

    @property
    def name(self) -> str:
        """As it is declared."""
        return "automatic" + (f":ttl={self.ttl}" if self.ttl != "5m" else "")

    def moves(self, found: Trace) -> Iterator[Move]:
        """The whole history."""
        for at in range(len(found.steps)):
            yield Move(found.prompt(at), found.prompt(at - 1) if at else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliding:
    """The newest exchanges only (an answer and what came back for it); the older ones are dropped, call by call."""

    turns: int = 8
    ttl: Ttl = "5m"
    archive: bool = False

    @property
    def name(self) -> str:
        """As it is declared."""
        return f"sliding:turns={self.turns}"

    def moves(self, found: Trace) -> Iterator[Move]:
        """Head and newest exchanges."""
        window = Window(found)
        for at, step in enumerate(found.steps):
            start = _oldest(found, step.end, self.turns, window.start)
            moved, window.start = start != window.start, start
            # The head is sent in either case, without a mark of its own: only the fixed part is found again.
            yield window.move(at, found.fixed if moved and at else None)


def _oldest(found: Trace, end: int, turns: int, start: int) -> int:
    """Where the newest exchanges begin: at an answer, so that no tool call loses its result."""
    left = turns
    for at in range(end - 1, max(start, 1) - 1, -1):
        if found.log.entries[at].role == "assistant" and found.log.may_cut(at):
            left -= 1
            if left == 0:
                return at
    return start


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """The newest exchanges, and one summary of all before them that is written anew at every call."""

    turns: int = 8
    summary: int = 1_000
    summarizer: str = "haiku"
    ttl: Ttl = "5m"
    archive: bool = False

    @property
    def name(self) -> str:
        """As it is declared."""
        return f"rolling:turns={self.turns},summary={self.summary}"

    def moves(self, found: Trace) -> Iterator[Move]:
        """Head, summary, newest exchanges."""
        window = Window(found)
        for at, step in enumerate(found.steps):
            start = _oldest(found, step.end, self.turns, window.start)
            if start == window.start:
                yield window.move(at)
                continue
            made = _roll(window, start, at, self.summary, self)
            yield window.move(at, found.fixed, made)


class _Summarising(Protocol):
    @property
    def summarizer(self) -> str: ...
    @property
    def ttl(self) -> Ttl: ...


def _roll(window: Window, end: int, at: int, summary: int, policy: _Summarising) -> tuple[Made, ...]:
    """Put everything up to `end` into one summary in the place of the one before; the call that it takes."""
    first = max(window.start, 1)
    sizes = window.sizes(first, end, at, summary)
    old = window.summary()
    text = sizes.folded + old  # the old summary is read again
    sizes = Sizes(sizes.front - old, text, sizes.tail, sizes.new, min(summary, text))
    made = _made(window.found, sizes, policy, at)
    window.parts = [Part(1, end, sizes.summary)]
    window.start = end
    return (made,)


def _made(found: Trace, sizes: Sizes, policy: _Summarising, at: int) -> Made:
    """The summary call as it would be billed."""
    call = summary_call(
        sizes, policy.summarizer, model=found.model, ttl=policy.ttl, warm=warm(found, at, policy.ttl)
    )
    prompt = sizes.total - sizes.new if call.maker == "own" else sizes.folded
    return Made(0.0 if call.maker == "extractive" else prompt + _FRAME, sizes.summary, call.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When the budget would be passed, all but the newest `keep` tokens go into one rolling summary."""

    budget: int = 100_000
    keep: int = 10_000
    summary: int = 1_000
    summarizer: str = "haiku"
    ttl: Ttl = "5m"
    archive: bool = False

    @property
    def name(self) -> str:
        """As it is declared."""
        return f"threshold:budget={self.budget},keep={self.keep},summary={self.summary}"

    def moves(self, found: Trace) -> Iterator[Move]:
        """Append until the budget, then fold."""
        window = Window(found)
        log = Log()
        for at, step in enumerate(found.steps):
            grow(log, found, step.end)
            cut = None
            if window.prompt(at) > self.budget:
                cut = plan.fold(log, window.start, keep=self.keep, worth=2 * self.summary)
            if cut is None:
                yield window.move(at)
                continue
            made = _roll(window, cut.end, at, self.summary, self)
            yield window.move(at, found.fixed, made)


def grow(log: Log, found: Trace, end: int) -> None:
    """Let a log catch up with what had happened by a call."""
    at = len(log.entries)
    log.entries += found.log.entries[at:end]
    log.ends += found.log.ends[at:end]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """contextkit's own: compact/plan.py decides, summaries stand in levels and older ones stay frozen.

    Attributes:
        budget: the ceiling.
        keep: tokens of the newest turns that stay.
        summary: tokens of one summary.
        patience: as in `Compaction`.
        fan_out: as in `Compaction`.
        levels: as in `Compaction`.
        identifiers: tokens of the list of identifiers beside each summary, in addition to it.
    """

    budget: int = 100_000
    keep: int = 10_000
    summary: int = 1_000
    patience: float = 2.0
    fan_out: int = 4
    levels: int = 3
    identifiers: int = 0
    summarizer: str = "haiku"
    ttl: Ttl = "5m"
    archive: bool = True

    @property
    def name(self) -> str:
        """As it is declared."""
        named = {"budget": self.budget, "keep": self.keep, "summary": self.summary, "patience": f"{self.patience:g}"}
        if self.identifiers:
            named["identifiers"] = self.identifiers
        return "break-even:" + ",".join(f"{name}={value}" for name, value in named.items())

    def settings(self) -> Compaction:
        """As people declare it."""
        return Compaction(
            budget=self.budget,
            keep_recent=self.keep,
            summary_tokens=self.summary,
            patience=self.patience,
            fan_out=self.fan_out,
            levels=self.levels,
        )

    def moves(self, found: Trace) -> Iterator[Move]:
        """What the planner says, call by call."""
        window, log, since, policy = Window(found), Log(), plan.Since(), self.settings()
        for at, step in enumerate(found.steps):
            grow(log, found, step.end)
            made = plan.decide(self._situation(window, log, at), policy, since)
            if made.verdict != "fold" or made.fold is None:
                since = since.called(made)
                yield window.move(at)
                continue
            kept, calls = self.carry_out(window, made.fold, made.merge, at)
            since = since.folded(reached=window.prompt(at) <= self.budget).called()
            yield window.move(at, kept, calls)

    def _situation(self, window: Window, log: Log, at: int) -> plan.Situation:
        found = window.found
        row = facts.model(found.model)
        sent = found.log.ends[found.steps[at - 1].end - 1] if at else 0.0
        return plan.Situation(
            log=log,
            start=window.start,
            fixed=found.fixed,
            summaries=window.summary(),
            levels=[part.level for part in window.parts],
            total=window.prompt(at),
            new=log.ends[-1] - sent,
            ceiling=self.budget,
            window=row.window if row else 200_000,
            row=row,
            model=found.model,
            ttl=self.ttl,
            summarizer=self.summarizer,
            idle=idle(found, at) if at else None,
            expires=facts.TTL_SECONDS[self.ttl],
        )

    def carry_out(
        self, window: Window, wanted: plan.Fold, joined: plan.Merge | None, at: int
    ) -> tuple[float, tuple[Made, ...]]:
        """Fold and merge in a window: what still stands before the change, and the summary calls."""
        sizes = window.sizes(wanted.first, wanted.end, at, self.summary)
        calls = [_made(window.found, sizes, self, at)]
        kept = window.front(len(window.parts))
        if joined is not None:
            old = window.parts[joined.first : joined.end]
            kept = window.front(joined.first)
            text = sum(part.tokens for part in old)
            calls.append(_made(window.found, Sizes(kept, text, 0.0, 0.0, self.size(text)), self, at))
            listed = self._listed(window.found, old[0].first, old[-1].end)
            window.parts[joined.first : joined.end] = [
                Part(old[0].first, old[-1].end, self.size(text), joined.level, listed)
            ]
        listed = self._listed(window.found, wanted.first, wanted.end)
        window.parts.append(Part(wanted.first, wanted.end, self.size(sizes.folded), 1, listed))
        window.start = wanted.end
        return kept, tuple(calls)

    def size(self, text: float) -> float:
        """Tokens of a summary of so many, with its list of identifiers."""
        return min(self.summary, text) + self.identifiers

    def _listed(self, found: Trace, first: int, end: int) -> frozenset[str]:
        return frozenset(identifiers(found.log.entries[first:end], self.identifiers)) if self.identifiers else frozenset()
