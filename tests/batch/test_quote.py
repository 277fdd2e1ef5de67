"""Costs before anything is sent."""

from __future__ import annotations

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import Usage, cost
from contextkit.batch import Batch
from contextkit.batch.prefix import Prefix, prefix_of
from contextkit.batch.quote import quote
from contextkit.emulator import Emulator
from contextkit.route import output_of


def a_prefix(model: str = "sonnet", words: int = 3_000) -> Prefix:
    """A shared prefix of about so many words."""
    return prefix_of({"system": "word " * words}, model=model, max_tokens=50, output=output_of(None), structured=True,
                     ttl="1h", params={})  # fmt: skip


@given(st.integers(2, 10_000), st.integers(1, 500), st.integers(1, 500))
def test_the_quote_is_what_such_a_usage_costs(count: int, tokens: int, output: int) -> None:
    """With every hit it is one write at the standard price, and reads at half price; without a prefix, plain input."""
    prefix = a_prefix()
    bulks = [(count, count * tokens, count * output), (0, 0, 0), (0, 0, 0)]
    made = quote(prefix, bulks, chunks=1, size=1, hits=1.0, at=1_795_348_800.0, warm=True)
    items = Usage(input=count * tokens, read=count * prefix.tokens, output=count * output)
    plain = Usage(input=count * (tokens + prefix.tokens), output=count * output)
    first = cost(prefix.model, Usage(write_1h=prefix.tokens)) or 0.0
    assert made.usd == pytest.approx((cost(prefix.model, items, batch=True) or 0) + first)
    assert made.usd_without_batch == pytest.approx((cost(prefix.model, items) or 0) + first)
    assert made.usd_without_prefix == pytest.approx(cost(prefix.model, plain, batch=True))
    assert made.prompt == items.prompt


def test_the_share_from_which_a_mark_pays_is_where_both_cost_the_same() -> None:
    """At that share of hits, marking and not marking cost the same."""
    prefix, bulks = a_prefix(), [(100, 0, 0), (0, 0, 0), (0, 0, 0)]
    turns = quote(prefix, bulks, chunks=1, size=1, hits=1.0, at=0.0, warm=False).pays_from
    assert turns is not None
    same = quote(prefix, bulks, chunks=1, size=1, hits=turns, at=0.0, warm=False)
    assert same.usd == pytest.approx(same.usd_without_prefix)
    assert 0.5 < turns < 0.55


def test_the_price_step_of_haiku_is_reckoned() -> None:
    """Prompts above 100,000 tokens cost five times as much a token."""
    prefix = a_prefix("haiku")
    below = quote(prefix, [(10, 10_000, 0), (0, 0, 0), (0, 0, 0)], chunks=1, size=1, hits=1, at=1.8e9, warm=False)
    above = quote(prefix, [(0, 0, 0), (10, 10_000, 0), (0, 0, 0)], chunks=1, size=1, hits=1, at=1.8e9, warm=False)
    assert below.usd is not None
    assert above.usd == pytest.approx(5 * below.usd)


def test_a_quote_comes_close_to_the_bill() -> None:
    """Prose, JSON and logs: the prompt tokens that are quoted are those that are billed, to a few in a hundred."""
    emulator = Emulator(lambda _: "Noted.")
    words = "the contract of every customer is kept for ten years and sent on request " * 40
    items = [words, json.dumps([{"id": at, "price": at / 7} for at in range(80)]), "GET /a/b?c=1 200 0.018\n" * 100]
    prefix = {"system": "You note what is unusual. " * 200}
    with Batch(prefix, items, model="sonnet", clock=lambda: emulator.clock.now, sleep=emulator.clock.advance) as batch:
        made = batch.dry_run()
        done = batch.run(emulator.client())
    assert made.prompt == pytest.approx(done.usage.prompt, rel=0.03)


def test_an_unknown_price_is_none() -> None:
    """Never 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = quote(a_prefix("claude-quill-9"), [(1, 1, 1), (0, 0, 0), (0, 0, 0)], chunks=1, size=1, hits=1, at=0,
                     warm=True)  # fmt: skip
    assert (made.usd, made.usd_without_batch, made.usd_without_prefix, made.saved) == (None, None, None, None)
