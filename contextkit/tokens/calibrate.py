"""What billed usage teaches: the last billed total is exact, only what came after it is an estimate.

The law: constant time and space a call, no clock, no I/O; `total` never lies below zero, and after a compaction
(the running sum fell) the anchor still holds: what was taken away is scaled as what is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from contextkit.tokens import coefficients
from contextkit.tokens.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api import facts

__all__ = ["Calibration"]

_PRIOR: Final = 3_000.0
"""Tokens of growth that the fitted coefficients are worth against what this conversation shows."""

_MEMORY: Final = 0.97
"""What an observation keeps of its weight at the next one: the last thirty or so count."""

_CLIP: Final = 1.6
"""A single growth beyond this ratio says that something hidden was added, not that the text is odd."""


@dataclass(slots=True)
class Calibration:
    """State of one conversation's correction; JSON in and out.

    Attributes:
        family: the tokenizer, for the band before the first observation.
        anchor: billed tokens of the last prompt; None before the first.
        at: the running estimate of that prompt.
        billed: weighted sum of billed growth; estimated: of estimated growth.
        error: running mean of the absolute error a growth, relative to the estimate.
    """

    family: facts.Family = "classic"
    anchor: int | None = None
    at: float = 0.0
    billed: float = 0.0
    estimated: float = 0.0
    error: float = 0.0
    seen: int = 0

    @property
    def scale(self) -> float:
        """Billed tokens an estimated token, of this conversation's growth; 1 before any."""
        return (self.billed + _PRIOR) / (self.estimated + _PRIOR)

    def observe(self, estimated: float, billed: int) -> None:
        """Take in one response's usage.

        Args:
            estimated: the raw running sum (`prompt_tokens`) of the prompt that was sent.
            billed: input + cache_read + cache_creation tokens of its usage.
        """
        if billed <= 0 or not math.isfinite(estimated):
            return
        if self.anchor is not None:
            grown, paid = estimated - self.at, billed - self.anchor
            if grown > 0 and paid > 0:  # else the prompt was cut: a new anchor, nothing to learn
                guess = grown * self.scale
                kept = min(max(paid, grown / _CLIP), grown * _CLIP)
                self.billed = self.billed * _MEMORY + kept
                self.estimated = self.estimated * _MEMORY + grown
                miss = min(abs(paid - guess) / max(guess, 1.0), 1.0)
                self.seen += 1
                self.error += (miss - self.error) / min(self.seen, 30)
        self.anchor, self.at = billed, estimated

    def best(self, estimated: float) -> int:
        """As `total`, the guess alone: what planning looks at, many times."""
        if self.anchor is None:
            return round(estimated)
        return round(max(0.0, self.anchor + self._grown(estimated, self.anchor)))

    def _grown(self, estimated: float, anchor: float) -> float:
        """Tokens since the bill. What left the prompt was part of the bill, and takes no more than its share of it."""
        grown = estimated - self.at
        return grown * (self.scale if grown >= 0 or not self.at else min(self.scale, anchor / self.at))

    def total(self, estimated: float) -> Estimate:
        """The prompt whose raw running sum is `estimated`, in tokens."""
        low, high = coefficients.BAND[self.family]
        if self.anchor is None:
            return Estimate(round(estimated), int(estimated * low), round(estimated * high + 0.5), "estimate")
        grown = self._grown(estimated, self.anchor)
        best = max(0.0, self.anchor + grown)
        share = max(2.5 * self.error, 0.05) if self.seen else max(1 - low, high - 1)
        slack = abs(grown) * share + 2
        return Estimate(round(best), max(0, int(best - slack)), round(best + slack), "calibrated")

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """The state that `to_json` gave; unknown names are left out, so that a newer file still loads."""
        return cls(**{name: saved[name] for name in cls.__slots__ if name in saved})
