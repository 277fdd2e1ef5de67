"""Which entries to fold: a pure function of the log's sizes.

Law: a range ends only where no tool call is open, never reaches the message that is about to be answered, and
never starts before the head. A plan that would not get smaller is no plan.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextkit.history.log import Log

__all__ = ["Fold", "fold"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Fold the entries `first` up to, not including, `end`; they hold about `tokens` tokens."""

    first: int
    end: int
    tokens: float


def fold(log: Log, start: int, *, keep: int, worth: int) -> Fold | None:
    """The oldest raw entries beyond the newest `keep` tokens.

    Args:
        log: the history.
        start: index of the first raw entry.
        keep: tokens of the newest entries that stay.
        worth: a range of fewer tokens is left alone.

    Returns:
        None when no legal range of at least `worth` tokens exists.
    """
    first = max(start, 1)  # entry 0 is the head: the task stays verbatim
    wanted = bisect_left(log.ends, (log.ends[-1] if log.ends else 0.0) - keep) + 1
    end = next((at for at in range(max(wanted, first + 1), len(log.entries)) if log.may_cut(at)), None)
    if end is None:
        # The newest entries alone are over `keep`: cut as late as the open tool calls allow.
        end = next((at for at in range(len(log.entries) - 1, first, -1) if log.may_cut(at)), None)
    if end is None:
        return None
    tokens = log.tokens(first, end)
    return Fold(first, end, tokens) if tokens >= worth else None
