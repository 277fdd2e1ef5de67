"""`observe()` on streams that are left, on conversations told apart, and on subtasks; with the real SDK."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.conversation import Conversation
from contextkit.emulator import Emulator, broken
from contextkit.ledger import Ledger
from contextkit.middleware import observe

if TYPE_CHECKING:
    from contextkit.middleware import Observer

SYSTEM = "You are a careful engineer. " * 120
LONG = "A long answer that comes in many pieces. " * 40


def a_request(*messages: Any, first: str = "Find the bug. ", **changes: Any) -> dict[str, Any]:
    """Arguments of `messages.create`."""
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": first * 20}, *messages],
        "cache_control": {"type": "ephemeral"},
        **changes,
    }


def an_observer(emulator: Emulator, **options: Any) -> Observer:
    """An observer on the emulator's clock."""
    return observe(clock=lambda: emulator.clock.now, **options)


def assert_booked_as_left(observer: Observer, emulator: Emulator) -> None:
    """One row, with what the prompt cost, that says that the stream broke off."""
    (row,) = observer.ledger
    billed = emulator.requests[0].usage
    assert billed is not None
    assert (row.usage.input, row.usage.read, row.usage.write_5m) == (billed.input, billed.read, billed.write_5m)
    assert row.usage.write_5m > 0
    assert row.usage.output < billed.output
    assert row.note == "stream broke off, output not known"
    assert row.message_id == emulator.requests[0].response_id


@pytest.mark.parametrize("way", ["close", "with", "error", "iterator"])
def test_a_raw_stream_that_is_left_is_booked_at_once(way: str) -> None:
    """Whoever closes a stream early has its row then, even while the iterator is still held."""
    emulator = Emulator(lambda _: LONG)
    observer = an_observer(emulator)
    stream = emulator.client(middleware=[observer]).messages.create(**a_request(), stream=True)
    events = iter(stream)
    if way == "close":
        next(events)
        stream.close()
    elif way == "iterator":
        for event in events:
            if event.type == "content_block_delta":
                break
        stream.response.close()
    elif way == "with":
        with stream:
            next(events)
    else:
        with suppress(KeyError), stream:
            raise KeyError(next(events).type)
    assert_booked_as_left(observer, emulator)
    del events, stream
    assert len(observer.ledger) == 1


@pytest.mark.parametrize("way", ["close", "with", "error"])
async def test_an_async_raw_stream_that_is_left_is_booked_at_once(way: str) -> None:
    """The asynchronous client's streams are booked alike."""
    emulator = Emulator(lambda _: LONG)
    observer = an_observer(emulator)
    stream = await emulator.async_client(middleware=[observer]).messages.create(**a_request(), stream=True)
    events = aiter(stream)
    if way == "close":
        await anext(events)
        await stream.close()
    elif way == "with":
        async with stream:
            await anext(events)
    else:
        with suppress(KeyError):
            async with stream:
                raise KeyError((await anext(events)).type)
    assert_booked_as_left(observer, emulator)
    del events, stream
    assert len(observer.ledger) == 1


def test_a_stream_that_is_closed_after_its_end_is_booked_once_and_whole() -> None:
    """Closing what has been read changes nothing; a stream that was left after its last figures says them."""
    emulator = Emulator(lambda _: LONG)
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    with client.messages.create(**a_request(), stream=True) as stream:
        list(stream)
    stream.close()
    with client.messages.create(**a_request(first="Another. "), stream=True) as stream:
        for event in stream:
            if event.type == "message_delta":
                break
    whole, left = observer.ledger
    assert (whole.note, whole.usage) == ("", emulator.requests[0].usage)
    assert (left.note, left.usage) in {
        ("stream broke off", emulator.requests[1].usage),
        ("", emulator.requests[1].usage),  # its last piece had come with the one before
    }


def test_a_stream_that_nobody_reads_is_not_guessed() -> None:
    """Closed before the first piece nothing is known of its cost; there is no row, and no error."""
    emulator = Emulator(lambda _: LONG)
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    client.messages.create(**a_request(), stream=True).close()
    assert len(observer.ledger) == 0


def test_a_connection_that_breaks_in_a_stream_is_booked() -> None:
    """What had arrived was billed: the row has the prompt's figures."""
    emulator = Emulator(lambda _: broken(LONG, after=3))
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer], max_retries=0)
    stream = client.messages.create(**a_request(), stream=True)
    with pytest.raises(Exception, match=r".+"):
        list(stream)
    (row,) = observer.ledger
    assert row.usage.write_5m > 0
    assert "broke off" in row.note


def test_rows_name_the_conversation_that_they_belong_to() -> None:
    """Two conversations over one client are two sums in the ledger, by names that a second run gives again."""
    sums = []
    for _ in range(2):
        emulator = Emulator(lambda _: "Fine.")
        observer = an_observer(emulator)
        client = emulator.client(middleware=[observer])
        said: list[Any] = []
        for n in range(3):
            client.messages.create(**a_request(*said))
            client.messages.create(**a_request(*said, first="Write a poem. "))
            said += [{"role": "assistant", "content": "Fine."}, {"role": "user", "content": f"Go on {n}."}]
        sums.append({name: total.calls for name, total in observer.ledger.by("conversation").items()})
    assert sums[0] == sums[1]
    assert list(sums[0].values()) == [3, 3]
    assert all(name.startswith("c-") for name in sums[0])


def test_a_ledgers_own_name_stands() -> None:
    """A ledger that is one conversation's books every row as that one's."""
    emulator = Emulator(lambda _: "Fine.")
    observer = an_observer(emulator, ledger=Ledger(conversation="mine"))
    emulator.client(middleware=[observer]).messages.create(**a_request())
    assert [row.conversation for row in observer.ledger] == ["mine"]


def test_a_subtask_is_no_violation() -> None:
    """A conversation with a subtask, watched from outside: its branch and its way back are nobody's fault."""
    emulator = Emulator(lambda _: "Found. " * 30)
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    conv = Conversation(model="claude-opus-5-5", system=SYSTEM, clock=lambda: emulator.clock.now)
    for n in range(3):
        conv.user(f"Question {n}. " * 30)
        conv.send(client)
    for name in ("find the order", "find the invoice"):
        with conv.subtask(name) as sub:
            for n in range(3):
                sub.user(f"{name} {n} " * 20)
                sub.send(client)
        conv.user(f"After {name}. " * 20)
        conv.send(client)
    assert list(observer.violations) == []
    assert [row.note for row in observer.ledger].count("branch") == 2
    assert len(observer.ledger.by("conversation")) == 1


def test_an_edited_history_beside_it_is_still_one() -> None:
    """The same conversation with an old message changed is reported with the caller's blame."""
    emulator = Emulator(lambda _: "Fine. " * 30)
    observer = an_observer(emulator)
    client = emulator.client(middleware=[observer])
    said: list[Any] = []
    for n in range(4):
        client.messages.create(**a_request(*said))
        said += [{"role": "assistant", "content": f"Fine {n}. " * 30}, {"role": "user", "content": f"Go on {n}. " * 30}]
    said[1] = {"role": "user", "content": "Something else. " * 30}
    client.messages.create(**a_request(*said))
    assert [(one.cause, one.blame) for one in observer.violations] == [("message_changed", "caller")]
