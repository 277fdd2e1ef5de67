"""The policies that a replay compares: each gives, call by call, what it would send.

Law: a policy sees the past only: the sizes up to the call that it plans, and the time. Summaries have the declared
size, whoever writes them; every policy pays its own summary calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from contextkit.compact import plan
from contextkit.compact.worth import Sizes
from contextkit.history.log import Log
from contextkit.replay.bill import Move
from contextkit.replay.window import Part, Window, grow, summarised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.facts import Ttl
    from contextkit.replay.bill import Made
    from contextkit.replay.trace import Trace
    from contextkit.replay.window import Summarising

__all__ = ["Automatic", "Nothing", "Policy", "Rolling", "Sliding", "Threshold", "oldest"]


class Policy(Protocol):
    """What all policies have.

    Attributes:
        name: with its settings, for reports.
        ttl: lifetime of its cache entries.
        archive: what leaves the window can be read again.
    """

    @property
    def name(self) -> str:
        """As it is declared."""
        ...

    @property
    def ttl(self) -> Ttl:
        """Of every entry it writes."""
        ...

    @property
    def archive(self) -> bool:
        """Whether the model can read what was folded."""
        ...

    def moves(self, found: Trace) -> Iterator[Move]:
        """What is sent at each call of a trace."""
        ...


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
            start = oldest(found, step.end, self.turns, window.start)
            moved, window.start = start != window.start, start
            # The head is sent in either case, without a mark of its own: only the fixed part is found again.
            yield window.move(at, found.fixed if moved and at else None)


def oldest(found: Trace, end: int, turns: int, start: int) -> int:
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
            start = oldest(found, step.end, self.turns, window.start)
            if start == window.start:
                yield window.move(at)
                continue
            made = _roll(window, start, at, self.summary, self)
            yield window.move(at, found.fixed, made)


def _roll(window: Window, end: int, at: int, summary: int, policy: Summarising) -> tuple[Made, ...]:
    """Put everything up to `end` into one summary in the place of the one before; the call that it takes."""
    first = max(window.start, 1)
    sizes = window.sizes(first, end, at, summary)
    old = window.summary()
    text = sizes.folded + old  # the old summary is read again
    sizes = Sizes(sizes.front - old, text, sizes.tail, sizes.new, min(summary, text))
    made = summarised(window.found, sizes, policy, at)
    window.parts = [Part(1, end, sizes.summary)]
    window.start = end
    return (made,)


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
