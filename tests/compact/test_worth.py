"""Does a fold pay: the arithmetic against hand-made sums, and the directions that prices must push."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import price
from contextkit.compact.worth import Rates, Sizes, SummaryCall, Worth, rates, summary_call, worth

SONNET, HAIKU = "claude-sonnet-5-5", "claude-haiku-5-5"
SIZES = Sizes(front=5_000, folded=40_000, tail=10_000, new=2_000, summary=1_000)
FREE = SummaryCall("extractive", 0.0)


def a_worth(sizes: Sizes = SIZES, *, model: str = SONNET, warm: bool = True, call: SummaryCall = FREE) -> Worth:
    """The worth of a fold whose summary is free, unless a call is given."""
    return worth(sizes, call, model=model, ttl="5m", warm=warm)


def test_a_warm_fold_by_hand() -> None:
    """Without the fold all but the new tokens are read; with it, summary and tail are written."""
    listed = price(SONNET)
    assert listed is not None
    stay = 53_000 * listed.read + 2_000 * listed.write_5m
    fold = 5_000 * listed.read + 11_000 * listed.write_5m
    found = a_worth(call=SummaryCall("x", 0.5))
    assert found.now == pytest.approx(0.5 + fold - stay)
    assert found.saving == pytest.approx(39_000 * listed.read)
    assert found.payback == pytest.approx(found.now / found.saving)


def test_a_cold_fold_saves_at_once() -> None:
    """When everything is written anyway, the fold writes less: it costs nothing but its call."""
    listed = price(SONNET)
    assert listed is not None
    found = a_worth(warm=False)
    assert found.now == pytest.approx(-39_000 * listed.write_5m)
    assert found.payback == 0


def test_an_hour_costs_more_to_write() -> None:
    """The price of the lifetime is the price that is reckoned with."""
    assert rates(SONNET, "1h", prompt=0).write / rates(SONNET, "5m", prompt=0).write == pytest.approx(2 / 1.25)


def test_a_fold_that_saves_nothing_never_pays() -> None:
    """A summary as long as its range has no payback."""
    assert a_worth(Sizes(5_000, 1_000, 10_000, 0, 1_000)).payback == inf


def test_own_fork_or_haiku() -> None:
    """Warm, the fork reads the cache at the read price; cold, it pays the whole prompt; Haiku reads the range only."""
    main, side = price(SONNET), price(HAIKU, prompt=50_000)
    assert main is not None
    assert side is not None
    by = {
        (who, warm): summary_call(SIZES, who, model=SONNET, ttl="5m", warm=warm)
        for who in ("own", "haiku", "auto")
        for warm in (True, False)
    }
    assert by["own", True].cost == pytest.approx(53_000 * main.read + 400 * main.input + 1_000 * main.output)
    assert by["own", False].cost == pytest.approx(53_400 * main.input + 1_000 * main.output)
    assert by["haiku", True].cost == pytest.approx(40_400 * side.input + 1_000 * side.output)
    assert by["haiku", True] == by["haiku", False]
    for warm in (True, False):
        assert by["auto", warm].cost == min(by["own", warm].cost, by["haiku", warm].cost)


def test_which_is_cheaper_depends_on_the_model() -> None:
    """Beside Sonnet, Haiku writes the summary; where Haiku itself talks, its fork reads the warm prefix for less."""
    makers = {model: summary_call(SIZES, "auto", model=model, ttl="5m", warm=True).maker for model in (SONNET, HAIKU)}
    assert makers[SONNET] == HAIKU
    assert makers[HAIKU] == "own"  # its own prefix is read at a tenth of what a fresh call pays


def test_haiku_counts_more_tokens_of_an_older_models_text() -> None:
    """The newer tokenizer makes about 30 % more of the same range."""
    older = summary_call(SIZES, "haiku", model="claude-sonnet-4-5", ttl="5m", warm=True)
    newer = summary_call(SIZES, "haiku", model=SONNET, ttl="5m", warm=True)
    assert older.cost > newer.cost


def test_haikus_step_is_part_of_the_saving() -> None:
    """A fold that brings a Haiku prompt below 100,000 tokens saves five times as much a token."""
    below = a_worth(Sizes(5_000, 40_000, 50_000, 0, 1_000), model=HAIKU)
    across = a_worth(Sizes(5_000, 40_000, 58_000, 0, 1_000), model=HAIKU)
    assert across.saving > 5 * below.saving


def test_a_fresh_call_stays_below_the_step() -> None:
    """The transcript is cut below 100,000 tokens, so a longer range costs no more."""
    longer = Sizes(5_000, 400_000, 10_000, 0, 1_000)
    longest = Sizes(5_000, 900_000, 10_000, 0, 1_000)
    found = [summary_call(one, "haiku", model=SONNET, ttl="5m", warm=True).cost for one in (longer, longest)]
    listed = price(HAIKU, prompt=100_000)
    assert listed is not None
    assert found[0] == found[1] == pytest.approx(100_000 * listed.input + 1_000 * listed.output)


def test_an_unknown_model_is_reckoned_in_units() -> None:
    """Without a price the decision is made in units of the base price, says so, and warns nobody."""
    assert rates("somebody-elses-model", "5m", prompt=10) == Rates(1.0, 0.1, 1.25, 5.0, known=False)
    found = a_worth(model="somebody-elses-model")
    assert found.now == pytest.approx(5_000 * 0.1 + 11_000 * 1.25 - 53_000 * 0.1 - 2_000 * 1.25)
    assert summary_call(SIZES, "haiku", model="somebody-elses-model", ttl="5m", warm=True).cost > 0


_TOKENS = st.floats(0, 400_000)


@given(_TOKENS, _TOKENS, _TOKENS, st.floats(0, 1), st.floats(0, 5_000))
def test_what_pushes_a_fold(front: float, folded: float, tail: float, share: float, summary: float) -> None:
    """The more is new in the tail, the cheaper the fold; cold is never dearer than warm; a longer range saves more."""
    sizes = Sizes(front, folded, tail, tail * share, summary)
    fresher = Sizes(front, folded, tail, tail, summary)
    longer = Sizes(front, folded + 1_000, tail, tail * share, summary)
    assert a_worth(fresher).now <= a_worth(sizes).now + 1e-9
    assert a_worth(longer).saving > a_worth(sizes).saving
    if folded >= summary:
        assert a_worth(sizes, warm=False).now <= a_worth(sizes).now + 1e-9
