"""The choice of lifetime is arithmetic, and the simulator agrees with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import Price, price
from contextkit.cache.lifetime import advise


def priced(name: str) -> Price:
    """The model's price, which is known."""
    found = price(name)
    assert found is not None
    return found


SONNET = priced("sonnet")
GAPS = st.lists(st.floats(0, 8_000), min_size=1, max_size=30)


def test_short_gaps_take_five_minutes() -> None:
    """When every call comes within minutes, the cheaper write wins and nothing needs to be kept alive."""
    found = advise([20, 60, 200], prefix=50_000, growth=2_000, price=SONNET)
    assert found.choice == "5m"
    assert found.usd_5m < found.usd_1h
    assert found.long_share == 0


def test_breaks_of_twenty_minutes_turn_the_choice() -> None:
    """A person who thinks for twenty minutes makes an hour, or keep-alives, cheaper than writing it all again."""
    found = advise([30, 1_200, 30, 1_200], prefix=50_000, growth=2_000, price=SONNET)
    assert found.choice != "5m"
    assert found.usd_5m > 3 * min(found.usd_1h, found.usd_keep_alive)


def test_cheap_reads_favour_keep_alive() -> None:
    """Where a read costs a fortieth, four pings cost less than the dearer write."""
    assert advise([30, 600], prefix=20_000, growth=8_000, price=priced("fable")).choice == "keep-alive"


@given(GAPS, st.floats(1_000, 500_000), st.floats(100, 20_000))
def test_the_choice_is_the_cheapest(gaps: list[float], prefix: float, growth: float) -> None:
    """Whatever the gaps, the choice has the least expected cost, and costs are positive."""
    found = advise(gaps, prefix=prefix, growth=growth, price=SONNET)
    costs = {"5m": found.usd_5m, "1h": found.usd_1h, "keep-alive": found.usd_keep_alive}
    assert costs[found.choice] == min(costs.values()) > 0


@given(st.integers(0, 100), st.floats(10_000, 500_000), st.floats(100, 9_000))
def test_the_turning_point_is_where_it_says(long: int, prefix: float, growth: float) -> None:
    """Above the stated share of gaps between five minutes and an hour, an hour is cheaper; below it is not."""
    gaps = [600.0] * long + [10.0] * (100 - long)
    found = advise(gaps, prefix=prefix, growth=growth, price=SONNET)
    if abs(found.long_share - found.turns_at) > 1e-9:
        assert (found.usd_1h < found.usd_5m) == (found.long_share > found.turns_at)


def test_prices_are_used_as_they_are() -> None:
    """With five minutes the expectation is the read and the write, to the cent."""
    flat = Price("x", input=1.0, read=0.1, write_5m=1.25, write_1h=2.0, output=5.0)
    assert advise([10.0], prefix=100, growth=10, price=flat).usd_5m == pytest.approx(22.5)
