from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.tokens.calibrate import Calibration

totals = st.integers(0, 2_000_000)


def a_calibration(ratio: float, turns: int = 30, hidden: int = 20_000) -> Calibration:
    """A conversation billed `ratio` tokens an estimated one, on top of a prompt that nobody saw."""
    state, running = Calibration(), 0.0
    for _ in range(turns):
        running += 1_000
        state.observe(running, hidden + round(running * ratio))
    return state


def test_before_any_bill_the_estimate_answers_with_its_band() -> None:
    """Without an observation the raw estimate comes back, marked as one."""
    guess = Calibration("2026").total(10_000)
    assert (guess.tokens, guess.counter) == (10_000, "estimate")
    assert guess.low < 10_000 < guess.high


def test_the_last_bill_is_exact() -> None:
    """The prompt that was just billed is known, whatever was hidden in it."""
    state = a_calibration(1.1)
    guess = state.total(30_000)
    assert guess.tokens == 20_000 + 33_000
    assert guess.counter == "calibrated"
    assert guess.high - guess.low < 10


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.35])
def test_the_scale_of_a_conversation_is_learnt(ratio: float) -> None:
    """Growth is predicted with the ratio that the conversation has shown, and the band holds it."""
    guess = a_calibration(ratio).total(40_000)
    truth = 20_000 + 40_000 * ratio
    assert guess.tokens == pytest.approx(truth, rel=0.01)
    assert guess.low <= truth <= guess.high


def test_one_odd_growth_does_not_bend_the_scale() -> None:
    """A hidden block of 50,000 tokens in one turn moves the anchor but hardly the scale."""
    state = a_calibration(1.0)
    state.observe(31_000, 20_000 + 31_000 + 50_000)
    assert state.total(31_000).tokens == 101_000
    assert state.scale == pytest.approx(1.0, abs=0.05)


@given(st.floats(0.5, 2.0), st.integers(1, 40), st.floats(0.01, 1.0))
def test_what_left_the_prompt_takes_no_more_than_its_share(ratio: float, turns: int, left: float) -> None:
    """However much of the prompt is folded away, what is left has at least its share of the last bill."""
    state = a_calibration(ratio, turns, hidden=0)
    billed, running = state.total(turns * 1_000.0).tokens, turns * 1_000.0
    assert state.best(running * left) >= int(billed * left) - 1
    assert state.total(running * left).tokens == state.best(running * left)


def test_a_compaction_makes_the_total_fall() -> None:
    """When the running estimate falls, the total falls with it, at the learnt scale; the next bill anchors anew."""
    state = a_calibration(1.2)
    assert state.total(5_000).tokens == pytest.approx(20_000 + 6_000, rel=0.04)
    state.observe(5_000, 25_500)
    assert state.total(5_000).tokens == 25_500
    assert state.scale == pytest.approx(1.2, abs=0.05)


@given(st.lists(st.tuples(st.floats(0, 2e6), totals), max_size=20), st.floats(0, 2e6))
def test_any_sequence_of_bills_gives_ordered_bounds(seen: list[tuple[float, int]], running: float) -> None:
    """Whatever was observed, 0 <= low <= tokens <= high."""
    state = Calibration()
    for estimated, billed in seen:
        state.observe(estimated, billed)
    guess = state.total(running)
    assert 0 <= guess.low <= guess.tokens <= guess.high


@given(st.lists(st.tuples(st.floats(0, 2e6), totals), max_size=8), st.floats(0, 2e6))
def test_saving_loses_nothing(seen: list[tuple[float, int]], running: float) -> None:
    """Through JSON and back the calibration answers the same."""
    state = Calibration("2026")
    for estimated, billed in seen:
        state.observe(estimated, billed)
    again = Calibration.from_json(json.loads(json.dumps(state.to_json())))
    assert again.total(running) == state.total(running)
    assert again == state


def test_a_newer_file_still_loads() -> None:
    """Unknown fields in a saved calibration are left out."""
    assert Calibration.from_json({"anchor": 7, "later": 1}).anchor == 7
