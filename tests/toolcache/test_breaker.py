"""When a store that failed is asked again."""

from __future__ import annotations

from contextkit.toolcache.breaker import LONGEST, Breaker


def test_closed_it_lets_every_call_through() -> None:
    """Without a failure all may ask, and nothing changes."""
    closed = Breaker(pause=1.0)
    assert closed.asked(0.0) is closed
    assert not closed.is_open


def test_open_it_lets_one_call_try_after_each_pause() -> None:
    """After a failure nobody asks for a pause; then one may, and the others wait for another pause."""
    opened = Breaker(pause=1.0).failed(10.0)
    assert opened.is_open
    assert opened.asked(10.9) is None
    trying = opened.asked(11.0)
    assert trying is not None
    assert trying.asked(11.0) is None
    assert trying.asked(12.0) is not None
    assert not trying.worked().is_open


def test_pauses_double_up_to_a_minute() -> None:
    """A store that stays away is asked ever more rarely, but at least once a minute."""
    state, now, pauses = Breaker(pause=1.0).failed(0.0), 0.0, []
    for _ in range(12):
        pauses.append(state.until - now)
        now = state.until
        trying = state.asked(now)
        assert trying is not None
        state = trying.failed(now)
    assert pauses[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert max(pauses) == LONGEST


def test_calls_that_were_under_way_count_as_one_failure() -> None:
    """Sixteen threads that run into the same time-out do not make a pause of hours."""
    state = Breaker(pause=1.0)
    for _ in range(16):
        state = state.failed(5.0)
    assert state.until == 6.0
    assert state.worked() == Breaker(pause=1.0)
