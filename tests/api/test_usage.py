"""Usage as numbers, and its price by the published table."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import anthropic.types
import anthropic.types.beta
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.facts import ALIASES, MODELS
from contextkit.api.usage import Price, UnknownPriceWarning, Usage, cost, price, uncached_cost

# USD per million tokens: in, out, 5m write, 1h write, read (pricing page, October 2026; 5.2 of November).
TABLE = {
    "claude-fable-5-2": (8, 40, 10, 16, 0.20),
    "claude-mythos-5-2": (8, 40, 10, 16, 0.20),
    "claude-fable-5-1": (10, 50, 12.50, 20, 0.25),
    "claude-mythos-5-1": (10, 50, 12.50, 20, 0.25),
    "claude-fable-5": (10, 50, 12.50, 20, 1.00),
    "claude-mythos-5": (10, 50, 12.50, 20, 1.00),
    "claude-opus-5-5": (4, 20, 5, 8, 0.20),
    "claude-opus-5": (5, 25, 6.25, 10, 0.50),
    "claude-opus-4-8": (5, 25, 6.25, 10, 0.50),
    "claude-opus-4-7": (5, 25, 6.25, 10, 0.50),
    "claude-opus-4-6": (5, 25, 6.25, 10, 0.50),
    "claude-opus-4-5": (5, 25, 6.25, 10, 0.50),
    "claude-sonnet-5-5": (2, 10, 2.50, 4, 0.10),
    "claude-sonnet-5": (2, 10, 2.50, 4, 0.20),
    "claude-sonnet-4-6": (3, 15, 3.75, 6, 0.30),
    "claude-sonnet-4-5": (3, 15, 3.75, 6, 0.30),
    "claude-haiku-5-5": (0.10, 0.50, 0.125, 0.20, 0.01),
    "claude-haiku-4-5": (1, 5, 1.25, 2, 0.10),
}
FAST = {
    "claude-fable-5-2": (16, 80),
    "claude-mythos-5-2": (16, 80),
    "claude-opus-5-5": (8, 40),
    "claude-opus-5": (10, 50),
    "claude-opus-4-8": (10, 50),
}


def classes(found: Price | None) -> tuple[float, ...]:
    """USD per million tokens, in the table's order."""
    assert found is not None
    return tuple(round(usd * 1e6, 9) for usd in (found.input, found.output, found.write_5m, found.write_1h, found.read))


def on(year: int, month: int, day: int, hour: int = 0) -> float:
    """Unix time of a date."""
    return datetime(year, month, day, hour, tzinfo=UTC).timestamp()


def test_the_table_has_every_model() -> None:
    """No current model is without a published price."""
    assert TABLE.keys() == MODELS.keys()


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("at", [None, on(2026, 11, 22)])
def test_every_class_of_every_model(name: str, at: float | None) -> None:
    """Input, output, both writes and the read cost what the pricing page says."""
    assert classes(price(name, at=at)) == TABLE[name]


@pytest.mark.parametrize("name", TABLE)
def test_multipliers_apply_to_every_class(name: str) -> None:
    """A batch costs half, US-only inference a tenth more, and both stack."""
    usual = TABLE[name]
    assert classes(price(name, batch=True)) == pytest.approx([usd * 0.5 for usd in usual])
    assert classes(price(name, geo="us")) == pytest.approx([usd * 1.1 for usd in usual])
    assert classes(price(name, geo="us", batch=True)) == pytest.approx([usd * 0.55 for usd in usual])
    assert classes(price(name, speed="standard", geo="global")) == usual


@pytest.mark.parametrize("name", FAST)
def test_fast_mode_has_its_own_base_price(name: str) -> None:
    """Input and output by the table; the cache multipliers apply to the fast input price."""
    base, out = FAST[name]
    usual = TABLE[name]
    factor = base / usual[0]
    assert classes(price(name, speed="fast")) == pytest.approx(
        (base, out, usual[2] * factor, usual[3] * factor, usual[4] * factor)
    )


@pytest.mark.parametrize("name", ["claude-haiku-5-5", "haiku", "us.anthropic.claude-haiku-5-5-20261007-v1:0"])
def test_the_step_of_haiku_5_5(name: str) -> None:
    """Up to exactly 100,000 prompt tokens the low price; one more and the whole request costs five times that."""
    low = TABLE["claude-haiku-5-5"]
    assert classes(price(name, prompt=100_000)) == low
    assert classes(price(name, prompt=100_001)) == pytest.approx([usd * 5 for usd in low])
    assert classes(price(name, prompt=900_000)) == pytest.approx([usd * 5 for usd in low])
    assert cost(name, Usage(read=60_000, input=40_000)) == pytest.approx(60_000 * 0.01e-6 + 40_000 * 0.1e-6)
    assert cost(name, Usage(read=60_001, input=40_000)) == pytest.approx(60_001 * 0.05e-6 + 40_000 * 0.5e-6)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"claude-haiku-5-5"}))
def test_no_other_current_model_has_a_step(name: str) -> None:
    """Prompts up to the window cost the same a token on every other model, today."""
    for prompt in (100_001, MODELS[name].window):
        assert classes(price(name, prompt=prompt, at=on(2026, 11, 22))) == TABLE[name]


def test_the_read_price_of_sonnet_5_5_fell() -> None:
    """Until 2026-10-07 a read cost a tenth of the input price, from that day on a twentieth."""
    assert classes(price("claude-sonnet-5-5", at=on(2026, 10, 6, 23)))[4] == 0.20
    assert classes(price("claude-sonnet-5-5", at=on(2026, 10, 7)))[4] == 0.10
    assert classes(price("claude-sonnet-5-5", at=on(2026, 10, 6)))[:4] == TABLE["claude-sonnet-5-5"][:4]


@pytest.mark.parametrize("short", ALIASES)
def test_short_names_have_the_price_of_their_model(short: str) -> None:
    """What can be sent can be priced under the same name."""
    assert classes(price(short)) == TABLE[ALIASES[short]]


def test_an_unknown_price_is_none_and_said_once() -> None:
    """Never 0: None, with exactly one warning a model however often it is asked for."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert price("claude-unheard-of-1") is None
            assert cost("claude-unheard-of-1", Usage(input=5)) is None
            assert uncached_cost("claude-unheard-of-1", Usage(input=5)) is None
        assert price("claude-unheard-of-2", speed="fast", geo="us", batch=True) is None
        assert price("claude-haiku-4-5", speed="fast") is None
        assert price("claude-haiku-4-5", speed="fast", batch=True) is None
    said = [str(warning.message) for warning in caught if issubclass(warning.category, UnknownPriceWarning)]
    assert len(said) == 3
    assert "claude-unheard-of-1" in said[0]
    assert "claude-haiku-4-5 in fast mode" in said[2]


USAGES = st.builds(Usage, *[st.integers(0, 10**6)] * 5)


@given(USAGES, USAGES, st.sampled_from(sorted(TABLE)))
def test_costs_add_up(first: Usage, second: Usage, name: str) -> None:
    """Usage is five disjoint numbers: sums are sums of each, and a fixed price is linear in them."""
    found = price(name)
    assert found is not None
    assert (first + second).prompt == first.prompt + second.prompt
    assert found.of(first + second) == pytest.approx(found.of(first) + found.of(second))
    assert found.times(0.5, "half").of(first) == pytest.approx(found.of(first) / 2)


def test_without_a_cache_every_prompt_token_is_input() -> None:
    """The comparison figure takes the whole prompt at the base price, and the step with it."""
    usage = Usage(input=1, read=90_000, write_5m=9_000, write_1h=1_000, output=10)
    assert uncached_cost("claude-haiku-5-5", usage) == pytest.approx(100_001 * 0.5e-6 + 10 * 2.5e-6)


SPLIT = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 70}
TOLD: dict[str, Any] = {
    "input_tokens": 5,
    "output_tokens": 7,
    "cache_read_input_tokens": 11,
    "cache_creation_input_tokens": 100,
    "cache_creation": SPLIT,
}


@pytest.mark.parametrize("kind", [dict, anthropic.types.Usage, anthropic.types.beta.BetaUsage, "plain", "loose"])
def test_usage_of_any_kind(kind: Any) -> None:
    """SDK objects, beta ones, dicts and plain objects are read the same."""
    if kind == "plain":
        told: Any = SimpleNamespace(**{**TOLD, "cache_creation": SimpleNamespace(**SPLIT)})
    elif kind == "loose":
        told = anthropic.types.Usage.construct(**TOLD)
    else:
        told = kind(**TOLD)
    assert Usage.of(told) == Usage(5, 11, 30, 70, 7)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (None, Usage()),
        ({}, Usage()),
        ("nonsense", Usage()),
        ({"input_tokens": None, "output_tokens": "7"}, Usage()),
        ({"input_tokens": -5, "output_tokens": 1}, Usage(output=1)),
        ({"cache_creation_input_tokens": 100}, Usage(write_5m=100)),
        ({"cache_creation_input_tokens": 100, "cache_creation": None}, Usage(write_5m=100)),
        (
            {"cache_creation_input_tokens": 100, "cache_creation": {"ephemeral_1h_input_tokens": 70}},
            Usage(0, 0, 30, 70),
        ),
        ({"cache_creation": SPLIT}, Usage(write_5m=30, write_1h=70)),
    ],
)
def test_missing_and_odd_parts(told: Any, usage: Usage) -> None:
    """Missing parts are 0 tokens; a write without its split is a five-minute one; nonsense never raises."""
    assert Usage.of(told) == usage


PASS = {"input_tokens": 5, "output_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 50}
PASSES = [{**PASS, "type": "compaction", "input_tokens": 1000}, {**PASS, "type": "message"}]


@pytest.mark.parametrize("kind", [dict, anthropic.types.Usage.construct, anthropic.types.beta.BetaUsage])
def test_compaction_passes_are_added(kind: Any) -> None:
    """A compaction is billed in `iterations` only; the passes that the sums hold already are not counted twice."""
    told = kind(input_tokens=5, output_tokens=7, cache_read_input_tokens=50, iterations=PASSES)
    assert Usage.of(told) == Usage(input=1005, read=100, output=14)
