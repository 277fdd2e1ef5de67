"""What a policy's prompts would have cost: the prompt cache on sizes.

Law: the arithmetic of cache/simulator.py where marks stand on the fixed part, the last summary and the last block:
what stands unchanged before such a mark is read while the last call began less than a lifetime ago, the rest is
written. A test holds both to the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contextkit.api import facts
from contextkit.api.facts import TTL_SECONDS
from contextkit.compact.worth import rates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.api.facts import Ttl
    from contextkit.replay.trace import Trace

__all__ = ["Bill", "Made", "Move", "bill"]


@dataclass(frozen=True, slots=True)
class Made:
    """One summary call: its prompt and its answer in tokens, and its price (worth.summary_call)."""

    tokens_in: float
    tokens_out: float
    cost: float


@dataclass(frozen=True, slots=True)
class Move:
    """What a policy sends at one call.

    Attributes:
        prompt: tokens.
        kept: tokens of the previous prompt that stand at the front of this one, up to a mark.
        start: index of the first entry that is sent as it was said; the head is sent besides.
        summary: tokens of summaries in the window.
        listed: identifiers that stand beside the summaries.
        made: summary calls before this call.
        folded: something before the end changed because the policy planned it.
        cached: False: sent without marks.
        cleared: entries after `start` whose tool results were taken out.
    """

    prompt: float
    kept: float
    start: int = 0
    summary: float = 0.0
    listed: frozenset[str] = frozenset()
    made: tuple[Made, ...] = ()
    folded: bool = False
    cached: bool = True
    cleared: range = range(0)


@dataclass(slots=True)
class Bill:
    """The sum over a trace: tokens by class, USD, and what happened.

    Attributes:
        read: tokens read from the cache.
        write: tokens written to it.
        uncached: prompt tokens neither read nor written.
        output: generated tokens, as recorded.
        summary_in: prompt tokens of summary calls.
        summary_out: tokens of the summaries that were made.
        prompts: USD of the prompts.
        summaries: USD of the summary calls.
        answers: USD of the output.
        folds: planned changes.
        breaks: calls whose prompt did not begin with the whole previous one.
        largest: tokens of the largest prompt.
        in_window: average tokens of summaries sent.
        known: the model's price is known; False: costs are in units of its base input price.
    """

    read: float = 0.0
    write: float = 0.0
    uncached: float = 0.0
    output: int = 0
    summary_in: float = 0.0
    summary_out: float = 0.0
    prompts: float = 0.0
    summaries: float = 0.0
    answers: float = 0.0
    folds: int = 0
    breaks: int = 0
    largest: float = 0.0
    in_window: float = 0.0
    known: bool = True
    per_call: list[float] = field(default_factory=list)

    @property
    def input_cost(self) -> float:
        """USD of everything but the answers, which every policy pays alike."""
        return self.prompts + self.summaries

    @property
    def cost(self) -> float:
        """USD of all of it."""
        return self.prompts + self.summaries + self.answers


def warm(found: Trace, at: int, ttl: Ttl) -> bool:
    """Whether the cache of the call before is alive at a call."""
    if at == 0:
        return False
    return idle(found, at) < TTL_SECONDS[ttl]


def idle(found: Trace, at: int) -> float:
    """Seconds between the starts of a call and the one before it; 0 where the file has no times."""
    now, before = found.steps[at].at, found.steps[at - 1].at if at else None
    return max(now - before, 0.0) if now is not None and before is not None else 0.0


def bill(found: Trace, moves: Iterable[Move], ttl: Ttl) -> Bill:
    """Bill what a policy sends over a trace, call by call."""
    total = Bill()
    row = facts.model(found.model)
    least = row.min_prefix if row else 0
    before = 0.0
    for at, move in enumerate(moves):
        step = found.steps[at]
        price = rates(found.model, ttl, prompt=move.prompt)
        hit = min(move.kept, before) if move.cached and warm(found, at, ttl) else 0.0
        read = hit if hit >= least else 0.0
        written = move.prompt - read if move.cached and move.prompt >= least else 0.0
        rest = move.prompt - read - written
        total.per_call.append(read * price.read + written * price.write + rest * price.input)
        total.prompts += total.per_call[-1]
        total.answers += step.output * price.output
        total.read, total.write, total.uncached = total.read + read, total.write + written, total.uncached + rest
        total.output += step.output
        _summaries(total, move)
        total.breaks += at > 0 and move.kept < before - 0.5  # half a token: sizes are sums of fractions
        total.largest = max(total.largest, move.prompt)
        total.in_window += move.summary / len(found.steps)
        total.known = total.known and price.known
        before = move.prompt
    return total


def _summaries(total: Bill, move: Move) -> None:
    total.folds += move.folded
    for made in move.made:
        total.summary_in += made.tokens_in
        total.summary_out += made.tokens_out
        total.summaries += made.cost
