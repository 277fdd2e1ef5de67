"""Which entries a fold takes, and whether it would take a large one more if it waited a little.

Law: a range ends only where no tool call is open, never reaches the message that is about to be answered, and never
starts before the head. Work grows with the kept tail, not with the history.
"""

from __future__ import annotations

from bisect import bisect_left
from math import floor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from contextkit.compact.worth import Rates
    from contextkit.history.log import Log

__all__ = ["Fold", "Pace", "fold", "worth_waiting"]


class Fold(NamedTuple):
    """Fold the entries `first` up to, not including, `end`; they hold about `tokens` tokens."""

    first: int
    end: int
    tokens: float


def fold(log: Log, start: int, *, keep: float, worth: float) -> Fold | None:
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


class Pace(NamedTuple):
    """What is known when a fold is due.

    Attributes:
        keep: tokens of the newest entries that stay, of the log's estimate.
        growth: tokens that a call has added to what stands raw, on average, of the log's estimate.
        scale: billed tokens of one of the log's.
        saving: what every later call would cost less.
        waiting: how dear a call of waiting is, as a multiple of that.
        cycle: calls that the next fold is expected to come after this one.
    """

    keep: float
    growth: float
    scale: float
    saving: float
    waiting: float
    cycle: float


def worth_waiting(log: Log, found: Fold, pace: Pace, price: Rates) -> int:
    """For how many calls a fold that is due had better wait; 0: make it now.

    A large entry in the kept tail is written again by the fold, and held until the next one. At the pace so far it
    leaves the tail after some calls, and could be folded as well: the tail is shorter by what it has beyond the
    entries that come in its place. Against that stands that every call until then holds what could be folded now,
    less what all later folds save by being later. Large entries and pauses that are yet to come are not known.
    """
    if pace.growth <= 0:
        return 0
    tail, before = log.tokens(found.end), found.end
    most = (price.write - price.read + price.read * pace.cycle) * tail * pace.scale
    for end in range(found.end + 1, len(log.entries)):
        if not log.may_cut(end):
            continue
        calls = floor((pace.keep - log.tokens(before)) / pace.growth) + 1  # until the cut before keeps too much
        before, left = end, max(pace.cycle - calls, 0.0)
        grown = calls * pace.growth * pace.scale
        lateness = price.read * calls * grown / 2
        if lateness > most:
            return 0
        spare = (tail - log.tokens(end)) * pace.scale - grown
        if spare <= 0 or log.tokens(end) > pace.keep - calls * pace.growth:
            continue  # no large entry; or a later cut is made by then
        waited = max(calls * pace.saving * pace.waiting - price.read * grown * left, 0.0)
        if waited + lateness < spare * (price.write - price.read + price.read * left):
            return calls
    return 0
