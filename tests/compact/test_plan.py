"""Which entries are folded: legal cuts only, the head and the last entry never, the same answer every time."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.compact.plan import Fold, fold
from contextkit.history.log import Log
from tests.history.histories import Answer, Turn, a_log, a_long_log, call, result, said, turns


@given(turns(blocks=4, calls=6), st.integers(0, 40), st.integers(0, 5_000), st.integers(0, 1_000))
def test_what_is_folded(history: list[Turn], start: int, keep: int, worth: int) -> None:
    """The head stays, the last entry stays, no open call is cut, the range has its worth, and nothing is changed."""
    log = a_log(*history)
    start = min(start, len(log.entries) - 1)
    before = copy.deepcopy(log)
    found = fold(log, start, keep=keep, worth=worth)
    assert found == fold(log, start, keep=keep, worth=worth)
    assert log == before
    if found is None:
        return
    assert max(start, 1) == found.first < found.end < len(log.entries)
    assert log.may_cut(found.end)
    assert found.tokens == pytest.approx(log.tokens(found.first, found.end))
    assert found.tokens >= worth
    # No more is folded than needed: one cut earlier would keep more than asked for, or nothing earlier is legal.
    earlier = [at for at in range(found.first + 1, found.end) if log.may_cut(at)]
    assert all(log.tokens(at) > keep for at in earlier)


@given(turns(blocks=4, calls=6), st.integers(0, 5_000))
def test_none_means_that_nothing_can_be_folded(history: list[Turn], keep: int) -> None:
    """Without a worth, there is a fold exactly when there is a legal cut after the head and its first neighbour."""
    log = a_log(*history)
    legal = [at for at in range(2, len(log.entries)) if log.may_cut(at)]
    assert (fold(log, 0, keep=keep, worth=0) is not None) is bool(legal)


def test_enough_stays() -> None:
    """The newest entries within `keep` stay, to the entry."""
    log = a_long_log(20)
    total = log.tokens(0)
    found = fold(log, 0, keep=log.tokens(31).__ceil__(), worth=1)
    assert found == Fold(1, 31, log.tokens(1, 31))
    assert total - found.tokens == pytest.approx(log.ends[0] + log.tokens(31))


def test_a_second_fold_starts_where_the_first_ended() -> None:
    """Ranges follow each other without a gap and without an overlap."""
    log = a_long_log(20)
    first = fold(log, 0, keep=2_000, worth=1)
    assert first is not None
    second = fold(log, first.end, keep=500, worth=1)
    assert second is not None
    assert second.first == first.end


def test_open_calls_are_never_cut_off() -> None:
    """When the last answer's calls are half answered, the answer and its results stay together."""
    log = a_log(Turn(answers=tuple(Answer(calls=1) for _ in range(4))))
    log.assistant([call("x"), call("y")], 50)
    log.result("x", result("x"), 10_000)
    found = fold(log, 0, keep=0, worth=1)
    assert found is not None
    assert found.end == len(log.entries) - 2


@pytest.mark.parametrize("entries", [0, 1, 2])
def test_too_short_a_history_has_no_fold(entries: int) -> None:
    """Nothing, a head, a head and an answer: there is nothing between head and end."""
    log = Log()
    if entries:
        log.user([said("x")], 10)
    if entries > 1:
        log.assistant([said("y")], 10)
    assert fold(log, 0, keep=0, worth=0) is None
