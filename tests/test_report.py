"""Reports of a ledger: its own figures, aligned, and nothing that a name could do to a terminal."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import UnknownPriceWarning, Usage
from contextkit.ledger import Ledger
from contextkit.report import grouped, hot_spots, report, summary, table, timeline

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


def a_ledger() -> Ledger:
    """Two steps of one agent, a summary, a cheap side call."""
    ledger = Ledger(conversation="agent")
    for at in range(12):
        usage = Usage(input=3, read=2_000 * at, write_5m=2_000, output=300)
        name = "research/read" if at % 3 else "research/plan"
        ledger.add(at=60.0 * at, purpose="turn", model="claude-opus-5-5", usage=usage, step=name)
    ledger.add(
        at=800, purpose="summary", model="claude-haiku-5-5", usage=Usage(input=18_000, output=900), step="research/read"
    )
    ledger.add(at=900, purpose="side", model="claude-haiku-5-5", usage=Usage(input=400, output=5), step="classify")
    ledger.note_verdict("defer", "not yet")
    ledger.note_verdict("fold", "it pays", 0.01, 0.002)
    return ledger


def test_a_report_as_it_is_printed(snapshot: SnapshotAssertion) -> None:
    """Summary, table by step, hot spots, timeline."""
    assert report(a_ledger()) == snapshot


def test_the_table_has_the_ledgers_sums() -> None:
    """One line a group with its calls, tokens and USD; shares of the whole."""
    ledger = a_ledger()
    lines = grouped(ledger, "purpose").splitlines()
    assert len(lines) == 4
    for line in lines[1:]:
        name, calls, *_ = line.split()
        found = ledger.by("purpose")[name]
        assert int(calls) == found.calls
        assert f"{found.cost:,.4f}" in line
        assert f"{found.usage.read:,}" in line


def test_unknown_prices_are_said() -> None:
    """A group without a price says so; one with some says that there is more; the summary counts them."""
    ledger = Ledger()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownPriceWarning)
        ledger.add(at=0, purpose="turn", model="somebody-else-7", usage=Usage(input=5), step="a")
        assert "price unknown" in summary(ledger)
        assert grouped(ledger, "step").splitlines()[1].split()[-3:] == ["unknown", "unknown", "-"]
        ledger.add(at=0, purpose="turn", model="claude-opus-5", usage=Usage(input=1_000), step="a")
    assert "0.0050+" in grouped(ledger, "step")
    assert "1 calls of models whose price is not known" in summary(ledger)


def test_an_empty_ledger_has_a_report() -> None:
    """No rows: no tables, no bars, no error."""
    assert report(Ledger()).startswith("0 calls")
    assert hot_spots(Ledger()) == ""
    assert timeline(Ledger()) == ""


def test_the_timeline_is_no_wider_than_it_may_be() -> None:
    """Many calls share a bar; the longest prompt is the highest."""
    ledger = Ledger()
    for at in range(1_000):
        ledger.add(at=at, purpose="turn", model="claude-opus-5", usage=Usage(input=at))
    prompts = timeline(ledger, width=40).splitlines()[0].split()[1]
    assert len(prompts) == 40
    assert (prompts[0], prompts[-1]) == ("▁", "█")


@given(st.text(max_size=300))
def test_names_do_nothing_to_a_terminal(name: str) -> None:
    """Whatever a step or a model is called, the table has one printable line for it."""
    text = table(("step", "calls"), [[name, "1"]])
    assert len(text.split("\n")) == 2
    assert text.replace("\n", "").isprintable()
