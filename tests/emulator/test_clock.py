"""Time in the emulator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.emulator import Clock
from contextkit.errors import ConfigError


def test_it_stands_still_until_it_is_moved() -> None:
    """`now` is the start plus what was advanced."""
    clock = Clock(100.0)
    assert clock.now == clock.now == 100.0
    assert clock.advance(5) == clock.now == 105.0


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_it_never_goes_back(seconds: float) -> None:
    """A negative step is refused, and so is one that is no number."""
    clock = Clock()
    with pytest.raises(ConfigError):
        clock.advance(seconds)


@given(st.lists(st.floats(0, 1e9), max_size=20))
def test_requests_under_way_together_do_not_add_up(ends: list[float]) -> None:
    """Reaching several times leaves the clock at the latest of them."""
    clock = Clock(0.0)
    for end in ends:
        clock.reach(end)
    assert clock.now == max(ends, default=0.0)
