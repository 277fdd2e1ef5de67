"""Robust least squares with coefficients that are not negative, in plain Python.

Weights are those of the relative error; a row that misses by more than `knee` counts as one that misses by `knee`
(Huber's rule), so that what a recording does not show cannot bend the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["robust"]


def _descend(gram: list[list[float]], right: list[float], found: list[float], signed: Sequence[bool]) -> None:
    """Coordinate descent on the normal equations, in place, until nothing moves."""
    size = len(found)
    for _ in range(20_000):
        moved = 0.0
        for i in range(size):
            line = gram[i]
            if line[i] <= 0:
                continue
            step = right[i] - sum(line[j] * found[j] for j in range(size))
            value = found[i] + step / line[i]
            if not signed[i]:
                value = max(0.0, value)
            moved = max(moved, abs(value - found[i]))
            found[i] = value
        if moved < 1e-5:
            return


def robust(
    table: Sequence[Sequence[float]],
    target: Sequence[float],
    size: Sequence[float],
    floor: float,
    knee: float,
    signed: Sequence[bool] | None = None,
) -> list[float]:
    """Coefficients c that make `table @ c` close to `target`.

    Args:
        table: a row of features per observation.
        target: what the features should add up to.
        size: the observation's full figure; errors are relative to `size + floor`.
        floor: keeps tiny observations from ruling.
        knee: relative error from which on a row's weight falls.
        signed: which coefficients may be negative; none by default.
    """
    width = len(table[0])
    free = signed or [False] * width
    found = [0.0] * width
    trust = [1.0] * len(table)
    for _ in range(15):
        gram = [[0.0] * width for _ in range(width)]
        right = [0.0] * width
        for features, wanted, whole, weight in zip(table, target, size, trust, strict=True):
            scale = weight / (whole + floor) ** 2
            present = [(i, value) for i, value in enumerate(features) if value]
            for i, value in present:
                right[i] += scale * value * wanted
                line = gram[i]
                for j, other in present:
                    line[j] += scale * value * other
        _descend(gram, right, found, free)
        for place, (features, wanted, whole) in enumerate(zip(table, target, size, strict=True)):
            miss = sum(c * value for c, value in zip(found, features, strict=True)) - wanted
            trust[place] = min(1.0, knee / max(abs(miss) / (whole + floor), 1e-12))
    return found
