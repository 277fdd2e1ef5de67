"""Whether one text is a variant of another: the same from both ends but for one short stretch.

Law: a few comparisons of slices, whatever the length; nothing is searched for.
"""

from __future__ import annotations

from typing import Final

__all__ = ["alike", "may_be_alike"]

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


def may_be_alike(one: str, other: str) -> bool:
    """Whether it is worth asking `alike`: of two that are, one end is the same for half of that share, at least."""
    short, long = sorted((len(one), len(other)))
    least = int(_SHARE / 2 * long)
    if short < _SHARE * long:
        return False
    return one[:least] == other[:least] or one[len(one) - least :] == other[len(other) - least :]


def _same(one: str, other: str, most: int) -> int:
    """How many characters at the start are the same, `most` at most; halves the stretch instead of walking it."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low
