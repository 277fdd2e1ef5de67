"""Logistic regression in plain Python: Newton's method with a little shrinkage. Deterministic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fit"]

_SHRINK: Final = 2.0
_STEPS: Final = 15
_DONE: Final = 1e-3


def fit(rows: Sequence[tuple[Sequence[float], bool, float]]) -> list[float]:
    """The weights that make the labels likeliest.

    Args:
        rows: features, label, and how many cases the row stands for.
    """
    size = len(rows[0][0])
    found = [0.0] * size
    for _ in range(_STEPS):
        slope = [-_SHRINK * weight for weight in found]
        bend = [[_SHRINK * (i == j) for j in range(size)] for i in range(size)]
        for values, label, weight in rows:
            chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, sum(map(float.__mul__, found, values))))))
            miss, spread = weight * (label - chance), weight * chance * (1 - chance)
            for i, value in enumerate(values):
                if value:
                    slope[i] += miss * value
                    line, part = bend[i], spread * value
                    for j, other in enumerate(values):
                        line[j] += part * other
        step = _solved(bend, slope)
        found = [weight + move for weight, move in zip(found, step, strict=True)]
        if max(map(abs, step)) < _DONE:
            break
    return found


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss, with the largest pivot."""
    size = len(right)
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda row: abs(rows[row][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for row in rows[i + 1 :]:
            factor = row[i] / rows[i][i]
            for column in range(i, size + 1):
                row[column] -= factor * rows[i][column]
    found = [0.0] * size
    for i in range(size - 1, -1, -1):
        found[i] = (rows[i][size] - sum(rows[i][j] * found[j] for j in range(i + 1, size))) / rows[i][i]
    return found
