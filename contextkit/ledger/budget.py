"""A budget in USD, tokens or calls, and whether the next call still fits: arithmetic on what is given.

Law: nothing here remembers, asks or warns. A call is judged before it is made, by the most that it is expected to
cost: its prompt, and `max_tokens` of answer. A price that is not known is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from contextkit.api.usage import price
from contextkit.errors import BudgetError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.api.facts import Ttl

__all__ = ["Budget", "BudgetWarning", "Expected", "SpendingError", "Spent", "Verdict", "expected"]

_UNITS: Final = ("usd", "tokens", "calls")
_ROUNDING: Final = 1e-9  # of sums of floats: ten calls of 0.1 USD fill a budget of 1 and do not pass it


class SpendingError(BudgetError):
    """The next call could pass a budget; it was not made."""


class BudgetWarning(UserWarning):
    """A share of a budget is spent; or a limit in USD cannot be kept, because a model's price is not known."""


class Spent(NamedTuple):
    """What was billed so far.

    Attributes:
        usd: USD of the calls whose price is known.
        tokens: of all prompts and answers, cached or not.
        calls: how many.
        unpriced: calls whose price is not known; they are not in `usd`.
    """

    usd: float = 0.0
    tokens: int = 0
    calls: int = 0
    unpriced: int = 0


class Expected(NamedTuple):
    """The most that a call is expected to cost.

    Attributes:
        usd: None where the model's price is not known.
        tokens: of prompt and answer.
        calls: 1, or of how many calls this is the sum.
        unread: USD if nothing at all is read from the cache; None as `usd`.
    """

    usd: float | None
    tokens: int
    calls: int = 1
    unread: float | None = None


class Verdict(NamedTuple):
    """What a budget says to a call.

    Attributes:
        verdict: "go", "warn" (it fits, but a share is spent) or "stop".
        reason: in words; "" where there is nothing to say.
        unit: which limit: usd, tokens or calls; "" for none.
        share: of that limit that would be spent after the call; of the fullest limit where it goes.
    """

    verdict: Literal["go", "warn", "stop"]
    reason: str = ""
    unit: str = ""
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits; None for none.

    Args:
        usd: US dollars.
        tokens: all prompts and answers together, as billed: a token that is read from the cache counts as one.
        calls: answered calls, summaries and retries that were billed among them.
        warn_at: share of a limit, above 0 and up to 1, from which a warning is given, once.
        strict: reckon the next call as if nothing were read from the cache, and stop where `usd` is set and the price
            is not known. Without it, such calls are made, said once, and counted as unpriced.
        on_warn: called with the `Verdict` instead of a `BudgetWarning`.

    Raises:
        ConfigError: no limit, one that is not above 0, or a part of a token or a call.
    """

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None
    warn_at: float = 0.8
    strict: bool = False
    on_warn: Callable[[Verdict], Any] | None = None

    def __post_init__(self) -> None:
        limits = {unit: getattr(self, unit) for unit in _UNITS if getattr(self, unit) is not None}
        if not limits:
            raise ConfigError("a budget without a limit", where="Budget", fix="Give usd, tokens or calls.")
        for unit, limit in limits.items():
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not isfinite(limit) or limit <= 0:
                raise ConfigError(f"{unit} is {limit!r}", where=f"Budget({unit}=)", fix="Give a number above 0.")
            if unit != "usd" and limit != int(limit):
                raise ConfigError(f"{unit} is {limit!r}", where=f"Budget({unit}=)", fix="Give a whole number.")
        if not isinstance(self.warn_at, int | float) or not 0 < self.warn_at <= 1:
            raise ConfigError(
                f"warn_at is {self.warn_at!r}", where="Budget(warn_at=)", fix="Give a share: above 0 and up to 1."
            )

    def check(self, spent: Spent, call: Expected) -> Verdict:
        """Whether a call still fits after what was spent. "warn" comes from a share on, every time it is asked."""
        usd = call.unread if self.strict else call.usd
        if self.usd is not None and usd is None and self.strict:
            return Verdict("stop", "the model's price is not known, and the budget in USD is strict", "usd", 1.0)
        found = Verdict("go")
        for unit, had, more in (
            ("usd", spent.usd, usd or 0.0),
            ("tokens", spent.tokens, call.tokens),
            ("calls", spent.calls, call.calls),
        ):
            limit = getattr(self, unit)
            if limit is None:
                continue
            share = (had + more) / limit
            if share > 1 + _ROUNDING:
                return Verdict("stop", _passed(unit, had, more, limit), unit, share)
            if had >= self.warn_at * limit * (1 - _ROUNDING) and found.verdict == "go":
                found = Verdict("warn", f"{_said(unit, had)} of {_said(unit, limit)} are spent", unit, share)
            elif found.verdict == "go" and share > found.share:
                found = Verdict("go", "", unit, share)
        return found


def _passed(unit: str, had: float, more: float, limit: float) -> str:
    return (
        f"the next call could pass the budget of {_said(unit, limit)}: {_said(unit, had)} are spent,"
        f" and it may need {_said(unit, more)}"
    )


def _said(unit: str, amount: float) -> str:
    return f"{amount:.4f} USD" if unit == "usd" else f"{amount:,} {unit}"


def expected(
    model: str,
    *,
    prompt: int,
    output: int,
    read: int = 0,
    ttl: Ttl = "5m",
    cached: bool = True,
    **options: Any,
) -> Expected:
    """The most that a call is expected to cost.

    Args:
        model: its id or short name.
        prompt: tokens of the whole prompt.
        output: `max_tokens`.
        read: tokens of the prompt that should be read from the cache; a miss costs more than is reckoned here.
        ttl: lifetime of what it writes.
        cached: False: nothing is marked, so the prompt is billed at the base price.
        **options: as for `api.usage.price`: at, batch, speed, geo.
    """
    found = price(model, prompt=prompt, **options)
    tokens = prompt + output
    if found is None:
        return Expected(None, tokens)
    fresh = found.input if not cached else found.write_1h if ttl == "1h" else found.write_5m
    read = min(max(read, 0), prompt)
    answer = output * found.output
    return Expected(
        read * found.read + (prompt - read) * fresh + answer, tokens, 1, prompt * max(fresh, found.input) + answer
    )
