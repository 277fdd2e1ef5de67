"""The ledger: one row a call, sums that say what they leave out."""

from __future__ import annotations

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import UnknownPriceWarning, Usage
from contextkit.ledger import Ledger, Totals

USAGES = st.builds(Usage, *[st.integers(0, 10**6)] * 5)
PURPOSES = st.sampled_from(["turn", "summary", "warm", "route", "side"])


def test_a_row_says_what_was_billed_and_by_which_price() -> None:
    """Tokens as billed, the price used, the cost, and what the same call costs without a cache."""
    ledger = Ledger()
    usage = Usage(input=100, read=10_000, write_5m=500, output=50)
    row = ledger.add(at=5.0, purpose="turn", model="claude-opus-5", usage=usage, step="plan", estimate=10_500, note="n")
    assert row.price is not None
    assert row.cost == pytest.approx((100 * 5 + 10_000 * 0.5 + 500 * 6.25 + 50 * 25) / 1e6)
    assert row.uncached == pytest.approx((10_600 * 5 + 50 * 25) / 1e6)
    assert (row.at, row.step, row.estimate, row.note) == (5.0, "plan", 10_500, "n")
    assert list(ledger) == [row]
    assert json.loads(json.dumps(row.as_dict()))["usage"]["read"] == 10_000


def test_batch_speed_and_region_are_in_the_price() -> None:
    """Each of them changes the cost, and the comparison figure with it."""
    ledger = Ledger()
    usage = Usage(input=1_000_000)
    costs = [
        ledger.add(at=0, purpose="turn", model="claude-opus-5-5", usage=usage, batch=batch, geo=geo, speed=speed).cost
        for batch, geo, speed in ((False, None, None), (True, None, None), (False, "us", None), (False, None, "fast"))
    ]
    assert costs == pytest.approx([4, 2, 4.4, 8])
    assert [row.uncached for row in ledger] == pytest.approx(costs)


def test_the_uncached_call_is_priced_by_its_own_size() -> None:
    """Haiku's step counts the whole prompt, cached or not, so both figures take the same side of it."""
    row = Ledger().add(at=1_795_000_000, purpose="turn", model="haiku", usage=Usage(read=100_000, input=1))
    assert row.cost == pytest.approx(100_000 * 0.05e-6 + 0.5e-6)
    assert row.uncached == pytest.approx(100_001 * 0.5e-6)


def test_unknown_prices_are_none_and_counted() -> None:
    """A row without a price has no cost; the sums hold the others and say how many are missing."""
    ledger = Ledger()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        row = ledger.add(at=0, purpose="turn", model="somebody-else-1", usage=Usage(input=5))
        assert (row.price, row.cost, row.uncached) == (None, None, None)
        assert ledger.totals() == Totals(1, Usage(input=5), None, None, unpriced=1)
        ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=Usage(input=1_000_000))
    totals = ledger.totals()
    assert (totals.calls, totals.unpriced) == (2, 1)
    assert totals.cost == pytest.approx(5)
    assert totals.usage == Usage(input=1_000_005)


def test_an_empty_ledger() -> None:
    """No rows: no cost, no tokens, no hit rate."""
    totals = Ledger().totals()
    assert totals == Totals(0, Usage(), None, None)
    assert totals.hit_rate == 0.0
    assert len(Ledger()) == 0


@given(st.lists(st.tuples(PURPOSES, USAGES), max_size=20))
def test_sums_by_purpose_add_up(calls: list[tuple[str, Usage]]) -> None:
    """The purposes are disjoint: their sums make the whole; a hit rate is a share."""
    ledger = Ledger()
    for purpose, usage in calls:
        ledger.add(at=0, purpose=purpose, model="claude-opus-5", usage=usage)  # type: ignore[arg-type]  # drawn text
    whole = ledger.totals()
    parts = [ledger.totals(purpose) for purpose in ("turn", "summary", "warm", "route", "side")]
    assert whole.calls == len(ledger) == sum(part.calls for part in parts)
    assert whole.usage == sum((part.usage for part in parts), Usage())
    assert (whole.cost or 0.0) == pytest.approx(sum(part.cost or 0.0 for part in parts))
    assert 0.0 <= whole.hit_rate <= 1.0
