"""Hot spots: which steps take the money, and why."""

from __future__ import annotations

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import UnknownPriceWarning, Usage
from contextkit.errors import ConfigError
from contextkit.ledger import Ledger


def booked(*calls: tuple[str, str, int], purpose: str = "turn", model: str = "claude-opus-5") -> Ledger:
    """A ledger of calls: step, conversation, prompt tokens."""
    ledger = Ledger()
    for at, (name, conversation, prompt) in enumerate(calls):
        ledger.add(
            at=at,
            purpose=purpose,  # type: ignore[arg-type]  # a purpose
            model=model,
            usage=Usage(input=prompt),
            step=name,
            conversation=conversation,
        )
    return ledger


def test_the_steps_that_take_eighty_per_cent() -> None:
    """The dearest first, until their shares make 80 %."""
    ledger = booked(("a", "", 700), ("b", "", 200), ("c", "", 60), ("d", "", 40))
    assert [(spot.step, round(spot.share, 2), round(spot.so_far, 2)) for spot in ledger.hot_spots()] == [
        ("a", 0.7, 0.7),
        ("b", 0.2, 0.9),
    ]
    assert [spot.step for spot in ledger.hot_spots(0.5)] == ["a"]
    assert [spot.step for spot in ledger.hot_spots(1)] == ["a", "b", "c", "d"]
    assert json.loads(json.dumps([spot.as_dict() for spot in ledger.hot_spots()]))[0]["totals"]["calls"] == 1


def test_growth_and_what_is_sent_again_are_by_conversation() -> None:
    """Two agents in turns do not count as each other's history; a fold is no negative growth."""
    ledger = booked(
        ("work", "one", 1_000), ("work", "two", 50), ("work", "one", 1_500), ("work", "two", 90), ("work", "one", 300)
    )
    (spot,) = ledger.hot_spots()
    assert spot.growth == pytest.approx((500 + 40) / 2)
    assert spot.reread == pytest.approx((1_000 + 50 + 300) / (1_000 + 50 + 1_500 + 90 + 300))


def test_side_calls_have_no_history() -> None:
    """Only turns send again what was sent before."""
    (spot,) = booked(("classify", "", 500), ("classify", "", 500), purpose="side").hot_spots()
    assert (spot.growth, spot.reread) == (0.0, 0.0)


def test_steps_are_joined_to_a_depth() -> None:
    """With depth 1 the inner steps count for the outer one."""
    ledger = booked(("a/x", "", 400), ("a/y", "", 300), ("b", "", 500))
    assert [spot.step for spot in ledger.hot_spots(1)] == ["b", "a/x", "a/y"]
    assert [spot.step for spot in ledger.hot_spots(1, depth=1)] == ["a", "b"]


def test_without_prices_tokens_decide() -> None:
    """Unknown prices do not make everything equal: then the share is of the prompt tokens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        ledger = booked(("a", "", 10), ("b", "", 90), model="somebody-else-6")
    assert [(spot.step, spot.share) for spot in ledger.hot_spots()] == [("b", 0.9)]


def test_an_empty_ledger_and_a_wrong_share() -> None:
    """Nothing to say about nothing; a share is a share."""
    assert Ledger().hot_spots() == []
    for wrong in (0, -1, 1.01):
        with pytest.raises(ConfigError):
            Ledger().hot_spots(wrong)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy"), st.integers(1, 10**6)), min_size=1))
def test_shares_make_the_whole(calls: list[tuple[str, str, int]]) -> None:
    """All spots together are the ledger; what is sent again is a share; growth is not negative."""
    spots = booked(*calls).hot_spots(1)
    assert sum(spot.share for spot in spots) == pytest.approx(1)
    assert spots[-1].so_far == pytest.approx(1)
    assert sum(spot.totals.calls for spot in spots) == len(calls)
    assert all(0 <= spot.reread <= 1 and spot.growth >= 0 for spot in spots)
