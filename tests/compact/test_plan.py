"""What is folded and when: legal cuts only, the head and the last entry never, and only when it pays or must be."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit import when
from contextkit.api import facts
from contextkit.compact.plan import Fold, Merge, Since, Situation, decide, fold, merge
from contextkit.compact.policies import Compaction
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


def a_heavy_log() -> Log:
    """Sixty calls with about 1,500 tokens each."""
    log = a_long_log(60)
    log.ends = [end * 10 for end in log.ends]
    return log


def a_situation(log: Log, **changes: Any) -> Situation:
    """A warm conversation with Sonnet 5.5 that holds `log`, of which the last entry is new."""
    told = {
        "log": log,
        "start": 0,
        "fixed": 2_000.0,
        "summaries": 0.0,
        "levels": (),
        "total": log.tokens(0) + 2_000,
        "new": log.tokens(len(log.entries) - 1),
        "ceiling": 100_000,
        "window": 1_000_000,
        "row": facts.model("claude-sonnet-5-5"),
        "model": "claude-sonnet-5-5",
        "ttl": "5m",
        "summarizer": "haiku",
        "idle": 10.0,
    }
    return Situation(**{**told, **changes})


POLICY = Compaction(budget=100_000, keep_recent=5_000, summary_tokens=1_000, patience=1.0)
LATER = Since(calls=50, seen=100)
"""Long after the last fold, with nothing paid yet."""


def test_rent_or_buy() -> None:
    """Below what folding costs, the plan waits; once holding has cost as much, it folds; patience moves the place."""
    seen = a_situation(a_heavy_log())
    value = decide(seen, POLICY, LATER).worth
    assert value is not None
    assert value.now > 0
    verdicts = {
        (share, patience): decide(
            seen, replace(POLICY, patience=patience), LATER._replace(paid=share * value.now)
        ).verdict
        for share in (0.9, 1.1, 2.1)
        for patience in (1.0, 2.0)
    }
    assert verdicts == {
        (0.9, 1.0): "defer",
        (1.1, 1.0): "fold",
        (2.1, 1.0): "fold",
        (0.9, 2.0): "defer",
        (1.1, 2.0): "defer",
        (2.1, 2.0): "fold",
    }


def test_the_ceiling_forces() -> None:
    """Past the budget the fold is made whatever it costs, and says that it was forced."""
    log = a_heavy_log()
    found = decide(a_situation(log, ceiling=int(log.tokens(0))), POLICY, Since())
    assert found.verdict == "fold"
    assert found.forced
    assert found.fold is not None
    assert log.may_cut(found.fold.end)


def test_a_cold_cache_is_preferred() -> None:
    """After the lifetime the history is written again anyway: the fold is made with nothing paid."""
    log = a_heavy_log()
    assert decide(a_situation(log, idle=299.0), POLICY, LATER).verdict == "defer"
    found = decide(a_situation(log, idle=301.0), POLICY, LATER)
    assert found.verdict == "fold"
    assert not found.forced
    assert found.worth is not None
    assert found.worth.payback == 0


def test_a_small_gain_is_left_alone() -> None:
    """Even when cold or over the budget, a fold that frees less than the least gain is not made."""
    log = a_heavy_log()
    greedy = replace(POLICY, min_gain=int(log.tokens(0)) + 1)
    for changes in ({"idle": 301.0}, {"ceiling": 1_000}):
        assert decide(a_situation(log, **changes), greedy, LATER).verdict != "fold"
    assert decide(a_situation(log, window=1_000, ceiling=900), greedy, LATER).verdict == "fold"  # no other way


def test_cool_down() -> None:
    """Right after a fold there is no second one below the ceiling, and one at the ceiling."""
    log = a_heavy_log()
    since = Since(calls=1, seen=100, paid=1e9)
    assert decide(a_situation(log), POLICY, since).verdict == "defer"
    assert decide(a_situation(log), replace(POLICY, cool_down=1), since).verdict == "fold"
    assert decide(a_situation(log, ceiling=1_000), POLICY, since).verdict == "fold"


def test_the_breaker_opens_after_two_short_folds() -> None:
    """Folds that do not get below the budget stop, until one would free a quarter of it or the window is reached."""
    log = a_heavy_log()
    seen = a_situation(log, ceiling=int(log.tokens(0)) - 1)
    wide = replace(POLICY, keep_recent=int(log.tokens(0) * 0.9))
    since = Since(calls=5, seen=100).folded(reached=False)
    assert decide(seen, wide, since).verdict == "fold"
    since = since.folded(reached=False)
    assert decide(seen, wide, since).verdict == "refuse"
    assert decide(seen, POLICY, since).verdict == "fold"  # frees most of the history
    assert decide(seen, wide, since.folded(reached=True)).verdict == "fold"


def test_calls_that_are_still_expected() -> None:
    """A fold that would pay for itself after the conversation's end is refused; without a figure it waits."""
    seen = a_situation(a_heavy_log())
    since = Since(calls=50, seen=100, paid=1e9)
    assert decide(seen, replace(POLICY, expected_calls=1_000), since).verdict == "fold"
    assert decide(seen, replace(POLICY, expected_calls=101), since).verdict == "refuse"
    assert decide(seen, POLICY, Since(calls=0, seen=0, paid=1e9)).verdict == "defer"


def test_a_condition_holds_folds_back() -> None:
    """`when` is asked below the ceiling only."""
    log = a_heavy_log()
    since = LATER._replace(paid=1e9)
    never = replace(POLICY, when=~when.ALWAYS)
    assert decide(a_situation(log), never, since).verdict == "defer"
    assert decide(a_situation(log, ceiling=1_000), never, since).verdict == "fold"
    assert decide(a_situation(log), replace(POLICY, when=when.tokens(10) & ~when.COLD), since).verdict == "fold"


def test_what_is_counted() -> None:
    """Holding is added up call by call; a fold starts it anew and keeps the counts of the conversation."""
    seen = a_situation(a_heavy_log())
    since = LATER
    waiting = decide(seen, POLICY, since)
    assert waiting.worth is not None
    for _ in range(3):
        since = since.called(waiting)
    assert (since.calls, since.seen, since.deferred) == (53, 103, 3)
    assert since.paid == pytest.approx(3 * waiting.worth.saving)
    assert since.folded(reached=True) == Since(calls=0, paid=0.0, seen=103, short=0, deferred=3)


@pytest.mark.parametrize(
    ("levels", "cold", "expected"),
    [
        ((), False, None),
        ((1, 1, 1), False, None),
        ((1, 1, 1), True, Merge(0, 3, 2)),
        ((1, 1, 1, 1), False, Merge(0, 4, 2)),
        ((2, 2, 1, 1, 1, 1), False, Merge(2, 6, 2)),
        ((2, 2, 2, 2, 1), False, Merge(0, 4, 3)),
        ((3, 3, 3, 3, 1), False, Merge(0, 4, 3)),
    ],
)
def test_merges(levels: tuple[int, ...], cold: bool, expected: Merge | None) -> None:
    """A full level goes one level up, the lowest first, one summary earlier when cold; the last level keeps its own."""
    assert merge(levels, Compaction(fan_out=4, levels=3), cold=cold) == expected


@given(st.integers(2, 6), st.integers(1, 4), st.lists(st.booleans(), max_size=300))
def test_levels_stay_bounded(fan_out: int, levels: int, colds: list[bool]) -> None:
    """Whatever is folded when, no more summaries stand in the window than levels times fan-out and one a level."""
    policy = Compaction(fan_out=fan_out, levels=levels)
    held: list[int] = []
    for cold in colds:
        joined = merge(held, policy, cold=cold)
        if joined is not None:
            assert len(set(held[joined.first : joined.end])) == 1
            held[joined.first : joined.end] = [joined.level]
        held.append(1)
        assert held == sorted(held, reverse=True)
        assert len(held) <= levels * (fan_out + 1)


@given(turns(blocks=4, calls=6), st.floats(0, 2), st.booleans(), st.integers(0, 20_000))
def test_every_plan_is_legal(history: list[Turn], paid: float, cold: bool, ceiling: int) -> None:
    """Whatever the history: the verdict has its reason, a fold its range, and the range ends at a closed call."""
    log = a_log(*history)
    seen = a_situation(log, ceiling=ceiling, idle=1_000.0 if cold else 1.0)
    policy = replace(POLICY, min_gain=0, summary_tokens=200, keep_recent=100)
    found = decide(seen, policy, Since(calls=10, seen=20, paid=paid))
    assert found.reason
    if found.verdict == "fold":
        assert found.fold is not None
        assert log.may_cut(found.fold.end)
        assert found.worth is not None
        assert found.worth.saving > 0
    else:
        assert found.merge is None
