from __future__ import annotations

import pytest

from benchmarks.billed import data, held_out
from benchmarks.tokens import anchored, bodies, growth, whole
from contextkit.tokens import coefficients
from contextkit.tokens.features import NAMES
from contextkit.tokens.rates import RATES

ROOT = data()
needs_data = pytest.mark.skipif(ROOT is None, reason="no recordings: neither $CONTEXTKIT_DATA nor ../shared/data")


def test_no_coefficient_is_negative() -> None:
    """More text never means fewer tokens; only a message's first tool use or result may cost less."""
    assert set(coefficients.TEXT) == set(NAMES)
    assert all(value >= 0 for rates in RATES.values() for value in rates.weights)
    assert {name for name, value in coefficients.STRUCTURE.items() if value < 0} <= {
        "first_tool_use",
        "first_tool_result",
    }
    for kind in ("tool_use", "tool_result"):
        assert coefficients.STRUCTURE[kind] + coefficients.STRUCTURE[f"first_{kind}"] >= 0


def test_the_split_is_the_same_everywhere() -> None:
    """pi_mono is never fitted on, and one test recorded against two platforms is on one side of the split."""
    assert held_out("pi_mono/large-session.jsonl")
    pair = ("tests/models/anthropic/cassettes/test_a.yaml", "tests/models/bedrock/cassettes/test_a.yaml")
    assert held_out(pair[0]) is held_out(pair[1])
    sides = {held_out(f"tests/test_{number}.yaml") for number in range(20)}
    assert sides == {True, False}


@needs_data
def test_held_out_requests_are_within_the_targets() -> None:
    """Whole requests with tools that were not fitted on: median 4 %, p95 12 % over all families."""
    assert ROOT is not None
    errors = whole(bodies(ROOT))
    assert len(errors.pairs) > 150
    assert errors.at(0.5) <= 4
    assert errors.at(0.95) <= 12


@needs_data
@pytest.mark.long
def test_held_out_sessions_are_within_the_targets() -> None:
    """Growth of pi_mono without an anchor: mean 6 %, bias 2 %; totals with one: median 0.2 %, p95 0.8 %."""
    assert ROOT is not None
    grown = growth(ROOT, pi=True)
    assert grown.mean <= 6
    assert abs(grown.bias) <= 2
    totals, inside = anchored(ROOT, fitted=False)
    assert totals.at(0.5) <= 0.2
    assert totals.at(0.95) <= 0.8
    assert inside >= 80
