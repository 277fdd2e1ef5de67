"""Turns that do not need each other: what they would have cost apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contextkit.compact.worth import rates
from contextkit.history.log import Entry, Log
from contextkit.replay import compare, policy
from contextkit.replay.apart import apart
from contextkit.replay.trace import Step, Trace

THINGS = ("a broken lamp", "a late parcel", "a lost invoice", "a kind word", "a wrong colour", "a double charge")
MODEL = "claude-sonnet-4-5"


def letters(*, pointing: bool = False, fixed: float = 3_000.0) -> Trace:
    """Six letters of 400 tokens over one form, each answered in 100, ten seconds apart."""
    log, steps = Log(), []
    for at, thing in enumerate(THINGS):
        asked = f"Sort this letter: I write about {thing} of {'the previous one' if pointing and at else 'mine'}."
        log.entries.append(Entry("user", [{"type": "text", "text": asked}], fresh=True))
        log.ends.append(500.0 * at + 400.0)
        steps.append(Step(len(log.entries), 100, 10.0 * at, None))
        log.entries.append(Entry("assistant", [{"type": "text", "text": "A complaint."}]))
        log.ends.append(500.0 * (at + 1))
    return Trace("a file", MODEL, fixed, log, tuple(steps))


def test_what_apart_costs() -> None:
    """Behind one cached beginning each item pays for itself alone; a batch costs half of that."""
    (found,) = apart(letters())
    price = rates(MODEL, "5m", prompt=0)
    assert found.turns == 6
    prefix = 3_000 * (price.write + 5 * price.read)
    assert found.separate == pytest.approx(prefix + 6 * (400 * price.input + 100 * price.output))
    assert found.batch == pytest.approx(found.separate / 2)
    assert found.together > found.separate
    assert found.form.startswith("Sort this letter")


def test_silent_in_doubt() -> None:
    """Turns that point back are no items; neither is a conversation with one."""
    assert apart(letters(pointing=True)) == ()
    assert compare(letters(pointing=True), [policy("automatic")]).as_dict()["independent"] == []


def test_the_report_says_so() -> None:
    """The figures are in the report; without a known price there are none."""
    (told,) = compare(letters(), [policy("automatic")]).as_dict()["independent"]
    assert told["separate_usd"] < told["together_usd"]
    (unknown,) = apart(replace(letters(), model="somebody-elses-model"))
    assert unknown.as_dict()["together_usd"] is None
    assert unknown.separate < unknown.together
