"""Whether one text is a variant of another: the same from both ends but for one short stretch.

Law: a few comparisons of slices, whatever the length; nothing is searched for.
"""

from __future__ import annotations

from typing import Final

__all__ = ["alike"]

_SHARE: Final = 0.8
"""Share of two texts, counted from both ends, that is the same when one is a variant of the other."""


def alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for one stretch of at most a fifth."""
    if one == other:
        return True
    short = min(len(one), len(other))
    head = _same(one, other, short)
    tail = _same(one[::-1], other[::-1], short - head)
    return head + tail >= _SHARE * max(len(one), len(other))


def _same(one: str, other: str, most: int) -> int:
    """How many characters at the start are the same, `most` at most; halves the stretch instead of walking it."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low
