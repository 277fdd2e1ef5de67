"""A policy is checked when it is made, and says what it means for a model."""

from __future__ import annotations

from typing import Any

import pytest

from contextkit.api import facts
from contextkit.compact.policies import Compaction, window
from contextkit.errors import ConfigError


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0},
        {"budget": -5},
        {"budget": 199},
        {"summary_tokens": 0},
        {"keep_recent": -1},
        {"budget": 10_000, "keep_recent": 10_000},
        {"min_gain": -1},
        {"patience": -0.1},
        {"patience": float("nan")},
        {"fan_out": 1},
        {"levels": 0},
        {"cool_down": -1},
        {"expected_calls": 0},
        {"when": "often"},
    ],
)
def test_wrong_figures_are_refused(wrong: dict[str, Any]) -> None:
    """The error names the setting and says what to give."""
    with pytest.raises(ConfigError, match=r"is|below the budget") as caught:
        Compaction(**wrong)
    assert "Compaction(" in caught.value.where
    assert caught.value.fix


def test_defaults_follow_the_model() -> None:
    """150,000 tokens, or three quarters of a smaller window; a fifth of that stays verbatim."""
    small, big = facts.model("claude-haiku-4-5"), facts.model("claude-opus-5-5")
    assert [Compaction().ceiling(row) for row in (small, big, None)] == [150_000] * 3
    assert Compaction().kept(big) == 30_000
    assert Compaction(budget=50_000).kept(big) == 10_000
    assert Compaction(budget=50_000, keep_recent=0).kept(big) == 0


def test_the_least_gain() -> None:
    """Two summaries or a twentieth of the budget, whichever is more; or what is declared."""
    row = facts.model("claude-opus-5-5")
    assert Compaction(budget=100_000).gain(row) == 5_000
    assert Compaction(budget=10_000, summary_tokens=1_000).gain(row) == 2_000
    assert Compaction(min_gain=7).gain(row) == 7


def test_what_is_still_expected() -> None:
    """As many calls again as there were, or what is left of a declared number."""
    assert Compaction().remaining(40) == 40
    assert Compaction(expected_calls=50).remaining(40) == 10
    assert Compaction(expected_calls=50).remaining(60) == 0


def test_the_hard_ceiling_leaves_room_for_the_answer() -> None:
    """Window less answer; an unknown model has the smallest window."""
    assert window(facts.model("claude-opus-5-5"), 4_096) == 995_904
    assert window(None, 4_096) == 195_904
