"""Rate limits as buckets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.batch.rate import Rate, retry_after

NEED = (1.0, 100.0, 50.0)


def headers(left: float, limit: float = 60.0, kind: str = "requests", reset: float | None = None) -> dict[str, str]:
    """What an answer says of one limit."""
    name = f"anthropic-ratelimit-{kind}"
    said = {f"{name}-limit": str(limit), f"{name}-remaining": str(left)}
    return said if reset is None else {**said, f"{name}-reset": datetime.fromtimestamp(reset, UTC).isoformat()}


def test_nothing_is_held_back_before_the_first_answer() -> None:
    """Limits are not guessed."""
    assert Rate().delay(0.0, NEED) == 0.0


def test_an_empty_bucket_holds_back_until_it_has_filled() -> None:
    """Sixty a minute is one a second."""
    rate = Rate()
    rate.begin(0.0, NEED)
    rate.end(0.0, NEED, headers(0))
    assert rate.delay(0.0, NEED) == pytest.approx(1.0)
    assert rate.delay(1.0, NEED) == 0.0


def test_a_reset_says_until_when_a_bucket_is_empty() -> None:
    """Where the API says that nothing is left until then, nothing starts before."""
    rate = Rate()
    rate.end(1_000.0, (0.0, 0.0, 0.0), headers(0, reset=1_010.0))
    assert rate.delay(1_000.0, NEED) == pytest.approx(11.0)


def test_what_is_under_way_is_taken_off_what_is_left() -> None:
    """An answer does not know of requests that the API has not counted yet."""
    rate = Rate()
    for _ in range(4):
        rate.begin(0.0, NEED)
    rate.end(0.0, NEED, headers(3))
    assert rate.delay(0.0, NEED) == pytest.approx(1.0)


def test_a_request_larger_than_the_limit_waits_for_a_full_bucket_and_no_longer() -> None:
    """It would wait for ever else."""
    rate = Rate()
    rate.end(0.0, (0.0, 0.0, 0.0), headers(0, 50.0, "input-tokens"))
    assert rate.delay(0.0, NEED) == pytest.approx(60.0)
    assert rate.delay(60.0, NEED) == 0.0


@given(st.integers(1, 300), st.floats(0, 30), st.integers(0, 60))
def test_no_more_starts_than_the_limit_lets(steps: int, gap: float, left: int) -> None:
    """Over any time, no more than what was left and what has filled since is started."""
    rate, now, started = Rate(), 0.0, 0
    rate.end(0.0, (0.0, 0.0, 0.0), headers(left))
    for _ in range(steps):
        delay = rate.delay(now, NEED)
        if delay:
            now += min(delay, gap) if gap else delay
        else:
            rate.begin(now, NEED)
            started += 1
    assert started <= left + now + 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("20", 20.0), ("0.5", 0.5), ("-3", 0.0), ("1e9", 3_600.0), ("soon", None), (None, None)]
)
def test_retry_after_is_bounded_and_never_fails(text: str | None, seconds: float | None) -> None:
    """A header may say anything."""
    assert retry_after({} if text is None else {"retry-after": text}) == seconds
    Rate().end(0.0, NEED, {"anthropic-ratelimit-requests-limit": "x", "anthropic-ratelimit-requests-remaining": "y"})
    Rate().end(0.0, NEED, headers(0) | {"anthropic-ratelimit-requests-reset": "never"})
