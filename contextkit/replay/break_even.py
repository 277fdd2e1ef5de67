"""contextkit's own policy on sizes: the planner that a Conversation asks, with the same settings.

Law: compact/plan.py decides; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contextkit.api import facts
from contextkit.compact import plan
from contextkit.compact.mentions import Mentions
from contextkit.compact.policies import Compaction
from contextkit.compact.worth import Sizes
from contextkit.history.log import Log
from contextkit.replay.bill import idle
from contextkit.replay.window import Part, Window, grow, summarised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.facts import Ttl
    from contextkit.replay.bill import Made, Move
    from contextkit.replay.trace import Trace

__all__ = ["BreakEven"]


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
        identifiers: tokens of the list of identifiers beside the summaries, in addition to them.
        summarizer: as in `worth.summary_call`.
        ttl: of its cache entries.
        archive: what is folded can be read again.
        listing: False: the list has its size and nothing in it, where only the cost is asked for.
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
    listing: bool = True

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
            identifiers=self.identifiers,
        )

    def moves(self, found: Trace) -> Iterator[Move]:
        """What the planner says, call by call."""
        window, log, since, policy, names = Window(found), Log(), plan.Since(), self.settings(), Mentions()
        counted = self.listing and self.identifiers > 0
        for at, step in enumerate(found.steps):
            grow(log, found, step.end, names if counted else None)
            made = plan.decide(self._situation(window, log, at), policy, since)
            if made.verdict != "fold" or made.fold is None:
                since = since.called(made)
                yield window.move(at)
                continue
            kept, calls = self.carry_out(window, made.fold, made.merge, at)
            if counted:
                window.listed = frozenset(names.best(self.identifiers, end=window.start))
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
            summaries=window.summary() - window.list_tokens,
            names=window.list_tokens,
            listed=self.identifiers,
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
        calls = [summarised(window.found, sizes, self, at)]
        kept = window.front(len(window.parts))
        if joined is not None:
            old = window.parts[joined.first : joined.end]
            kept = window.found.fixed  # older entries were last renewed when their summary was the newest
            text = sum(part.tokens for part in old)
            calls.append(summarised(window.found, Sizes(kept, text, 0.0, 0.0, min(self.summary, text)), self, at))
            window.parts[joined.first : joined.end] = [
                Part(old[0].first, old[-1].end, min(self.summary, text), joined.level)
            ]
        window.parts.append(Part(wanted.first, wanted.end, min(self.summary, sizes.folded), 1))
        window.start = wanted.end
        window.list_tokens = self.identifiers
        return kept, tuple(calls)
