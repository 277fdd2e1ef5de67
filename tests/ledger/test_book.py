"""The ledger: one row a call, sums that say what they leave out."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import UnknownPriceWarning, Usage
from contextkit.errors import ConfigError
from contextkit.ledger import Budget, By, FoldRow, Ledger, Row, Totals

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGES = st.builds(Usage, *[st.integers(0, 10**6)] * 5)
PURPOSES = st.sampled_from(["turn", "summary", "warm", "route", "side"])


def test_a_row_says_what_was_billed_and_by_which_price() -> None:
    """Tokens as billed, the price used, the cost, and what the same call costs without a cache."""
    ledger = Ledger()
    usage = Usage(input=100, read=10_000, write_5m=500, output=50)
    row = ledger.add(at=5.0, purpose="turn", model="claude-opus-5", usage=usage, step="plan", estimate=10_500, note="n")
    assert row.price is not None
    assert row.cost == pytest.approx((100 * 5 + 10_000 * 0.5 + 500 * 6.25 + 50 * 25) / 1e6)
    assert row.uncached == pytest.approx((10_600 * 5 + 50 * 25) / 1e6)
    assert (row.at, row.step, row.estimate, row.note) == (5.0, "plan", 10_500, "n")
    assert list(ledger) == [row]
    assert json.loads(json.dumps(row.as_dict()))["usage"]["read"] == 10_000


def test_batch_speed_and_region_are_in_the_price() -> None:
    """Each of them changes the cost, and the comparison figure with it."""
    ledger = Ledger()
    usage = Usage(input=1_000_000)
    costs = [
        ledger.add(at=0, purpose="turn", model="claude-opus-5-5", usage=usage, batch=batch, geo=geo, speed=speed).cost
        for batch, geo, speed in ((False, None, None), (True, None, None), (False, "us", None), (False, None, "fast"))
    ]
    assert costs == pytest.approx([4, 2, 4.4, 8])
    assert [row.uncached for row in ledger] == pytest.approx(costs)


def test_the_uncached_call_is_priced_by_its_own_size() -> None:
    """Haiku's step counts the whole prompt, cached or not, so both figures take the same side of it."""
    row = Ledger().add(at=1_795_000_000, purpose="turn", model="haiku", usage=Usage(read=100_000, input=1))
    assert row.cost == pytest.approx(100_000 * 0.05e-6 + 0.5e-6)
    assert row.uncached == pytest.approx(100_001 * 0.5e-6)


def test_unknown_prices_are_none_and_counted() -> None:
    """A row without a price has no cost; the sums hold the others and say how many are missing."""
    ledger = Ledger()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        row = ledger.add(at=0, purpose="turn", model="somebody-else-1", usage=Usage(input=5))
        assert (row.price, row.cost, row.uncached) == (None, None, None)
        assert ledger.totals() == Totals(1, Usage(input=5), None, None, unpriced=1)
        ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=Usage(input=1_000_000))
    totals = ledger.totals()
    assert (totals.calls, totals.unpriced) == (2, 1)
    assert totals.cost == pytest.approx(5)
    assert totals.usage == Usage(input=1_000_005)


def test_what_was_not_told_is_none_and_never_0() -> None:
    """An answer without usage: no tokens, no cost, a note beside the caller's own, and a call for the budgets."""
    ledger = Ledger()
    purse = ledger.limit(Budget(calls=5))
    row = ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=None, message_id="msg_1", note="attempt 2")
    assert (row.usage, row.price, row.cost, row.uncached) == (Usage(), None, None, None)
    assert row.note == "attempt 2, usage not told"
    assert ledger.totals() == Totals(1, Usage(), None, None, unpriced=1)
    assert (purse.spent.calls, purse.spent.unpriced, purse.spent.usd) == (1, 1, 0.0)
    assert json.loads(json.dumps(row.as_dict()))["cost"] is None
    assert ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=None).note == "usage not told"


def test_rows_are_read_as_from_a_list() -> None:
    """By number from either end, and by slice; beyond the end it raises as a list does."""
    ledger = Ledger()
    rows = [ledger.add(at=at, purpose="turn", model="claude-opus-5", usage=Usage(input=1)) for at in range(3)]
    assert ledger[0] is rows[0]
    assert ledger[-1] is rows[2]
    assert ledger[1:] == rows[1:]
    assert list(reversed(ledger)) == rows[::-1]
    with pytest.raises(IndexError):
        ledger[3]


def test_an_empty_ledger() -> None:
    """No rows: no cost, no tokens, no hit rate."""
    totals = Ledger().totals()
    assert totals == Totals(0, Usage(), None, None)
    assert totals.hit_rate == 0.0
    assert len(Ledger()) == 0


@given(st.lists(st.tuples(PURPOSES, USAGES), max_size=20))
def test_sums_by_purpose_add_up(calls: list[tuple[str, Usage]]) -> None:
    """The purposes are disjoint: their sums make the whole; a hit rate is a share."""
    ledger = Ledger()
    for purpose, usage in calls:
        ledger.add(at=0, purpose=purpose, model="claude-opus-5", usage=usage)  # type: ignore[arg-type]  # drawn text
    whole = ledger.totals()
    parts = [ledger.totals(purpose) for purpose in ("turn", "summary", "warm", "route", "side")]
    assert whole.calls == len(ledger) == sum(part.calls for part in parts)
    assert whole.usage == sum((part.usage for part in parts), Usage())
    assert (whole.cost or 0.0) == pytest.approx(sum(part.cost or 0.0 for part in parts))
    assert 0.0 <= whole.hit_rate <= 1.0


def a_ledger(*calls: tuple[str, str, int, int], model: str = "claude-opus-5") -> Ledger:
    """A ledger of turns: step, conversation, prompt tokens and how many of them were read."""
    ledger = Ledger()
    for at, (name, conversation, prompt, read) in enumerate(calls):
        usage = Usage(input=prompt - read, read=read, output=10)
        ledger.add(at=at, purpose="turn", model=model, usage=usage, step=name, conversation=conversation)
    return ledger


def test_rows_are_grouped_by_any_name_the_dearest_first() -> None:
    """Step (to a depth), model, purpose, conversation; the groups are disjoint and make the whole."""
    ledger = a_ledger(
        ("review/plan", "a", 100, 0), ("review/check", "a", 9_000, 0), ("classify", "b", 500, 0), ("", "b", 50, 0)
    )
    assert list(ledger.by("step")) == ["review/check", "classify", "review/plan", ""]
    assert {name: found.calls for name, found in ledger.by("step", depth=1).items()} == {
        "review": 2,
        "classify": 1,
        "": 1,
    }
    assert list(ledger.by("conversation")) == ["a", "b"]
    assert list(ledger.by("model")) == ["claude-opus-5"]
    assert ledger.by("purpose")["turn"] == ledger.totals()
    fields: list[By] = ["step", "model", "purpose", "conversation"]
    for field in fields:
        parts = ledger.by(field).values()
        assert sum((part.usage for part in parts), Usage()) == ledger.totals().usage
    with pytest.raises(ConfigError, match="has no 'colour'"):
        ledger.by("colour")  # type: ignore[arg-type]  # that is the point


def test_what_the_cache_saved_is_the_difference_of_the_two_figures() -> None:
    """Sums carry cost and the counterfactual without a cache; a write that nobody reads saves less than nothing."""
    ledger = Ledger()
    ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=Usage(write_5m=1_000_000))
    written = ledger.totals()
    assert written.cost == pytest.approx(6.25)
    assert written.uncached == pytest.approx(5)
    assert written.saved == pytest.approx(-1.25)
    ledger.add(at=1, purpose="turn", model="claude-opus-5", usage=Usage(read=1_000_000))
    assert ledger.totals().saved == pytest.approx(-1.25 + 4.5)
    assert json.loads(json.dumps(ledger.totals().as_dict()))["hit_rate"] == 0.5


def test_records_are_flat() -> None:
    """Every record has the same keys and only numbers, texts and None: a data frame needs no more."""
    ledger = a_ledger(("plan", "a", 100, 60), ("", "", 7, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        ledger.add(at=1e300, purpose="side", model="somebody-else-2", usage=Usage(output=1))
    records = ledger.records()
    assert len({tuple(record) for record in records}) == 1
    assert {type(value) for record in records for value in record.values()} <= {int, float, str, type(None)}
    assert (records[0]["prompt"], records[0]["read"], records[0]["step"]) == (100, 60, "plan")
    assert records[0]["time"] == "1970-01-01T00:00:00.000+00:00"
    assert (records[2]["cost"], records[2]["time"]) == (None, "")


def test_a_sub_agents_calls_stand_in_both_ledgers() -> None:
    """A child's rows carry its name and are part of the parent's sums, however deep; not the other way round."""
    main = Ledger(conversation="main")
    child = main.child("researcher")
    grandchild = child.child("reader")
    for ledger in (main, child, grandchild):
        ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=Usage(input=100))
    assert [len(each) for each in (main, child, grandchild)] == [3, 2, 1]
    assert {name: found.calls for name, found in main.by("conversation").items()} == {
        "main": 1,
        "researcher": 1,
        "reader": 1,
    }


def test_rows_that_were_booked_elsewhere_can_be_taken_in() -> None:
    """They keep their step and price, get a conversation's name where they have none, and reach sinks and budgets."""
    kept: list[Row] = []
    other = a_ledger(("plan", "", 100, 0), ("plan", "known", 100, 0))
    book = Ledger(sinks=[kept.append])
    purse = book.limit(Budget(calls=10))
    book.take(other, "customer 1")
    assert [row.conversation for row in book] == ["customer 1", "known"]
    assert book.rows == kept
    assert [row.price for row in book] == [row.price for row in other]
    assert purse.spent.calls == 2
    assert len(book.take(book)) == 4


def test_a_ledger_can_be_copied_and_sent_to_another_process() -> None:
    """Rows, budgets and tallies come along; what is added to the copy is not in the original."""
    ledger = a_ledger(("plan", "a", 100, 0))
    ledger.limit(Budget(calls=5))
    ledger.note_verdict("fold", "it pays", 0.1, 0.2)
    for twin in (copy.deepcopy(ledger), pickle.loads(pickle.dumps(ledger))):  # noqa: S301  (our own bytes)
        assert twin.rows == ledger.rows
        assert twin.verdicts == ledger.verdicts
        twin.add(at=1, purpose="turn", model="claude-opus-5", usage=Usage(input=1))
        assert (twin.purses[0].spent.calls, ledger.purses[0].spent.calls) == (1, 0)
        assert len(ledger) == 1


def test_a_sink_that_fails_is_counted_and_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    """The row is in memory, the other sinks get it, the first failure is logged."""
    kept: list[Row] = []

    def broken(row: Row) -> None:
        raise OSError("No space left on device")

    ledger = Ledger(sinks=[broken, kept.append])
    for at in range(3):
        ledger.add(at=at, purpose="turn", model="claude-opus-5", usage=Usage(input=1))
    assert kept == ledger.rows
    assert ledger.lost == 3
    assert [record.message for record in caplog.records] == [
        "a ledger sink did not keep a row: OSError: No space left on device"
    ]


def test_verdicts_are_counted_and_folds_are_kept() -> None:
    """What waited is a number and a reason; what was done keeps its figures."""
    ledger = Ledger()
    for calls in range(100):
        ledger.note_verdict("defer", f"the last fold was {calls} calls ago")
    ledger.note_verdict("fold", "it pays", 0.02, 0.004, at=7.0)
    found = ledger.verdicts
    assert found.counts == {"defer": 100, "fold": 1}
    assert found.reasons == {"defer": "the last fold was 99 calls ago", "fold": "it pays"}
    assert found.folds == [FoldRow("it pays", 0.02, 0.004, 7.0)]
    assert json.loads(json.dumps(found.as_dict()))["folds"][0]["saving"] == 0.004


def test_adding_costs_the_same_however_long_the_ledger_is() -> None:
    """No row is looked at again when one is added: rows that would raise when read do not."""

    class Trap(list[Row]):
        def __iter__(self) -> Iterator[Row]:
            raise AssertionError("the ledger was read")

    ledger = Ledger(rows=Trap(), sinks=[lambda row: row])
    ledger.limit(Budget(usd=100))
    for at in range(10):
        with ledger.holding("claude-opus-5", prompt=10, output=10):
            ledger.add(at=at, purpose="turn", model="claude-opus-5", usage=Usage(input=1))
    assert len(ledger) == 10


@given(st.lists(st.tuples(PURPOSES, USAGES), max_size=20))
def test_sums_in_one_pass_are_the_rows_own_figures(calls: list[tuple[str, Usage]]) -> None:
    """Cost and counterfactual of the sums are the sums of what each row says."""
    ledger = Ledger()
    for purpose, usage in calls:
        ledger.add(at=0, purpose=purpose, model="haiku", usage=usage)  # type: ignore[arg-type]  # drawn text
    totals = ledger.totals()
    assert (totals.cost or 0) == pytest.approx(sum(row.cost or 0 for row in ledger))
    assert (totals.uncached or 0) == pytest.approx(sum(row.uncached or 0 for row in ledger))
