"""What other houses' compaction does to a history, as sizes: modelled from their source or documentation.

They stand in the table where the package itself cannot be driven (compaction_driven.py), and beside it where it can.

The law: each model takes the package's own defaults for what it does with a full window, and the benchmark's ceiling
and summary size; marks are assumed to stand in the best places. Read in langchain 1.5.0 (SummarizationMiddleware,
ContextEditingMiddleware), strands-agents 1.62.0 (ContextManager "auto"), pydantic-ai-harness 0.62.0
(SummarizingCompaction), and in the platform's pages on context editing and compaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contextkit.compact import plan
from contextkit.compact.worth import Sizes
from contextkit.history.log import Log
from contextkit.replay.bill import Made, Move
from contextkit.replay.window import Part, Window, grow, summarised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.api.facts import Ttl
    from contextkit.replay.policies import Policy
    from contextkit.replay.trace import Trace

__all__ = ["Clearing", "Condensing", "peers"]

_PLACEHOLDER = 12.0  # tokens of "[cleared]" and of "Previous conversation was too long to summarize."


class _Headless(Window):
    """The first message is folded like any other."""

    __slots__ = ()

    def head(self) -> float:
        """Nothing of it stays."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condensing:
    """One summary in the place of everything old, when a share of the ceiling is passed.

    Attributes:
        name: for the table.
        budget: the ceiling, tokens.
        share: of the ceiling at which it folds.
        tokens: newest tokens that stay; None: `messages` counts.
        messages: newest messages that stay.
        head: the first message stays.
        reads: the summariser sees the newest so many tokens, from a user's message on; without one there it is not
            called and a fixed sentence stands for the history.
    """

    name: str
    budget: int
    summary: int
    share: float = 1.0
    tokens: int | None = None
    messages: int = 20
    head: bool = True
    reads: int | None = None
    summarizer: str = "haiku"
    ttl: Ttl = "5m"
    archive: bool = False

    def moves(self, found: Trace) -> Iterator[Move]:
        """Append until the share is passed, then fold."""
        window: Window = Window(found) if self.head else _Headless(found)
        log = Log()
        for at, step in enumerate(found.steps):
            grow(log, found, step.end)
            over = window.prompt(at) > self.budget * self.share
            end = self._cut(log, window.start) if over else None
            if end is None:
                yield window.move(at)
                continue
            made = self._condense(window, end, at)
            yield window.move(at, found.fixed, made)

    def _cut(self, log: Log, start: int) -> int | None:
        if self.tokens is not None:
            cut = plan.fold(log, start, keep=self.tokens, worth=2 * self.summary)
            return cut.end if cut else None
        if not self.messages:
            return len(log.entries)
        last = len(log.entries) - self.messages
        return next((at for at in range(last, max(start, 1), -1) if log.may_cut(at)), None)

    def _condense(self, window: Window, end: int, at: int) -> tuple[Made, ...]:
        first = max(window.start, 1) if self.head else window.start
        sizes = window.sizes(first, end, at, self.summary)
        text, size = sizes.folded + window.summary(), float(self.summary)
        made: tuple[Made, ...] = ()
        if self.reads is not None and text > self.reads:
            text = self.reads if self._said_something(window.found.log, first, end) else 0.0
        if text:
            sizes = Sizes(sizes.front - window.summary(), text, sizes.tail, sizes.new, size)
            made = (summarised(window.found, sizes, self, at),)
        window.parts = [Part(1, end, size if text else _PLACEHOLDER)]
        window.start = end
        return made

    def _said_something(self, log: Log, first: int, end: int) -> bool:
        """Whether the user speaks in what the summariser is shown."""
        limit = log.ends[end - 1] - (self.reads or 0)
        return any(log.entries[at].fresh for at in range(first, end) if log.ends[at] >= limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """Past the ceiling, all but the newest tool results become a placeholder, anew at every call."""

    name: str
    budget: int
    keep: int = 3
    ttl: Ttl = "5m"
    archive: bool = False

    def moves(self, found: Trace) -> Iterator[Move]:
        """The whole history less the cleared results."""
        log, before, cleared = found.log, 0.0, 0
        results = [at for at, entry in enumerate(log.entries) if at and entry.blocks[0]["type"] == "tool_result"]
        saved = 0.0
        for at, step in enumerate(found.steps):
            kept, folded = before, False
            if found.prompt(at) > self.budget:
                here = [index for index in results if index < step.end]
                wanted = max(len(here) - self.keep, 0)
                if wanted > cleared:
                    first = here[cleared]
                    kept, folded = min(found.fixed + log.ends[first - 1] - saved, before), True
                    saved += sum(max(log.tokens(i, i + 1) - _PLACEHOLDER, 0.0) for i in here[cleared:wanted])
                    cleared = wanted
            prompt = found.prompt(at) - saved
            upto = results[cleared - 1] + 1 if cleared else 0
            yield Move(prompt, kept, folded=folded, cleared=range(upto))
            before = prompt


def peers(budget: int, keep: int, summary: int) -> list[Policy]:
    """All models, at the benchmark's ceiling and summary size; the kept tail is equal where the package can say it."""
    return [
        Condensing(
            name="LangChain SummarizationMiddleware, keep tokens",
            budget=budget,
            summary=summary,
            tokens=keep,
            head=False,
        ),
        Condensing(
            name="LangChain SummarizationMiddleware, defaults",
            budget=budget,
            summary=summary,
            head=False,
            reads=4_000,
        ),
        Clearing(name="LangChain ContextEditing, exact counter", budget=budget),
        Condensing(
            name="strands ContextManager auto (summaries only)",
            budget=budget,
            summary=summary,
            share=0.85,
            messages=4,
            archive=True,
        ),
        Condensing(
            name="pydantic-ai-harness SummarizingCompaction, keep_tokens",
            budget=budget,
            summary=summary,
            tokens=keep,
        ),
        Clearing(name="API clear_tool_uses, defaults", budget=budget),
        Condensing(
            name="API compaction",
            budget=max(budget, 50_000),
            summary=summary,
            messages=0,
            head=False,
            summarizer="own",
        ),
    ]
