"""Budgets: a call that could pass one is not made; nothing is said after it was paid for."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import UnknownPriceWarning, Usage
from contextkit.errors import BudgetError, ConfigError
from contextkit.ledger import Budget, BudgetWarning, Expected, Ledger, SpendingError, Spent, Verdict, expected, step

MODEL = "claude-opus-5"  # 5 USD in, 25 USD out a million tokens
AMOUNTS = st.floats(0, 10)


def a_call(ledger: Ledger, *, prompt: int = 1_000, output: int = 100, billed: int | None = None) -> None:
    """One call as a driver makes it: held, answered, booked."""
    with ledger.holding(MODEL, prompt=prompt, output=output, cached=False):
        usage = Usage(input=prompt, output=output if billed is None else billed)
        ledger.add(at=0, purpose="turn", model=MODEL, usage=usage)


@pytest.mark.parametrize(
    ("budget", "spent", "call", "verdict", "unit"),
    [
        (Budget(usd=1), Spent(usd=0.5), Expected(0.2, 10), "go", "usd"),
        (Budget(usd=1), Spent(usd=0.9), Expected(0.2, 10), "stop", "usd"),
        (Budget(usd=1), Spent(usd=0.8), Expected(0.2, 10), "warn", "usd"),
        (Budget(tokens=100), Spent(tokens=70), Expected(None, 30), "go", "tokens"),
        (Budget(tokens=100), Spent(tokens=71), Expected(None, 30), "stop", "tokens"),
        (Budget(calls=3), Spent(calls=2), Expected(9.0, 9), "go", "calls"),
        (Budget(calls=3), Spent(calls=3), Expected(9.0, 9), "stop", "calls"),
        (Budget(usd=10, calls=2, warn_at=0.5), Spent(usd=1, calls=1), Expected(8.9, 1), "warn", "calls"),
        (Budget(usd=1), Spent(usd=0.1), Expected(None, 10), "go", "usd"),
        (Budget(usd=1, strict=True), Spent(), Expected(None, 10), "stop", "usd"),
        (Budget(usd=1, strict=True), Spent(), Expected(0.1, 10, 1, 1.1), "stop", "usd"),
    ],
)
def test_the_verdict_is_arithmetic(budget: Budget, spent: Spent, call: Expected, verdict: str, unit: str) -> None:
    """What was spent and what the call may cost, against each limit that is set."""
    found = budget.check(spent, call)
    assert found.verdict == verdict
    assert found.unit == unit


def test_filling_a_budget_is_not_passing_it() -> None:
    """Ten calls of 0.1 USD fit into 1 USD, though their float sum is a little off."""
    spent = Spent(usd=sum([0.1] * 9))
    assert Budget(usd=1).check(spent, Expected(0.1, 1)).verdict == "warn"


def test_the_expected_cost_is_prompt_and_max_tokens_at_the_models_price() -> None:
    """What is read is cheap, the rest is written; `unread` is the same after a miss; unknown prices are None."""
    call = expected(MODEL, prompt=100_000, output=1_000, read=90_000)
    assert call.usd == pytest.approx((90_000 * 0.5 + 10_000 * 6.25 + 1_000 * 25) / 1e6)
    assert call.unread == pytest.approx((100_000 * 6.25 + 1_000 * 25) / 1e6)
    assert call.tokens == 101_000
    hour = expected(MODEL, prompt=1_000_000, output=0, ttl="1h")
    assert hour.usd == hour.unread == pytest.approx(10)
    assert expected(MODEL, prompt=1_000_000, output=0, cached=False, batch=True).usd == pytest.approx(2.5)
    assert expected(MODEL, prompt=10, output=0, read=99).usd == pytest.approx(10 * 0.5e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        assert expected("somebody-else-3", prompt=10, output=5) == Expected(None, 15)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"usd": 0}, {"usd": -1.0}, {"usd": float("nan")}, {"tokens": True}, {"calls": "3"}, {"usd": float("inf")},
     {"usd": 1, "warn_at": 0}, {"usd": 1, "warn_at": 1.5},
     {"usd": 1, "warn_at": "0.8"}, {"calls": 1.5}, {"tokens": 0.5}],
)  # fmt: skip
def test_a_budget_has_to_be_one(wrong: dict[str, Any]) -> None:
    """No limit, none above 0, no share: refused where it is given."""
    with pytest.raises(ConfigError):
        Budget(**wrong)


def test_a_call_that_could_pass_is_refused_before_it_is_made() -> None:
    """The error says what is spent, what the call may need and whose budget it is; nothing was booked."""
    ledger = Ledger()
    purse = ledger.limit(Budget(usd=0.02), "Conversation(budget=)")
    a_call(ledger, billed=50)
    a_call(ledger, billed=50)
    with pytest.raises(SpendingError, match=r"budget of 0\.0200 USD: 0\.0125 USD are spent, .* 0\.0080 USD") as caught:
        a_call(ledger, prompt=1_100)
    assert (caught.value.where, len(ledger)) == ("Conversation(budget=)", 2)
    assert isinstance(caught.value, BudgetError)
    a_call(ledger, billed=0)  # a smaller one still fits
    assert purse.spent.calls == 3


def test_a_bill_beyond_the_estimate_raises_nothing() -> None:
    """A paid call that cost more than expected is booked; the next one is refused."""
    ledger = Ledger()
    ledger.limit(Budget(tokens=5_000))
    with ledger.holding(MODEL, prompt=10, output=10):
        ledger.add(at=0, purpose="turn", model=MODEL, usage=Usage(input=1_000_000))
    with pytest.raises(SpendingError, match="1,000,000 tokens are spent"):
        a_call(ledger)


def test_it_warns_once_at_a_share() -> None:
    """From 80 % on the next call is preceded by one warning, with the figures; a callable gets the verdict instead."""
    ledger = Ledger()
    ledger.limit(Budget(calls=10), "run")
    for _ in range(8):
        a_call(ledger)
    with pytest.warns(BudgetWarning, match=r"budget \(run\): 8 calls of 10 calls are spent"):
        a_call(ledger)
    a_call(ledger)
    with pytest.raises(SpendingError):
        a_call(ledger)

    heard: list[Verdict] = []
    other = Ledger()
    other.limit(Budget(calls=4, warn_at=0.5, on_warn=heard.append))
    for _ in range(4):
        a_call(other)
    assert [(found.verdict, found.unit) for found in heard] == [("warn", "calls")]


def test_a_warning_that_is_an_error_stops_the_call_before_it_is_made() -> None:
    """Then nothing is held: the budget is as it was."""
    ledger = Ledger()
    purse = ledger.limit(Budget(calls=10, warn_at=0.1))
    a_call(ledger)
    with pytest.raises(BudgetWarning):
        a_call(ledger)
    assert len(ledger) == 1
    assert purse.verdict(Expected(0, 0, 9)).verdict != "stop"


def test_an_unknown_price_is_said_once_or_stops_a_strict_budget() -> None:
    """A limit in USD cannot be kept for such calls: they are made and counted, unless the budget is strict."""
    heard: list[Verdict] = []
    ledger = Ledger()
    purse = ledger.limit(Budget(usd=1, on_warn=heard.append))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        for _ in range(3):
            with ledger.holding("somebody-else-4", prompt=10, output=10):
                ledger.add(at=0, purpose="turn", model="somebody-else-4", usage=Usage(input=10))
        assert purse.spent == Spent(0.0, 30, 3, 3)
        assert [found.reason for found in heard] == ["the model's price is not known: its calls are not counted in USD"]
        strict = Ledger()
        strict.limit(Budget(usd=1, strict=True))
        with pytest.raises(SpendingError, match="price is not known"):
            strict.admit("somebody-else-4", prompt=10, output=10)


def test_calls_under_way_count_with_what_they_may_cost() -> None:
    """Of many calls that start together only as many pass as fit; a failed one gives its part back."""
    ledger = Ledger()
    ledger.limit(Budget(calls=3))
    with ledger.holding(MODEL, prompt=1, output=1), ledger.holding(MODEL, prompt=1, output=1):
        a_call(ledger)
        with pytest.raises(SpendingError):
            a_call(ledger)
    a_call(ledger)  # the two that were held were never billed
    assert len(ledger) == 2


def test_threads_cannot_pass_together_what_none_passes_alone() -> None:
    """Twenty threads at once against a budget of five calls: five are made."""
    ledger = Ledger()
    ledger.limit(Budget(calls=5, on_warn=lambda _: None))
    barrier = Barrier(20)

    def one(_: int) -> bool:
        barrier.wait()
        try:
            with ledger.holding(MODEL, prompt=1_000, output=10):
                ledger.add(at=0, purpose="turn", model=MODEL, usage=Usage(input=1_000))
        except SpendingError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        passed = sum(pool.map(one, range(20)))
    assert passed <= 5
    assert len(ledger) == passed
    assert passed > 0


def test_a_parents_budget_and_a_steps_budget_hold_for_sub_agents() -> None:
    """Every budget around a call is asked, and where one refuses, none of the others holds anything."""
    main = Ledger(conversation="main")
    whole = main.limit(Budget(calls=4, on_warn=lambda _: None))
    child = main.child("researcher")
    own = child.limit(Budget(calls=10))
    with step("night", budget=Budget(calls=1, on_warn=lambda _: None)) as night:
        a_call(child)
        with pytest.raises(SpendingError, match="budget of 1 calls"):
            a_call(child)
        assert night.spent.calls == 1
    assert [purse.verdict(Expected(0, 0, 3)).verdict for purse in (whole, own)] == ["go", "go"]
    for _ in range(3):
        a_call(child)
    with pytest.raises(SpendingError, match="budget of 4 calls"):
        a_call(child)
    main.lift(whole)
    a_call(child)
    assert (own.spent.calls, len(main), len(child)) == (5, 5, 5)


def test_without_a_budget_nothing_is_reckoned() -> None:
    """`limited` is False and `holding` does nothing: not even the price of an unknown model is looked up."""
    ledger = Ledger()
    assert not ledger.limited
    ledger.admit("somebody-else-5", prompt=1, output=1)
    with ledger.holding("somebody-else-5", prompt=1, output=1):
        pass
    limited = Ledger()
    limited.limit(Budget(usd=1))
    assert limited.limited
    assert limited.child("sub").limited


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=30), st.floats(0.1, 50))
def test_what_is_billed_as_expected_never_passes_a_budget(calls: list[tuple[float, float]], limit: float) -> None:
    """Whatever the calls, when no bill is higher than its estimate the sum stays within the limit."""
    budget, spent = Budget(usd=limit), 0.0
    for most, share in calls:
        if budget.check(Spent(usd=spent), Expected(most, 0)).verdict != "stop":
            spent += most * min(share, 1.0)
    assert spent <= limit * (1 + 1e-8)


@given(st.builds(Spent, AMOUNTS, st.integers(0, 100), st.integers(0, 100)), AMOUNTS, st.floats(0, 1))
def test_less_never_stops_what_more_lets_through(spent: Spent, usd: float, share: float) -> None:
    """A cheaper call after the same spending passes wherever the dearer one does."""
    budget = Budget(usd=5, tokens=80, calls=80)
    dear = budget.check(spent, Expected(usd, 10)).verdict
    cheap = budget.check(spent, Expected(usd * share, 10)).verdict
    assert dear == "stop" or cheap != "stop"
