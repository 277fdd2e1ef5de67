"""The bill decides: predicted breaks confirmed or not, losses nobody foresaw, the API's own diagnosis."""

from __future__ import annotations

import pytest

from contextkit.cache.simulator import PromptCache
from contextkit.cache.watch import Watch
from tests.cache.clients import Client, a_body, letters, turn


def test_the_bill_confirms_a_break_and_prices_it() -> None:
    """A predicted break that the bill shows is confirmed, with the billed tokens and their price."""
    client = Client()
    body = a_body()
    client.ask(body)
    read_before = client.cache.bill(body, client.now).read
    violation = client.ask({**turn(body), "system": "Changed. " * 400})[0]
    assert violation.confirmed is True
    assert violation.tokens == read_before
    assert violation.usd == pytest.approx(read_before * (5 - 0.2) / 1e6)


def test_a_break_that_the_bill_does_not_show_stays_in_the_report() -> None:
    """When the server read everything all the same, the prediction is shown as not confirmed, with no loss."""
    client = Client()
    body = a_body()
    client.ask(body, betas=("a",))
    violation = client.ask(turn(body), betas=("b",))[0]  # the simulator does not hash betas
    assert (violation.cause, violation.confirmed, violation.tokens) == ("betas_changed", False, 0)
    assert "no loss" in str(violation)


def test_a_loss_that_nothing_explains_is_the_providers() -> None:
    """Nothing changed, the time was short, the marks reach, and still nothing was read: evicted."""
    client = Client()
    body = a_body()
    client.ask(body)
    client.cache = PromptCache(letters)
    violation = client.ask(turn(body))[0]
    assert (violation.cause, violation.blame, violation.confirmed) == ("evicted", "provider", True)


def test_a_loss_near_the_end_of_the_lifetime_is_the_times() -> None:
    """Entries may go a little early: close to the end of the lifetime a miss is called expired."""
    client = Client()
    body = a_body()
    client.ask(body)
    client.cache = PromptCache(letters)
    client.now += 270
    assert [violation.cause for violation in client.ask(turn(body))] == ["expired"]


def test_an_entry_that_lived_longer_is_no_violation() -> None:
    """Lifetimes are minimums: a read after the end is luck, not a finding."""
    watch = Watch()
    body = a_body()
    watch.answered(watch.sent(body, 0), {"input_tokens": 5, "cache_creation_input_tokens": 1500})
    later = {"input_tokens": 5, "cache_read_input_tokens": 1500}
    assert watch.answered(watch.sent(turn(body), 310), later) == []


def test_the_apis_diagnosis_stands_beside_the_finding() -> None:
    """The API's reason is matched with ours, and where it says something else, that is shown."""
    client = Client()
    body = a_body()
    client.ask(body)
    agreed = client.ask({**turn(body), "system": "Changed. " * 400}, reason="system_changed")[0]
    assert (agreed.diagnosis, agreed.agrees) == ("system_changed", True)
    client = Client()
    client.ask(body)
    other = client.ask({**turn(body), "system": "Changed. " * 400}, reason="tools_changed")[0]
    assert (other.diagnosis, other.agrees) == ("tools_changed", False)
    assert "says tools_changed" in str(other)


def test_a_diagnosis_without_a_finding_is_unknown() -> None:
    """The API saw a change that this library did not: the loss is reported as unknown, with the API's word."""
    client = Client()
    body = a_body()
    client.ask(body)
    client.cache = PromptCache(letters)
    violation = client.ask(turn(body), reason="tools_changed")[0]
    assert (violation.cause, violation.blame, violation.diagnosis) == ("unknown", "unknown", "tools_changed")


def test_context_editing_on_the_server_is_planned() -> None:
    """When the answer says that context editing was applied, the loss is what was asked for."""
    watch = Watch()
    body = a_body()
    watch.answered(watch.sent(body, 0), {"input_tokens": 5, "cache_creation_input_tokens": 9000})
    usage = {"input_tokens": 5, "cache_read_input_tokens": 3000, "cache_creation_input_tokens": 10}
    violation = watch.answered(watch.sent(turn(body), 5), usage, edited=True)[0]
    assert (violation.cause, violation.blame, violation.tokens) == ("context_edited", "planned", 6000)


def test_below_the_minimum_is_said_once() -> None:
    """Marks on a prompt that is too short do nothing; the second request says so, later ones do not repeat it."""
    client = Client()
    body = a_body(system="Short.", model="claude-opus-4-6")
    found = []
    for _ in range(4):
        found += client.ask(body)
        body = turn(body)
    assert [(violation.cause, violation.blame, violation.tokens) for violation in found] == [
        ("below_minimum", "expected", 0)
    ]
