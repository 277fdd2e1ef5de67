"""What is compared with what: the short ways come to the same as the long one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.cache.watch import Watch
from contextkit.lint.requests.alike import alike, may_be_alike
from contextkit.lint.requests.desk import Desk, Reader, Sending
from contextkit.lint.requests.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.cache.sent import Sent
    from contextkit.cache.spell import Spelled

Body = dict[str, Any]


def a_body(*said: str, system: str = "You are kind.", model: str = "claude-opus-5-5") -> Body:
    """A request of these messages, in turns."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return {"model": model, "system": system, "messages": messages, "cache_control": {"type": "ephemeral"}}


class _Long(Reader):
    """A reader that compares a request with every other."""

    def _before(self, now: Spelled) -> Sent | None:
        return Watch._before(self, now)


def bodies(seed: int) -> list[Body]:
    """Forks of one task, several at once: they go on, go back, change, and are asked something on the side."""
    draw = random.Random(seed)
    held = [["Task"]]
    made = []
    for step in range(120):
        said = list(draw.choice(held))
        for _ in range(draw.randrange(3)):
            said += [f"answer {draw.randrange(3)}", f"question {draw.randrange(40)}"]
        if draw.random() < 0.2:
            said = said[: 2 * draw.randrange(len(said) // 2 + 1) + 1]
        if draw.random() < 0.1:
            said[-1] = f"changed {step}"
        held.append(said)
        side = {"system": "Name it.", "model": "claude-haiku-4-5"} if draw.random() < 0.1 else {}
        made.append(a_body(*said, **side))
    return made


@pytest.mark.parametrize("seed", range(8))
def test_few_are_compared_and_the_same_is_found(seed: int) -> None:
    """Whatever the forks do, a request goes on from the request that comparing with all of them gives."""
    short, long = Reader(conversations=64), _Long(conversations=64)
    for at, body in enumerate(bodies(seed)):
        found = []
        for reader in (short, long):
            ticket = reader.sent(body, float(at), own=True)
            assert ticket is not None
            found.append(
                (ticket.before.message_id if ticket.before else None, [v.cause for v in ticket.finding.violations])
            )
            reader.answered(ticket, None, message_id=str(at))
        assert found[0] == found[1], at


def sent(readers: Readers, body: Mapping[str, Any], number: int) -> str | None:
    """The name of the request that this one goes on from."""
    desk, ticket = readers.sent(Sending(body, float(number)))
    assert ticket is not None
    desk.answered(ticket, usage=None, message_id=str(number))
    return ticket.before.message_id if ticket.before else None


def test_a_request_that_stood_alone_is_remembered() -> None:
    """The watch that a second request makes knows the first, answered or not as it was."""
    readers = Readers()
    assert sent(readers, a_body("One"), 0) is None
    assert sent(readers, a_body("Two"), 1) is None
    assert sent(readers, a_body("One", "yes", "and?"), 2) == "0"
    assert sent(readers, a_body("Two", "no", "why?"), 3) == "1"
    failed = Desk()
    alone = Sending(a_body("Three"), 0.0)
    readers = Readers()
    failed, _ = readers.sent(alone)  # refused: no answer
    again, ticket = readers.sent(Sending(a_body("Three", "a", "b"), 1.0))
    assert again is failed
    assert ticket is not None
    assert ticket.before is None


def test_an_edited_first_message_is_found_among_those_that_stood_alone() -> None:
    """A clock in the first message, a window that slid: looked for although no watch was there yet."""
    readers = Readers()
    text = "It is 12:00. Find the bug in the parser of the project, and tell me what you did."
    assert sent(readers, a_body(text), 0) is None
    for number in range(1, 9):
        assert sent(readers, a_body(f"Another task with number {number}, as long as the first."), number) is None
    assert sent(readers, a_body(text.replace("12:00", "12:01"), "a", "b"), 9) == "0"
    turns = [f"{at}: something that was said" for at in range(9)]
    assert sent(readers, a_body(*turns), 10) is None
    assert sent(readers, a_body(*turns[2:], "an answer", "more"), 11) == "10"


def test_what_is_no_request_has_no_ticket() -> None:
    """And it is not in the way of what comes later."""
    readers = Readers()
    assert readers.sent(Sending({"messages": [{"role": "user"}]}, 0.0))[1] is None
    assert readers.sent(Sending({"messages": "text"}, 0.0))[1] is None
    assert sent(readers, a_body("One"), 0) is None
    assert sent(readers, a_body("One", "a", "b"), 1) == "0"


@pytest.mark.parametrize("seed", range(20))
def test_the_quick_look_never_says_no_to_what_is_alike(seed: int) -> None:
    """Texts that differ in one short stretch pass it, wherever the stretch is."""
    draw = random.Random(seed)
    text = "".join(draw.choice("abc ") for _ in range(200))
    at, length, put = draw.randrange(190), draw.randrange(30), draw.randrange(30)
    other = text[:at] + "z" * put + text[at + length :]
    assert may_be_alike(text, other) or not alike(text, other)
    assert not may_be_alike("a" * 100, "b" * 100)
