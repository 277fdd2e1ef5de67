"""A window that folds, in sizes: what the folding policies share.

Law: the same parts in the same order as a Conversation sends them: fixed part, head, summaries oldest first, the
list of identifiers, raw entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from contextkit.compact.worth import Sizes, summary_call
from contextkit.replay.bill import Made, Move, warm

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl
    from contextkit.compact.mentions import Mentions
    from contextkit.history.log import Log
    from contextkit.replay.trace import Trace

__all__ = ["Part", "Summarising", "Window", "grow", "summarised"]

_FRAME: Final = 400  # tokens of the instructions around a range in a summary call (compact/worth.py)


@dataclass(frozen=True, slots=True)
class Part:
    """A summary in the window."""

    first: int
    end: int
    tokens: float
    level: int = 1


@dataclass(slots=True)
class Window:
    """A window that folds: fixed part, head, summaries, list of identifiers, raw entries from `start` on.

    Mutable, one a run. The list stands behind the newest summary and is made anew at each fold.
    """

    found: Trace
    start: int = 0
    parts: list[Part] = field(default_factory=list)
    list_tokens: float = 0.0
    listed: frozenset[str] = frozenset()
    before: float = 0.0

    def head(self) -> float:
        """Tokens of the first message, where it is not among the raw entries."""
        return self.found.log.ends[0] if self.start > 0 else 0.0

    def summary(self) -> float:
        """Tokens of all summaries and of the list beside them."""
        return sum(part.tokens for part in self.parts) + self.list_tokens

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
        folded = kept is not None
        told = Move(
            prompt, kept if kept is not None else self.before, self.start, self.summary(), self.listed, made, folded
        )
        self.before = prompt
        return told


class Summarising(Protocol):
    """What a policy says about its summary calls."""

    @property
    def summarizer(self) -> str:
        """As in `worth.summary_call`."""
        ...

    @property
    def ttl(self) -> Ttl:
        """Of its cache entries."""
        ...


def summarised(found: Trace, sizes: Sizes, policy: Summarising, at: int) -> Made:
    """The summary call as it would be billed."""
    call = summary_call(sizes, policy.summarizer, model=found.model, ttl=policy.ttl, warm=warm(found, at, policy.ttl))
    prompt = sizes.total - sizes.new if call.maker == "own" else sizes.folded
    return Made(0.0 if call.maker == "extractive" else prompt + _FRAME, sizes.summary, call.cost)


def grow(log: Log, found: Trace, end: int, names: Mentions | None = None) -> None:
    """Let a log, and the counts of what it names, catch up with what had happened by a call."""
    at = len(log.entries)
    log.entries += found.log.entries[at:end]
    log.ends += found.log.ends[at:end]
    if names is None:
        return
    for index in range(at, end):
        for block in found.log.entries[index].blocks:
            names.add(block, index, stays=index == 0)
