"""Budgets of conversations: a call that could pass one is not made, and leaves no trace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from contextkit import Compaction, Conversation
from contextkit.emulator import Emulator, fault
from contextkit.ledger import Budget, BudgetWarning, Ledger, SpendingError, step
from tests.builders import SYSTEM, a_page, an_audit

if TYPE_CHECKING:
    from contextkit.api.request import Purpose


def a_conversation(emulator: Emulator, **settings: Any) -> Conversation:
    """A conversation on the emulator's clock, with short answers."""
    fixed = {"model": "sonnet", "system": SYSTEM, "max_tokens": 500, "diagnostics": False}
    return Conversation(**{**fixed, "clock": lambda: emulator.clock.now, **settings})


def test_a_refused_call_leaves_no_trace_and_can_be_made_later() -> None:
    """Nothing is sent, the history is as before; with the budget lifted the conversation goes on, cache and all."""
    one, other = (Emulator(lambda _: "word " * 300) for _ in range(2))
    client, untouched = one.client(max_retries=0), other.client(max_retries=0)
    conv = a_conversation(one, budget=Budget(usd=0.02, on_warn=lambda _: None)).user("Begin.")
    plain = a_conversation(other).user("Begin.")
    conv.send(client)
    plain.send(untouched)
    conv.user("Go on.")
    tight = conv.ledger.limit(Budget(usd=0.0001), "tight")
    for _ in range(3):
        with pytest.raises(SpendingError, match="tight"):
            conv.send(client)
        with pytest.raises(SpendingError, match="tight"):
            conv.request()
    assert len(one.requests) == 1
    conv.ledger.lift(tight)
    conv.send(client)
    plain.user("Go on.").send(untouched)
    assert one.requests[-1].body == other.requests[-1].body
    assert conv.ledger.rows[-1].usage == plain.ledger.rows[-1].usage
    assert conv.ledger.rows[-1].usage.read > 0


def test_the_bill_stays_within_the_budget_until_it_stops() -> None:
    """A long run on a small budget ends with the error; what was billed, summaries too, is within it."""
    limit = 0.03
    emulator = Emulator(lambda body: "word " * (50 if body.get("tools") else 20))
    conv = a_conversation(
        emulator,
        budget=Budget(usd=limit, on_warn=lambda _: None),
        compaction=Compaction(budget=6_000, keep_recent=1_000, summary_tokens=200),
    )
    client = emulator.client(max_retries=0)

    def ask_on() -> None:
        for at in range(1_000):
            conv.user(f"{at} {a_page(4)}").send(client)
            emulator.clock.advance(10)

    with pytest.raises(SpendingError):
        ask_on()
    total = conv.ledger.totals()
    assert total.cost is not None
    assert limit * 0.5 < total.cost <= limit
    assert len(conv.ledger) == len([seen for seen in emulator.requests if seen.usage])


def test_what_is_read_from_the_cache_counts_at_its_price() -> None:
    """A warm conversation of 60,000 tokens is not stopped as if every call wrote it anew; a strict budget stops it."""
    emulator = Emulator(lambda _: "Fine.")
    client = emulator.client(max_retries=0)
    for strict in (False, True):
        conv = a_conversation(emulator, compaction=None, max_tokens=100).user("x " * 40_000)
        conv.send(client)
        spent = conv.ledger.totals().cost or 0.0
        conv.ledger.limit(Budget(usd=spent, strict=strict, on_warn=lambda _: None))
        conv.user("And?")
        if strict:
            with pytest.raises(SpendingError):
                conv.send(client)
        else:
            conv.send(client)
            emulator.clock.advance(400)  # cold: now it would be written again
            conv.user("And now?")
            with pytest.raises(SpendingError):
                conv.send(client)


async def test_conversations_side_by_side_share_a_steps_budget() -> None:
    """Twenty at once against a budget for a few: the others are refused before they are sent."""
    emulator = Emulator(lambda _: "word " * 400)
    client = emulator.async_client(max_retries=0)

    async def one(at: int) -> bool:
        try:
            await a_conversation(emulator).user(f"Question {at}").asend(client)
        except SpendingError:
            return False
        return True

    with step("fan-out", budget=Budget(usd=0.05, on_warn=lambda _: None)) as scope:
        found = await asyncio.gather(*(one(at) for at in range(20)))
    assert 0 < sum(found) < 20
    assert len(emulator.requests) == sum(found) == scope.spent.calls
    assert scope.spent.usd <= 0.05


def test_a_call_that_fails_gives_its_part_back() -> None:
    """An error of the API is not billed and holds nothing; nor does a stream that is left."""
    emulator = Emulator([fault(500), "Fine.", "Fine."])
    client = emulator.client(max_retries=0)
    conv = a_conversation(emulator, budget=Budget(calls=2, on_warn=lambda _: None)).user("Go.")
    with pytest.raises(Exception, match="Internal server error"):
        conv.send(client)
    conv.send(client)

    def leave() -> None:
        with conv.user("More.").stream(client) as stream:
            next(iter(stream))
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        leave()
    assert len(conv.ledger) == 2  # the abandoned stream was billed
    with pytest.raises(SpendingError):
        conv.send(client)


def test_it_warns_once_and_goes_on() -> None:
    """At 80 % one BudgetWarning, before a call; the history is not touched by it."""
    emulator = Emulator(lambda _: "Fine.")
    client = emulator.client(max_retries=0)
    conv = a_conversation(emulator, budget=Budget(calls=5))
    for at in range(4):
        conv.user(f"{at}").send(client)
    conv.user("4")
    with pytest.warns(BudgetWarning, match=r"Conversation\(budget=\)"):
        conv.send(client)
    with pytest.raises(SpendingError):
        conv.user("5").send(client)


def test_a_childs_calls_are_the_parents() -> None:
    """A sub-agent with `ledger=main.child(...)` is in the parent's sums and stopped by its budget."""
    emulator = Emulator(lambda _: "Fine.")
    client = emulator.client(max_retries=0)
    book = Ledger(conversation="main")
    book.limit(Budget(calls=3, on_warn=lambda _: None), "all")
    main = a_conversation(emulator, ledger=book)
    sub = a_conversation(emulator, ledger=book.child("reader"))
    main.user("A").send(client)
    sub.user("B").send(client)
    sub.user("C").send(client)
    with pytest.raises(SpendingError, match="all"):
        sub.user("D").send(client)
    assert {name: found.calls for name, found in book.by("conversation").items()} == {"reader": 2, "main": 1}


def test_a_conversations_budget_on_a_shared_ledger_binds_that_conversation_alone() -> None:
    """The other conversations of the ledger are neither counted nor stopped; a budget of the ledger binds them all."""
    emulator = Emulator(lambda _: "Fine.")
    client, ledger = emulator.client(max_retries=0), Ledger()
    quiet: dict[str, Any] = {"on_warn": lambda _: None}
    one, other = (a_conversation(emulator, ledger=ledger) for _ in range(2))
    purse = ledger.limit(Budget(calls=2, **quiet), "one", conversation=one.id)
    for _ in range(4):
        other.user("Go on.").send(client)
    assert purse.spent.calls == 0
    for _ in range(2):
        one.user("Go on.").send(client)
    with pytest.raises(SpendingError, match="one"):
        one.user("Go on.").send(client)
    other.user("Go on.").send(client)
    assert (purse.spent.calls, len(ledger)) == (2, 7)
    ledger.limit(Budget(calls=1, **quiet), "all")
    other.user("Go on.").send(client)
    with pytest.raises(SpendingError, match="all"):
        other.user("Go on.").send(client)


def test_without_a_budget_nothing_changes() -> None:
    """The same requests, the same bills, the same rows."""
    with_one, _ = an_audit(10, budget=Budget(usd=1_000))
    without, _ = an_audit(10)
    assert [row._replace(at=0, conversation="") for row in with_one.ledger] == [
        row._replace(at=0, conversation="") for row in without.ledger
    ]
    purposes: set[Purpose] = {row.purpose for row in without.ledger}
    assert purposes == {"turn"}
