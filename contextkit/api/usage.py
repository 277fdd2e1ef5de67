"""Token usage as numbers, and its price.

Law: billed numbers come from `usage`, prices from genai-prices with a dated overlay; what is unknown is None and
said once, never 0. The overlay adds what that package lacks (batch, fast mode, US-only inference: pricing page)
and corrects what it has wrong.
"""

from __future__ import annotations

import warnings
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from contextkit.api.facts import WRITE_MULTIPLIER, model, resolve

__all__ = ["Price", "UnknownPriceWarning", "Usage", "cost", "price", "uncached_cost"]


class UnknownPriceWarning(UserWarning):
    """A model has no known price; its cost is None. Warned once a model."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The five token classes of one call, all disjoint.

    Attributes:
        input: prompt tokens that were neither read from nor written to the cache.
        read: prompt tokens read from the cache.
        write_5m: prompt tokens written with five minutes' lifetime.
        write_1h: prompt tokens written with one hour's lifetime.
        output: generated tokens, thinking included.
    """

    input: int = 0
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """The whole prompt: input, read and written."""
        return self.input + self.read + self.write_5m + self.write_1h

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.read + other.read,
            self.write_5m + other.write_5m,
            self.write_1h + other.write_1h,
            self.output + other.output,
        )

    @classmethod
    def of(cls, usage: Any) -> Usage:
        """From a response's `usage`, SDK object or dict. Missing parts count as 0 tokens.

        Writes without a breakdown by lifetime count as five-minute writes, the API's default. Passes that are
        listed in `iterations` and not in the top-level sums (compaction) are added.
        """
        if usage is None:
            return cls()
        got = _fields(usage)
        hour = five = 0
        written = _int(got.get("cache_creation_input_tokens"))
        if (split := got.get("cache_creation")) is not None:
            split = _fields(split)
            hour, five = _int(split.get("ephemeral_1h_input_tokens")), _int(split.get("ephemeral_5m_input_tokens"))
        total = cls(
            _int(got.get("input_tokens")),
            _int(got.get("cache_read_input_tokens")),
            max(five, written - hour),
            hour,
            _int(got.get("output_tokens")),
        )
        passes = got.get("iterations")
        if not passes:
            return total
        return sum((cls.of(step) for step in passes if _fields(step).get("type") == "compaction"), total)


def _fields(value: Any) -> Mapping[str, Any]:
    if type(value) is dict or isinstance(value, Mapping):
        return value
    # Fields that the SDK's type does not name yet (`iterations` outside the beta) stand in `model_extra`.
    return {**vars(value), **(getattr(value, "model_extra", None) or {})} if hasattr(value, "__dict__") else {}


def _int(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


@dataclass(frozen=True, slots=True)
class Price:
    """USD per token for one call.

    Attributes:
        model: the id the price is for.
        input: base input price.
        read: cache read.
        write_5m: cache write, five minutes.
        write_1h: cache write, one hour.
        output: output.
        note: what was applied: a tier, a correction, batch, fast mode, region.
    """

    model: str
    input: float
    read: float
    write_5m: float
    write_1h: float
    output: float
    note: str = ""

    def of(self, usage: Usage) -> float:
        """USD for `usage`."""
        return (
            usage.input * self.input
            + usage.read * self.read
            + usage.write_5m * self.write_5m
            + usage.write_1h * self.write_1h
            + usage.output * self.output
        )

    def times(self, factor: float, note: str) -> Price:
        """The same price with every class multiplied."""
        return Price(
            self.model,
            self.input * factor,
            self.read * factor,
            self.write_5m * factor,
            self.write_1h * factor,
            self.output * factor,
            note=", ".join(filter(None, (self.note, note))),
        )


_BATCH: Final = 0.5  # every token class (pricing page, 2026-10)
_US_ONLY: Final = 1.1  # inference_geo "us", 4.6 generation and later (pricing page, 2026-10)
_FAST: Final[dict[str, tuple[float, float]]] = {
    # USD per million tokens in and out (pricing page 2026-10; 5.2 by genai-prices' sources only)
    "claude-fable-5-2": (16, 80),
    "claude-mythos-5-2": (16, 80),
    "claude-opus-5-5": (8, 40),
    "claude-opus-5": (10, 50),
    "claude-opus-4-8": (10, 50),
}
# Rows that genai-prices 0.2.3 lacks; USD per million tokens: in, out, read (pricing page, 2026-10).
_MISSING: Final[dict[str, tuple[float, float, float]]] = {
    "claude-mythos-5": (10, 50, 1.0),
    "claude-mythos-5-1": (10, 50, 0.25),
}
_STEPS: Final = (100_000, 200_000)  # prompt sizes above which some model's whole request costs more, today or once
_SONNET_5_5_CUT: Final = date(2026, 10, 7)  # its cache read fell from 0.1x to 0.05x; genai-prices has only the new one


def price(
    name: str,
    *,
    prompt: int = 0,
    at: float | None = None,
    batch: bool = False,
    speed: str | None = None,
    geo: str | None = None,
) -> Price | None:
    """The price of one call.

    Args:
        name: the model, in any platform's spelling.
        prompt: tokens of the whole prompt, cached or not: Haiku 5.5 has a step at 100,000.
        at: Unix time of the call, for prices that changed; None takes the newest.
        batch: Message Batches cost half.
        speed: "fast" for fast mode.
        geo: "us" for US-only inference.

    Returns:
        None, after one `UnknownPriceWarning` a model, when the price is not known.
    """
    day = None if at is None else _day(int(at // 86_400))
    found = _listed(resolve(name), bisect_left(_STEPS, prompt), day)
    if found is None:
        _warn_unknown(name)
        return None
    if speed == "fast":
        found = _fast(found)
    if found and geo == "us":
        found = found.times(_US_ONLY, "US-only x1.1")
    return found.times(_BATCH, "batch x0.5") if found and batch else found


def cost(name: str, usage: Usage, *, at: float | None = None, **options: Any) -> float | None:
    """USD of a call, or None when the model's price is not known. Options as for `price`."""
    found = price(name, prompt=usage.prompt, at=at, **options)
    return None if found is None else found.of(usage)


def uncached_cost(name: str, usage: Usage, *, at: float | None = None, **options: Any) -> float | None:
    """USD of the same call if no prompt cache existed: the whole prompt at the base input price."""
    return cost(name, Usage(input=usage.prompt, output=usage.output), at=at, **options)


@lru_cache(maxsize=64)
def _day(number: int) -> date:
    """The UTC date of a day since 1970, kept to what a calendar holds."""
    return date(1970, 1, 1) + timedelta(days=max(0, min(number, 2_900_000)))


def _fast(normal: Price) -> Price | None:
    row = model(normal.model)
    pair = _FAST.get(row.id) if row else None
    if pair is None:
        _warn_unknown(f"{normal.model} in fast mode")
        return None
    base = pair[0] / 1e6
    factor = base / normal.input  # cache multipliers apply to the fast base price (pricing page)
    faster = normal.times(factor, "fast mode")
    return Price(
        normal.model, base, faster.read, faster.write_5m, faster.write_1h, pair[1] / 1e6, note=faster.note
    )  # fmt: skip


@lru_cache(maxsize=256)
def _warn_unknown(name: str) -> None:
    warnings.warn(
        f"no price is known for {name!r}: its cost is None in the ledger. Tokens are counted as billed.",
        UnknownPriceWarning,
        stacklevel=4,
    )


@lru_cache(maxsize=1024)
def _listed(name: str, steps: int, day: date | None) -> Price | None:
    """The standard price by genai-prices, corrected; None for an unknown model."""
    row = model(name)
    base = row.id if row else name
    if base in _MISSING:
        into, out, read = (usd / 1e6 for usd in _MISSING[base])
        return Price(
            name, into, read, into * WRITE_MULTIPLIER["5m"], into * WRITE_MULTIPLIER["1h"], out, note="pricing page"
        )
    rates = _rates(base, _STEPS[steps - 1] + 1 if steps else 1, day)
    if rates is None:
        return None
    into, read, five, hour, out = rates
    note = "prompt over 100,000" if steps and base == "claude-haiku-5-5" else ""
    if base == "claude-sonnet-5-5" and day is not None and day < _SONNET_5_5_CUT:
        read, note = into * 0.1, "read price before 2026-10-07"
    return Price(name, into, read, five, hour, out, note=note)


def _rates(name: str, prompt: int, day: date | None) -> tuple[float, float, float, float, float] | None:
    """Input, read, 5m write, 1h write and output in USD a token, for a prompt of that size on that day."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  (0.2 s to import)

    when = datetime(9999, 1, 1, tzinfo=UTC) if day is None else datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    try:
        _, info = get_snapshot().find_provider_model(name, None, "anthropic", None)
    except LookupError:
        return None
    listed = info.get_prices(when)
    into, out = (_tiered(getattr(listed, key, None), prompt) for key in ("input_mtok", "output_mtok"))
    if into is None or out is None:
        return None
    read = _tiered(getattr(listed, "cache_read_mtok", None), prompt)
    five = _tiered(getattr(listed, "cache_write_mtok", None), prompt)
    hour = _tiered(getattr(listed, "cache_write_1h_mtok", None), prompt)
    return (
        into,
        into * 0.1 if read is None else read,
        into * WRITE_MULTIPLIER["5m"] if five is None else five,
        into * WRITE_MULTIPLIER["1h"] if hour is None else hour,
        out,
    )


def _tiered(listed: Any, prompt: int) -> float | None:
    """USD a token from a Decimal per million or a base with tiers; a tier prices the whole request."""
    if listed is None:
        return None
    usd = getattr(listed, "base", listed)
    for tier in getattr(listed, "tiers", ()):
        if prompt > tier.start:
            usd = tier.price
    return float(usd) / 1e6
