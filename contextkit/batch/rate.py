"""The API's rate limits as buckets, filled by what its answers say: when may the next request start?

Law: deciding only; the time is given. Limits are those of the headers `anthropic-ratelimit-{requests,input-tokens,
output-tokens}-{limit,remaining,reset}` and `retry-after` (rate-limits page); before the first answer nothing is known
and nothing is held back. A bucket fills evenly, its limit a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Rate", "retry_after"]

_KINDS: Final = ("requests", "input-tokens", "output-tokens")
_MINUTE: Final = 60.0
_MOST: Final = 3_600.0  # of a wait that a header asks for, seconds


@dataclass(slots=True)
class _Bucket:
    limit: float
    level: float
    at: float

    def now(self, now: float) -> float:
        """What is in it."""
        return min(self.limit, self.level + max(0.0, now - self.at) * self.limit / _MINUTE)


@dataclass(slots=True)
class Rate:
    """What may be started when.

    Attributes:
        resumes: Unix seconds before which nothing starts: a `retry-after`.
    """

    resumes: float = 0.0
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _under_way: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0.0))

    def delay(self, now: float, need: tuple[float, float, float]) -> float:
        """Seconds until a request of so many (requests, input tokens, output tokens) may start; 0 for now.

        One that needs more than a whole bucket starts when that is full.
        """
        longest = max(0.0, self.resumes - now)
        for kind, amount in zip(_KINDS, need, strict=True):
            bucket = self._buckets.get(kind)
            if bucket is None:
                continue
            lacking = min(amount, bucket.limit) - bucket.now(now)
            if lacking > 0:
                longest = max(longest, lacking * _MINUTE / bucket.limit)
        return longest

    def begin(self, now: float, need: tuple[float, float, float]) -> None:
        """A request starts: it is taken off."""
        for kind, amount in zip(_KINDS, need, strict=True):
            self._under_way[kind] += amount
            bucket = self._buckets.get(kind)
            if bucket is not None:
                bucket.level, bucket.at = bucket.now(now) - amount, now

    def end(self, now: float, need: tuple[float, float, float], headers: Mapping[str, str]) -> None:
        """A request is over: its answer says what is left, of which the others under way have not been taken yet."""
        for kind, amount in zip(_KINDS, need, strict=True):
            self._under_way[kind] = max(0.0, self._under_way[kind] - amount)
            limit = _number(headers.get(f"anthropic-ratelimit-{kind}-limit"))
            left = _number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
            if limit and left is not None:
                level = left - self._under_way[kind]
                reset = _time(headers.get(f"anthropic-ratelimit-{kind}-reset"))
                if left <= 0 and reset is not None and now < reset < now + _MOST:
                    level = min(level, -(reset - now) * limit / _MINUTE)  # empty until then
                self._buckets[kind] = _Bucket(limit, level, now)

    def hold(self, until: float) -> None:
        """Start nothing before."""
        self.resumes = max(self.resumes, until)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait; None where it does not say."""
    seconds = _number(headers.get("retry-after"))
    return None if seconds is None else min(max(seconds, 0.0), _MOST)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _time(text: str | None) -> float | None:
    try:
        return None if not text else datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
