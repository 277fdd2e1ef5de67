"""A conversation that takes another way is told apart from one whose past was changed; the bill decides."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tests.cache.clients import SYSTEM, Body, Client, a_body, turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.cache.violations import Violation


def grown(client: Client, turns: int = 3) -> Body:
    """A conversation of so many further turns, each of them asked."""
    body = a_body()
    client.ask(body)
    for n in range(turns):
        body = turn(body, f"Answer {n}. " * 20, f"Question {n}? " * 20)
        assert client.ask(body) == []
    return body


def aside(client: Client, body: Body, turns: int = 2, pause: float = 0.0) -> list[Violation]:
    """A part of the work done on a way of its own, and then the main way goes on; what is reported of both."""
    side = turn(body, "Main answer.", "Only find the order.")
    found = client.ask(side)
    for n in range(turns):
        client.now += pause
        side = turn(side, f"Aside {n}.", f"Further {n}.")
        found += client.ask(side)
    main = turn(body, "Main answer.", "The order was found: 17.")
    found += client.ask(main)
    found += client.ask(turn(main, "Good.", "Now the invoice."))
    return found + client.ask(turn(side, "Aside again.", "One more."))


@pytest.mark.parametrize("turns", [0, 1, 3, 30])
def test_a_branch_is_no_violation(turns: int) -> None:
    """A way aside, the main way after it and the way aside again: nobody changed anything, and everything was read."""
    client = Client()
    assert aside(client, grown(client), turns) == []


def test_a_branch_is_noted_as_one() -> None:
    """Only the request that leaves the way is a branch."""
    client = Client()
    body = grown(client)
    said = [turn(body, "Main answer.", text) for text in ("Aside.", "Main.")]
    tickets = []
    for one in said:
        client.now += 1
        tickets.append(client.watch.sent(one, client.now))
        client.watch.answered(tickets[-1], None)
    assert [ticket.branched for ticket in tickets if ticket] == [False, True]


def test_another_answer_is_a_branch_too() -> None:
    """Going back to an earlier answer's place and on with another answer is no change of the past."""
    client = Client()
    body = grown(client)
    longer = turn(turn(body, "One way.", "On."), "Far.", "Further.")
    assert client.ask(turn(body, "One way.", "On.")) == client.ask(longer) == []
    assert client.ask(turn(body, "Another way.", "Here.")) == []


def test_a_branch_after_a_long_way_aside_has_expired() -> None:
    """What the main way had left is gone after five minutes: time took it, not the caller."""
    client = Client()
    found = aside(client, grown(client), 4, pause=100.0)
    assert [(one.cause, one.blame, one.confirmed) for one in found] == [("expired", "expected", True)]


EDITS: list[Callable[[list[Body]], Any]] = [
    lambda messages: messages[2].update(content="Another question. " * 20),
    lambda messages: messages[-2].update(content="Another answer. " * 20),
    lambda messages: messages[-1].update(content="Another last question. " * 20),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_past_stays_a_violation(edit: Callable[[list[Body]], Any]) -> None:
    """An old message that was changed, with what followed it, or with an answer that nobody asked for, is reported."""
    client = Client()
    body = deepcopy(grown(client))
    edit(body["messages"])
    found = client.ask(turn(body))
    assert [(one.cause, one.blame, one.confirmed) for one in found] == [("message_changed", "caller", True)]
    assert found[0].tokens > 0


def test_a_way_back_to_where_nothing_was_asked_stays_a_violation() -> None:
    """A history that arrived as a whole has no mark inside: who goes back into it pays for all of it again."""
    client = Client()
    body = a_body()
    for n in range(4):
        body = turn(body, f"Answer {n}. " * 20, f"Question {n}? " * 20)
    client.ask(body)
    back = {**body, "messages": [*body["messages"][:-1], {"role": "user", "content": "Something else. " * 20}]}
    found = client.ask(back)
    assert [(one.cause, one.blame) for one in found] == [("message_changed", "caller")]


def test_the_bill_decides() -> None:
    """A branch whose beginning was not read, though it should have been, is reported as what it looks like."""
    client = Client()
    body = grown(client)
    client.ask(turn(body, "Main answer.", "Aside."))
    client.now += 1
    ticket = client.watch.sent(turn(body, "Main answer.", "Main."), client.now)
    found = client.watch.answered(ticket, {"input_tokens": 3, "cache_creation_input_tokens": 2000})
    assert [(one.cause, one.blame, one.confirmed) for one in found] == [("message_changed", "caller", True)]
    assert found[0].tokens > len(SYSTEM) // 5


def test_a_branch_under_another_system_prompt_is_no_branch() -> None:
    """What changes before the messages breaks the cache wherever the request goes on."""
    client = Client()
    body = grown(client)
    client.ask(turn(body, "Main answer.", "Aside."))
    other = {**turn(body, "Main answer.", "Main."), "system": "Changed. " * 300}
    assert client.ask(other)[0].cause == "system_changed"
