"""Does a fold pay: the prices of a conversation against what the fold costs now and saves at every later call.

Law: arithmetic on sizes and prices, nothing else; time is an argument. Costs are USD; for a model without a known
price they are in units of its base input price, and `Rates.known` says so.

A fold is a lot-sizing decision. Holding cost: every call reads the old tokens again. Set-up cost: the summary call,
and writing the summary and the kept tail where they would have been read. See docs/compaction.md.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from contextkit.api import facts
from contextkit.api.usage import Price, UnknownPriceWarning, price

if TYPE_CHECKING:
    from contextkit.api.facts import Ttl

__all__ = ["Rates", "Sizes", "SummaryCall", "Worth", "rates", "summary_call", "worth"]

OWN: Final = "own"
"""The conversation's own model, as a fork on its warm prefix."""

NO_MODEL: Final = "extractive"

_FRAME: Final = 400
"""Tokens of the instructions around a range, in a fresh call or at the end of a fork (compact/summary.py)."""

_LONGEST: Final = 100_000
"""A fresh call's transcript is cut so that the prompt stays below Haiku 5.5's price step (compact/summary.py)."""

_DENSER: Final = 1.3
"""A text has about 30 % more tokens with the tokenizer of Opus 4.7 and later (models page)."""

_UNITS: Final = Price("", 1.0, 0.1, 1.25, 2.0, 5.0, note="units of the base input price")
_SIDE_UNITS: Final = 1 / 3  # a cheap model beside a main model whose price is not known


class Sizes(NamedTuple):
    """Tokens of the next prompt, by what a fold does with them.

    Attributes:
        front: stays as it is and was sent before: tools, system, older summaries and what stands between them.
        folded: the range that a summary would stand for.
        tail: what is written again when the range is folded.
        new: the part of the tail that no request has held yet; it is written in any case.
        summary: the summary that is expected.
        names: the list of identifiers that stands now, and goes with a fold.
        listed: the list that is written in its place.
    """

    front: float
    folded: float
    tail: float
    new: float
    summary: float
    names: float = 0.0
    listed: float = 0.0

    @property
    def total(self) -> float:
        """The prompt without a fold."""
        return self.front + self.folded + self.names + self.tail

    @property
    def after(self) -> float:
        """The prompt with the fold."""
        return self.front + self.summary + self.listed + self.tail


class Rates(NamedTuple):
    """Prices of a token of the conversation's own calls.

    Attributes:
        input: neither read nor written.
        read: read from the cache.
        write: written, at the conversation's lifetime.
        output: generated.
        known: USD; False: units of the base input price, since the model's price is not known.
    """

    input: float
    read: float
    write: float
    output: float
    known: bool = True


class SummaryCall(NamedTuple):
    """Who would write the summary, and for how much.

    Attributes:
        maker: a model id, "own" for a fork of the conversation, or "extractive".
        cost: of the call.
    """

    maker: str
    cost: float


class Worth(NamedTuple):
    """What a fold costs and saves.

    Attributes:
        now: how much more this call costs with the fold, the summary call included; below 0 when it pays at once.
        saving: how much less every later call costs.
        call: the summary call that was reckoned with.
    """

    now: float
    saving: float
    call: SummaryCall

    @property
    def payback(self) -> float:
        """Calls until the fold has paid for itself; infinity when it never does."""
        if self.now <= 0:
            return 0.0
        return self.now / self.saving if self.saving > 0 else inf


def rates(model: str, ttl: Ttl, *, prompt: float, at: float | None = None) -> Rates:
    """The prices of a call of `model` whose whole prompt is so long, on the day of `at` (Unix seconds)."""
    # Time only matters by the day, and a price only by its steps: rounding keeps the cache small.
    return _rates(model, ttl, int(prompt // 1_000), None if at is None else int(at // 86_400))


@lru_cache(maxsize=4096)
def _rates(model: str, ttl: Ttl, thousands: int, day: int | None) -> Rates:
    found = _listed(model, thousands, day)
    used = found or _UNITS
    write = used.write_1h if ttl == "1h" else used.write_5m
    return Rates(used.input, used.read, write, used.output, found is not None)


def _price(model: str, prompt: float, at: float | None) -> Price | None:
    """A known price, or None without a warning: whoever bills the call warns."""
    return _listed(model, int(prompt // 1_000), None if at is None else int(at // 86_400))


@lru_cache(maxsize=4096)
def _listed(model: str, thousands: int, day: int | None) -> Price | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        return price(model, prompt=thousands * 1_000 + 1, at=None if day is None else day * 86_400.0)


def summary_call(
    sizes: Sizes, summarizer: str, *, model: str, ttl: Ttl, warm: bool, at: float | None = None
) -> SummaryCall:
    """The summary call by `summarizer`.

    Args:
        sizes: of the fold.
        summarizer: a model or its short name (a fresh call that reads the range uncached), "own" (a fork of the
            conversation: reads its whole prompt from the cache while that is warm), "auto" (the cheaper of "own"
            and Haiku), or "extractive" (no model). Anything else without a price counts as free.
        model: the conversation's own model.
        ttl: of the conversation's cache entries.
        warm: whether its prefix is in the cache.
        at: Unix seconds, for prices that changed.
    """
    if summarizer == NO_MODEL:
        return SummaryCall(NO_MODEL, 0.0)
    if summarizer == OWN:
        return SummaryCall(OWN, _fork(sizes, rates(model, ttl, prompt=sizes.total, at=at), warm=warm))
    if summarizer == "auto":
        makers = [summary_call(sizes, who, model=model, ttl=ttl, warm=warm, at=at) for who in ("haiku", OWN)]
        return min(makers, key=lambda made: made.cost)
    maker = facts.resolve(summarizer)
    return SummaryCall(maker, _fresh(sizes, maker, model, at))


def _fork(sizes: Sizes, own: Rates, *, warm: bool) -> float:
    """Everything that was sent is read again, the instruction is new; the answer at the own output price."""
    # The fork ends where the last request's cache entry ends, so that it reads all of it and writes nothing.
    return (
        (sizes.total - sizes.new) * (own.read if warm else own.input) + _FRAME * own.input + sizes.summary * own.output
    )


def _fresh(sizes: Sizes, maker: str, model: str, at: float | None) -> float:
    """The range uncached at the maker's input price, counted by the maker's tokenizer."""
    denser = _tokenizer(maker) == "2026" and _tokenizer(model) == "classic"
    prompt = min(sizes.folded * (_DENSER if denser else 1.0), _LONGEST - _FRAME) + _FRAME
    side, own = _price(maker, prompt - 1, at), _price(model, sizes.total, at)
    if side is not None and own is not None:
        return prompt * side.input + sizes.summary * side.output
    return (prompt * _UNITS.input + sizes.summary * _UNITS.output) * _SIDE_UNITS if own is None else 0.0


def _tokenizer(model: str) -> str:
    row = facts.model(model)
    return row.tokenizer if row else "2026"


def worth(sizes: Sizes, call: SummaryCall, *, model: str, ttl: Ttl, warm: bool, at: float | None = None) -> Worth:
    """The fold against leaving the history as it is.

    Warm, the prompt without a fold reads all but what is new; with it, only the front, and the summary and the
    tail are written. Cold, either is written whole, so that the fold saves at once. A price step that the prompt
    falls below (Haiku 5.5 at 100,000) is part of the saving.
    """
    before = rates(model, ttl, prompt=sizes.total, at=at)
    after = rates(model, ttl, prompt=sizes.after, at=at)
    if warm:
        stay = (sizes.total - sizes.new) * before.read + sizes.new * before.write
        fold = sizes.front * after.read + (sizes.after - sizes.front) * after.write
    else:
        stay, fold = sizes.total * before.write, sizes.after * after.write
    return Worth(call.cost + fold - stay, sizes.total * before.read - sizes.after * after.read, call)
