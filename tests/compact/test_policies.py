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
    ],
)
def test_wrong_figures_are_refused(wrong: dict[str, Any]) -> None:
    """The error names the setting and says what to give."""
    with pytest.raises(ConfigError, match=r"tokens|below the budget") as caught:
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


def test_the_hard_ceiling_leaves_room_for_the_answer() -> None:
    """Window less answer; an unknown model has the smallest window."""
    assert window(facts.model("claude-opus-5-5"), 4_096) == 995_904
    assert window(None, 4_096) == 195_904
