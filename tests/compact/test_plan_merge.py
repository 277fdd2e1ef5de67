"""What a merge costs and saves, and when it waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.compact.plan import Since, decide
from contextkit.compact.plan_merge import Merge, Standing, priced
from contextkit.compact.policies import Compaction
from contextkit.compact.worth import rates
from contextkit.replay.bill import bill
from contextkit.replay.break_even import BreakEven
from contextkit.replay.window import Part, Window
from tests.compact.test_plan import POLICY, a_heavy_log, a_situation
from tests.test_replay import LONG

SONNET = "claude-sonnet-5-5"


def priced_at(standing: Standing, *, warm: bool, summary: float = 1_000) -> Merge:
    """Four summaries of level 1 that become one, by Haiku."""
    return priced(Merge(0, 4, 2), standing, summary, summarizer="haiku", model=SONNET, ttl="5m", warm=warm, at=None)


def test_the_figures_are_the_bills() -> None:
    """What a merge is said to cost beside a fold, and to save later, is what the replay's bill says."""
    ours, at, until = BreakEven(budget=100_000), 40, 44
    costs = {}
    for wanted in (None, Merge(0, 4, 2)):
        window = Window(LONG, start=21, parts=[Part(1 + 5 * i, 6 + 5 * i, 1_000.0) for i in range(4)])
        moves = [window.move(call) for call in range(at)]
        fold = decide(a_situation(a_heavy_log(), ceiling=1_000), POLICY, Since()).fold
        assert fold is not None
        kept, made = ours.carry_out(window, fold._replace(first=21, end=61), wanted, at)
        moves += [window.move(at, kept, made), *(window.move(call) for call in range(at + 1, until))]
        found = bill(LONG, moves, "5m")
        costs[wanted is None] = (found.per_call, found.summaries)
    head = LONG.log.ends[0]
    price = rates(LONG.model, "5m", prompt=0)
    told = priced(
        Merge(0, 4, 2),
        Standing(head, 4_000.0, 4, 10_000.0),
        ours.summary,
        summarizer="haiku",
        model=LONG.model,
        ttl="5m",
        warm=True,
        at=None,
    ).worth
    assert told is not None
    now = costs[False][0][at] + costs[False][1] - costs[True][0][at] - costs[True][1]
    assert told.now == pytest.approx(now)
    saved = [costs[True][0][call] - costs[False][0][call] for call in range(at + 1, until)]
    assert saved == pytest.approx([told.saving] * len(saved))
    assert told.saving == pytest.approx(3_000 * price.read)


def test_a_cold_merge_pays_at_once() -> None:
    """Where everything is written anyway, fewer summaries cost less at once."""
    standing = Standing(500.0, 4_000.0, 4, 60_000.0)
    cold, warm = priced_at(standing, warm=False).worth, priced_at(standing, warm=True).worth
    assert cold is not None
    assert warm is not None
    assert cold.payback == 0
    assert 0 < warm.payback < 30


@given(st.floats(0, 5_000), st.floats(200, 20_000), st.booleans())
def test_a_summary_that_is_not_shorter_saves_nothing(head: float, summaries: float, warm: bool) -> None:
    """No merge saves more than the tokens that go, and one that makes nothing shorter never pays."""
    standing = Standing(head, summaries, 4, 60_000.0)
    price = rates(SONNET, "5m", prompt=60_000.0)
    for size in (200.0, summaries):
        found = priced_at(standing, warm=warm, summary=size).worth
        assert found is not None
        assert found.saving == pytest.approx(max(summaries - size, 0.0) * price.read, abs=1e-12)
    assert found is not None
    assert found.now > 0
    assert found.payback == float("inf")


def test_a_merge_that_would_not_pay_waits() -> None:
    """Right before the end a full level stays as it is, until it is full twice over; the plan says what waits."""
    log = a_heavy_log()
    policy = Compaction(budget=100_000, keep_recent=5_000, expected_calls=1_000)
    for levels, seen, merged in (((1,) * 4, 100, True), ((1,) * 4, 999, False), ((1,) * 8, 999, True)):
        situation = a_situation(log, start=21, levels=levels, summaries=1_000.0 * len(levels), ceiling=1_000)
        made = decide(situation, policy, Since(calls=50, seen=seen))
        assert made.verdict == "fold"
        assert (made.merge is not None, made.waits is None) == (merged, merged)
        told = made.merge or made.waits
        assert told is not None
        assert told.worth is not None
        assert f"{len(levels)} summaries" in told.reason
        assert "pays for itself" in told.reason
