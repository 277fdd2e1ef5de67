"""What it would cost to go on with another model in the middle of a conversation, and whether that pays.

Law: numbers in, a verdict out. Caches are per model, so a switch writes the whole prompt again (prompt-caching page);
it pays when the calls that are left save more than that. While the cache is cold the prompt is written either way.
Thinking of one model is not read by another, or not on every platform (preserved-thinking page): it is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.api import facts
from contextkit.api.usage import price

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.api.usage import Price

__all__ = ["Switch", "Thread", "switch", "thread_of"]

_NEWER: Final = 1.3  # tokens of the 2026 tokenizer for one of the classic one, about (models overview)
_HORIZON: Final = 1_000  # calls that are looked ahead at most
_RECENT: Final = 20  # calls from which growth and output are taken


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation in figures.

    Attributes:
        model: the model it is with.
        prompt: tokens of the next prompt.
        growth: tokens that a call adds to it.
        output: tokens that a call generates.
        calls: calls so far.
        cold: the cache has run out.
        open_calls: tool calls wait for their results.
        thinking: tokens of thinking in the prompt, which another model does not get.
        ttl: lifetime of what is written.
    """

    model: str
    prompt: float
    growth: float = 0.0
    output: float = 0.0
    calls: int = 0
    cold: bool = False
    open_calls: bool = False
    thinking: float = 0.0
    ttl: facts.Ttl = "5m"


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether to go on with another model. Figures rest on estimated token counts.

    Attributes:
        verdict: "switch" pays; "defer" would pay at a better moment, which the reason names; "refuse" does not.
        reason: in words.
        cost_now: USD that the next call costs more by switching; below 0 it costs less. None without a known price.
        saving_per_call: USD that each call after it costs less, on average over those expected; None as above.
        payback_calls: after so many calls the switch has paid for itself; None: not within the calls expected.
        calls: how many more calls were reckoned with.
    """

    verdict: Literal["switch", "defer", "refuse"]
    reason: str
    cost_now: float | None = None
    saving_per_call: float | None = None
    payback_calls: int | None = None
    calls: int = 0


def thread_of(rows: Iterable[Any], *, model: str, now: float, open_calls: bool = False) -> Thread:
    """A conversation in figures, from its ledger's rows; those of other purposes than turns do not count.

    Args:
        rows: rows of a Ledger, oldest first.
        model: the model that the conversation is with.
        now: Unix seconds, for whether the cache is cold.
        open_calls: tool calls wait for their results.
    """
    turns = [row for row in rows if row.purpose == "turn" and row.usage.prompt]
    if not turns:
        return Thread(model, 0.0, open_calls=open_calls, cold=True)
    recent = turns[-_RECENT:]
    grown = [max(later.usage.prompt - sooner.usage.prompt, 0) for sooner, later in pairwise(recent)]
    last = recent[-1]
    output = sum(row.usage.output for row in recent) / len(recent)
    growth = sum(grown) / len(grown) if grown else output
    ttl: facts.Ttl = "1h" if any(row.usage.write_1h for row in recent) else "5m"
    cold = now - last.at >= facts.TTL_SECONDS[ttl]
    return Thread(model, last.usage.prompt + growth, growth, output, len(turns), cold, open_calls, ttl=ttl)


def switch(thread: Thread, target: str, *, remaining: int | None = None, at: float | None = None) -> Switch:
    """Whether a conversation should go on with another model.

    Args:
        thread: the conversation in figures.
        target: the other model, id or short name.
        remaining: calls expected from now on; None for as many again as there were.
        at: Unix seconds, for prices that changed; None takes the newest.
    """
    target = facts.resolve(target)
    calls = min(max(thread.calls if remaining is None else remaining, 1), _HORIZON)
    if _same(thread.model, target):
        return Switch("refuse", f"the conversation is with {target} already", calls=calls)
    row = facts.model(target)
    ratio = _ratio(thread.model, target)
    moved = (thread.prompt - thread.thinking) * ratio
    if row is not None and moved + thread.growth * ratio > row.window:
        return Switch("refuse", f"about {moved:,.0f} tokens do not fit the window of {target}", calls=calls)
    stay = _costs(thread.model, thread.prompt, thread, 1.0, calls, at)
    go = _costs(target, moved, thread, ratio, calls, at)
    if stay is None or go is None:
        unknown = thread.model if stay is None else target
        return Switch("refuse", f"no price is known for {unknown}", calls=calls)
    return _decided(thread, target, stay, go)


def _decided(thread: Thread, target: str, stay: _Costs, go: _Costs) -> Switch:
    """The verdict for the costs of both ways."""
    calls = len(stay.warm)
    cost_now = go.cold - (stay.cold if thread.cold else stay.warm[0])
    savings = [here - there for here, there in zip(stay.warm[1:], go.warm[1:], strict=True)]
    saving = sum(savings) / len(savings) if savings else 0.0
    figures = (cost_now, saving, _payback(cost_now, savings), calls)
    left = sum(savings)
    if left < cost_now and left < go.cold - stay.cold:
        then = f"saves {saving:.4f} USD" if saving > 0 else f"costs {-saving:.4f} USD more"
        more = f"a switch costs {cost_now:.4f} USD now, {target} then {then} a call, and {calls} calls are expected"
        return Switch("refuse", more, *figures)
    if left < cost_now:
        return Switch(
            "defer", f"the cache is warm: writing the prompt for {target} now costs {cost_now:.4f} USD more than the"
            f" {left:.4f} USD that {calls} calls save; switch when the cache has run out", *figures
        )  # fmt: skip
    if thread.open_calls:
        return Switch("defer", "tool calls are open: switch when the turn is over", *figures)
    return Switch("switch", f"{calls} calls save {left:.4f} USD for {cost_now:.4f} USD now", *figures)


@dataclass(frozen=True, slots=True)
class _Costs:
    """USD of the calls to come.

    Attributes:
        cold: of the next call, when nothing is in the cache.
        warm: of each call, the next one first, when the one before it wrote all but what is new.
    """

    cold: float
    warm: list[float]


def _costs(model: str, prompt: float, thread: Thread, ratio: float, calls: int, at: float | None) -> _Costs | None:
    growth, output = thread.growth * ratio, thread.output * ratio
    sizes = [prompt + growth * k for k in range(calls)]
    prices = [price(model, prompt=round(size), at=at) for size in sizes]
    known = [found for found in prices if found is not None]
    if len(known) < len(sizes):
        return None
    warm = [
        max(size - growth, 0.0) * found.read + min(growth, size) * _write(found, thread) + output * found.output
        for size, found in zip(sizes, known, strict=True)
    ]
    return _Costs(prompt * _write(known[0], thread) + output * known[0].output, warm)


def _write(found: Price, thread: Thread) -> float:
    return found.write_1h if thread.ttl == "1h" else found.write_5m


def _payback(cost_now: float, savings: list[float]) -> int | None:
    """The call after which the sum of savings covers the cost; 0 when there is none to cover."""
    left = cost_now
    for count, saving in enumerate(savings, 1):
        if left <= 0:
            return count - 1
        left -= saving
    return len(savings) if left <= 0 else None


def _same(one: str, other: str) -> bool:
    first, second = facts.model(one), facts.model(other)
    return first is second if first is not None and second is not None else facts.resolve(one) == other


def _ratio(model: str, target: str) -> float:
    """Tokens of the target's tokenizer for one of the model's; 1 where one of them is not known."""
    rows = facts.model(model), facts.model(target)
    if rows[0] is None or rows[1] is None or rows[0].tokenizer == rows[1].tokenizer:
        return 1.0
    return _NEWER if rows[1].tokenizer == "2026" else 1 / _NEWER
