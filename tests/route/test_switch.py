"""A switch of the main thread is priced: it pays, it waits for a cold moment, or it is refused with the reason."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import Usage, price
from contextkit.ledger import Ledger
from contextkit.route import Thread, switch, thread_of

OPUS = Thread("claude-opus-5-5", prompt=60_000, growth=1_000, output=500, calls=40)


def test_the_figures_are_the_prices() -> None:
    """For one model to another of the same tokenizer, without growth: write against read, and read against read."""
    here, there = price("opus"), price("sonnet")
    assert here is not None
    assert there is not None
    thread = Thread("claude-opus-5-5", prompt=90_000, output=700, calls=10)
    found = switch(thread, "sonnet", remaining=16)
    cost_now = 90_000 * (there.write_5m - here.read) + 700 * (there.output - here.output)
    saving = 90_000 * (here.read - there.read) + 700 * (here.output - there.output)
    assert found.cost_now == pytest.approx(cost_now)
    assert found.saving_per_call == pytest.approx(saving)
    assert found.payback_calls == math.ceil(cost_now / saving)
    assert (found.calls, found.verdict) == (16, "switch")


def test_a_cheaper_model_pays_when_enough_calls_are_left() -> None:
    """The same switch is made for many calls, waits for a cold cache for few, and is refused for one."""
    assert switch(OPUS, "sonnet", remaining=400).verdict == "switch"
    few = switch(OPUS, "sonnet", remaining=5)
    assert few.verdict == "defer"
    assert "when the cache has run out" in few.reason
    cold = switch(replace(OPUS, cold=True), "sonnet", remaining=5)
    assert cold.verdict == "switch"
    assert cold.cost_now is not None
    assert few.cost_now is not None
    assert cold.cost_now < few.cost_now


def test_a_dearer_model_is_refused_with_its_price() -> None:
    """It saves nothing at any moment; the reason says what it would cost."""
    found = switch(Thread("claude-haiku-5-5", prompt=50_000, growth=500, output=300, calls=20), "opus")
    assert found.verdict == "refuse"
    assert found.saving_per_call is not None
    assert found.saving_per_call < 0
    assert "more a call" in found.reason
    assert found.payback_calls is None


def test_open_calls_wait() -> None:
    """In the middle of a tool loop the model's own thinking has to go back: a switch that pays waits for its end."""
    found = switch(replace(OPUS, open_calls=True), "sonnet", remaining=400)
    assert found.verdict == "defer"
    assert "tool calls are open" in found.reason


def test_what_cannot_be() -> None:
    """The same model, a window that is too small, and unknown prices are refused in words."""
    assert "already" in switch(OPUS, "opus").reason
    assert "already" in switch(OPUS, "claude-opus-5-5-20260901").reason
    assert "do not fit" in switch(replace(OPUS, prompt=300_000), "claude-haiku-4-5").reason
    with pytest.warns(UserWarning, match="no price"):
        found = switch(OPUS, "an-unknown-model")
    assert (found.verdict, found.cost_now) == ("refuse", None)


def test_the_price_step_of_haiku_counts() -> None:
    """Above 100,000 prompt tokens Haiku 5.5 costs five times as much: a thread that grows past it saves less."""
    small = switch(replace(OPUS, prompt=50_000, growth=100), "haiku", remaining=20)
    large = switch(replace(OPUS, prompt=99_000, growth=2_000), "haiku", remaining=20)
    assert small.saving_per_call is not None
    assert large.saving_per_call is not None
    assert large.saving_per_call / 99_000 < small.saving_per_call / 50_000


def test_tokenizers_and_thinking_count() -> None:
    """A prompt is about 30 % more tokens for a newer tokenizer; thinking does not go along."""
    older = Thread("claude-opus-4-6", prompt=60_000, output=500, calls=100)
    newer = replace(older, model="claude-opus-4-8")
    first, second = switch(older, "sonnet"), switch(newer, "sonnet")
    assert first.cost_now is not None
    assert second.cost_now is not None
    assert first.cost_now > second.cost_now
    lighter = switch(replace(newer, thinking=30_000), "sonnet")
    assert lighter.cost_now is not None
    assert lighter.cost_now < second.cost_now


def test_figures_from_the_ledger() -> None:
    """Prompt, growth, output and whether the cache is cold come from the turns' bills; side calls do not count."""
    ledger = Ledger()
    for k in range(5):
        usage = Usage(read=10_000 + 500 * k, write_5m=500, output=100)
        ledger.add(at=1_000.0 + 10 * k, purpose="turn", model="claude-opus-5-5", usage=usage)
        ledger.add(at=1_000.0 + 10 * k, purpose="route", model="claude-haiku-5-5", usage=Usage(input=9_999))
    thread = thread_of(ledger, model="claude-opus-5-5", now=1_100.0)
    assert thread == Thread("claude-opus-5-5", prompt=13_000, growth=500, output=100, calls=5)
    assert thread_of(ledger, model="claude-opus-5-5", now=1_340.0).cold
    ledger.add(at=1_050.0, purpose="turn", model="claude-opus-5-5", usage=Usage(read=12_500, write_1h=500, output=100))
    assert not thread_of(ledger, model="claude-opus-5-5", now=1_400.0).cold
    assert thread_of([], model="claude-opus-5-5", now=0.0).cold


@given(
    st.sampled_from(["haiku", "sonnet", "opus", "fable", "claude-opus-4-6"]),
    st.sampled_from(["haiku", "sonnet", "opus", "fable", "claude-sonnet-4-5"]),
    st.integers(0, 150_000),
    st.integers(0, 3_000),
    st.integers(1, 60),
    st.booleans(),
)
def test_the_verdict_follows_from_the_figures(
    model: str, target: str, prompt: int, growth: int, calls: int, cold: bool
) -> None:
    """What is switched pays for itself within the calls expected; what is refused or put off does not, now."""
    found = switch(Thread(model, prompt, growth, 300, 10, cold), target, remaining=calls)
    if found.cost_now is None or found.saving_per_call is None:
        assert found.verdict == "refuse"
        return
    left = found.saving_per_call * (calls - 1) - found.cost_now
    assert found.verdict == "switch" if left > 1e-9 else left > -1e-9 or found.verdict != "switch"
    if found.verdict == "switch":
        assert found.payback_calls is not None or abs(left) < 1e-9
    if cold:
        assert found.verdict != "defer"
