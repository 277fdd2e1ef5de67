"""A suggestion says how much it would have saved, in USD only where the price is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contextkit.api.usage import Usage
from contextkit.replay import suggest
from tests.test_replay import LONG

if TYPE_CHECKING:
    from contextkit.replay.trace import Trace


def billed(found: Trace, read: int) -> Trace:
    """A trace each of whose calls was billed so many tokens as read."""
    return replace(found, steps=tuple(replace(step, billed=Usage(read=read, output=10)) for step in found.steps))


def test_what_it_would_have_saved() -> None:
    """Against automatic caching always, against the bill where every session has one."""
    plain = suggest([LONG], recall=0.5)
    told = plain.as_dict()
    assert told["saved_usd"] == pytest.approx(plain.automatic - plain.cost, abs=1e-6)
    assert 0 < told["saved"] < 1
    assert told["billed_usd"] is None
    dear = suggest([billed(LONG, 300_000)], recall=0.5)
    assert dear.billed is not None
    assert dear.saved_of_billed == pytest.approx(1 - dear.cost / dear.billed)
    assert suggest([billed(LONG, 300_000), LONG], recall=0.5).billed is None


def test_usd_and_units_are_not_added_up() -> None:
    """Sessions without a price are left out beside others; alone they give a share and no sum."""
    strange = replace(LONG, model="somebody-elses-model")
    mixed = suggest([LONG, strange], recall=0.5)
    assert mixed.left_out == 1
    assert mixed.cost == pytest.approx(suggest([LONG], recall=0.5).cost)
    alone = suggest([strange], recall=0.5).as_dict()
    assert alone["cost_usd"] is None
    assert alone["saved_usd"] is None
    assert alone["billed_usd"] is None
    assert alone["left_out"] == 0
    assert 0 < alone["saved"] < 1
