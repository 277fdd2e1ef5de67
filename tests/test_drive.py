"""The drivers: each Ask is done and its reply sent back; a failure reaches the flow; nothing else is decided."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import anthropic
import pytest

from contextkit.api.request import Abandoned, Ask, Reply, Request
from contextkit.drive import AsyncStreaming, Streaming, arun, nobody, run
from contextkit.emulator import Emulator, fault, reply, stream_error, text
from contextkit.errors import ConfigError, SummaryError

REQUEST = Request({"model": "claude-opus-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello."}]})
Flow = Generator[Ask, Reply, Any]


def a_flow(*asks: Ask, seen: list[Any] | None = None) -> Flow:
    """A flow that asks these things in turn; what came back, replies and exceptions alike, is returned."""
    came: list[Any] = [] if seen is None else seen
    try:
        for ask in asks:
            try:
                came.append((yield ask))
            except Exception as error:  # noqa: BLE001  (that it arrives is the promise)
                came.append(error)
    finally:
        came.append("closed")
    return came[:-1] if seen is None else came


def summariser(words: str) -> str:
    """A user's own summary."""
    return words.upper()


async def async_summariser(words: str) -> str:
    """The same, asynchronously."""
    return words.upper()


class Summariser:
    """An object whose call is asynchronous."""

    async def __call__(self, words: str) -> str:
        """The summary."""
        return words.upper()


def texts(replies: list[Any]) -> list[str]:
    """What the messages say."""
    return [found.message.content[0].text if found.message else found.text for found in replies]


def test_run_does_each_ask_in_turn() -> None:
    """Requests go to the client, calls to the user's function; the flow's value comes back."""
    client = Emulator(["one", "two"]).client()
    flow = a_flow(Ask("turn", REQUEST), Ask("summary", call=summariser, text="words"), Ask("turn", REQUEST))
    assert texts(run(flow, client)) == ["one", "WORDS", "two"]


@pytest.mark.parametrize("call", [summariser, async_summariser, Summariser()])
async def test_arun_does_each_ask_in_turn(call: Callable[[str], Any]) -> None:
    """The asynchronous driver takes plain and asynchronous functions, and asynchronous and plain clients."""
    emulator = Emulator(["one", "two"])
    asks = Ask("turn", REQUEST), Ask("summary", call=call, text="words")
    assert texts(await arun(a_flow(*asks), emulator.async_client())) == ["one", "WORDS"]
    assert texts(await arun(a_flow(Ask("turn", REQUEST)), emulator.client())) == ["two"]


async def test_an_error_of_the_client_reaches_the_flow() -> None:
    """The flow gets the SDK's own exception at its Ask and may go on; drivers do not swallow what it raises."""
    asks = Ask("turn", REQUEST), Ask("turn", REQUEST)
    emulator = Emulator([fault(529), "fine", fault(529), "fine"])
    failed, fine = run(a_flow(*asks), emulator.client(max_retries=0))
    assert isinstance(failed, anthropic.APIStatusError)
    assert texts([fine]) == ["fine"]
    failed, fine = await arun(a_flow(*asks), emulator.async_client(max_retries=0))
    assert isinstance(failed, anthropic.APIStatusError)
    assert texts([fine]) == ["fine"]


def stubborn() -> Flow:
    """A flow that lets an error pass."""
    yield Ask("turn", REQUEST)


async def test_an_error_that_the_flow_lets_pass_is_the_callers() -> None:
    """Unchanged, in either driver."""
    emulator = Emulator([fault(400)] * 2)
    with pytest.raises(anthropic.BadRequestError):
        run(stubborn(), emulator.client(max_retries=0))
    with pytest.raises(anthropic.BadRequestError):
        await arun(stubborn(), emulator.async_client(max_retries=0))


def test_an_interruption_closes_the_flow() -> None:
    """Ctrl-C is not the flow's to handle: it is closed, and the interruption goes on."""

    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    seen: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        run(a_flow(Ask("summary", call=interrupted), seen=seen), None)
    assert seen == ["closed"]


def test_an_asynchronous_client_in_the_plain_driver() -> None:
    """Says what to call instead, sends nothing, and leaves no coroutine behind."""
    emulator = Emulator([])
    (error,) = run(a_flow(Ask("turn", REQUEST)), emulator.async_client())
    assert isinstance(error, ConfigError)
    assert "asend" in str(error)
    with pytest.raises(ConfigError, match="astream"), Streaming(stubborn(), emulator.async_client()):
        pass
    assert not emulator.requests


async def test_a_plain_client_in_the_asynchronous_stream() -> None:
    """Says what to call instead, and sends nothing."""
    emulator = Emulator([])
    with pytest.raises(ConfigError, match="this client is synchronous"):
        async with AsyncStreaming(stubborn(), emulator.client()):
            pass
    assert not emulator.requests


def test_an_asynchronous_summariser_in_the_plain_driver() -> None:
    """Is a failed summary, said in words."""
    (error,) = run(a_flow(Ask("summary", call=async_summariser, text="x")), None)
    assert isinstance(error, SummaryError)
    assert "asend" in str(error)


def test_nobody_calls_functions_and_refuses_requests() -> None:
    """Without a client the user's own summariser works, and a request is a SummaryError to the flow."""
    made, error = nobody(a_flow(Ask("summary", call=summariser, text="x"), Ask("summary", REQUEST)))
    assert made.text == "X"
    assert isinstance(error, SummaryError)
    assert "compact(client)" in str(error)


def test_betas_go_to_the_beta_resource() -> None:
    """A request that names betas is made there, with its header."""
    emulator = Emulator(["fine"])
    request = Request({**REQUEST.params, "betas": ["context-management-2025-06-27"]})
    assert texts(run(a_flow(Ask("turn", request)), emulator.client())) == ["fine"]
    assert "context-management-2025-06-27" in str(emulator.requests[0].headers)


def test_a_stream_is_the_sdks_own_and_ends_in_the_flow() -> None:
    """Earlier Asks are done first; the last is held open; what was not read is read at the block's end."""
    seen: list[Any] = []
    emulator = Emulator(["summary", reply(text("a long answer in words"))])
    flow = a_flow(Ask("summary", REQUEST), Ask("turn", REQUEST), seen=seen)
    with Streaming(flow, emulator.client()) as stream:
        assert next(iter(stream)).type == "message_start"
    assert texts(seen[:2]) == ["summary", "a long answer in words"]
    assert seen[2] == "closed"


async def test_an_asynchronous_stream_does_the_same() -> None:
    """As the plain one."""
    seen: list[Any] = []
    emulator = Emulator(["summary", "an answer"])
    flow = a_flow(Ask("summary", REQUEST), Ask("turn", REQUEST), seen=seen)
    async with AsyncStreaming(flow, emulator.async_client()) as stream:
        async for event in stream:
            assert event.type == "message_start"
            break
    assert texts(seen[:2]) == ["summary", "an answer"]


def leave(_: Any) -> None:
    """What goes wrong in the caller's block."""
    raise ZeroDivisionError


async def test_a_stream_that_is_left_is_abandoned() -> None:
    """An exception in the block passes on; the flow hears of it, with what had arrived and was billed of it."""
    emulator = Emulator([reply(text("a long answer in words"))] * 2)
    seen: list[Any] = []
    with (
        pytest.raises(ZeroDivisionError),
        Streaming(a_flow(Ask("turn", REQUEST), seen=seen), emulator.client()) as stream,
    ):
        leave(next(iter(stream)))
    assert isinstance(seen[0], Abandoned)
    assert seen[0].message.usage.input_tokens > 0
    assert seen[1] == "closed"
    seen.clear()
    with pytest.raises(ZeroDivisionError):
        async with AsyncStreaming(a_flow(Ask("turn", REQUEST), seen=seen), emulator.async_client()):
            raise ZeroDivisionError
    assert isinstance(seen[0], Abandoned)
    assert seen[0].message is None


def test_a_stream_that_breaks_off_is_abandoned() -> None:
    """An error event in the middle is the caller's to see and the flow's to book."""
    emulator = Emulator([stream_error(after=2)])
    seen: list[Any] = []
    with (
        pytest.raises(anthropic.APIStatusError),
        Streaming(a_flow(Ask("turn", REQUEST), seen=seen), emulator.client(max_retries=0)) as stream,
    ):
        for _ in stream:
            pass
    assert isinstance(seen[0], Abandoned)


def test_a_stream_that_never_opens_closes_the_flow() -> None:
    """A refusal at the door passes through, and the flow is closed."""
    seen: list[Any] = []
    emulator = Emulator([fault(529)])
    with (
        pytest.raises(anthropic.APIStatusError),
        Streaming(a_flow(Ask("turn", REQUEST), seen=seen), emulator.client(max_retries=0)),
    ):
        pass
    assert seen == ["closed"]
