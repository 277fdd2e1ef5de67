"""Calls of one answer run at the same time, in bounds, and no tool can break a run."""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from contextkit.emulator import Emulator, broken, reply, tool_use
from contextkit.errors import ConfigError
from contextkit.loop import Event, arun, run
from contextkit.loop.functions import _by_name
from contextkit.loop.perform import atogether, together
from contextkit.loop.values import Batch, Call, Function
from tests.loop.agents import a_conversation, assert_valid, calling, either, look_up, results

if TYPE_CHECKING:
    from collections.abc import Callable

DRIVERS = pytest.mark.parametrize("driver", ["run", "arun"])
STEP: ContextVar[str] = ContextVar("STEP", default="none")


def a_batch(*functions: Callable[..., Any], parallel: int = 8, timeouts: dict[str, float] | None = None) -> Batch:
    """A batch with one call of each function."""
    named = [(made.__name__, _by_name(made), inspect.iscoroutinefunction(made)) for made in functions]
    calls = [(Call(f"t{at}", one[0], {}), Function(*one)) for at, one in enumerate(named)]
    return Batch(calls, timeouts or {}, parallel)


async def perform(driver: str, batch: Batch) -> list[tuple[Any, bool]]:
    """Outcomes of a batch, in order."""
    if driver == "run":
        await asyncio.to_thread(together, batch)
    else:
        await atogether(batch)
    return [(batch.outcomes[call.id].output, batch.outcomes[call.id].is_error) for call, _ in batch.calls]


@DRIVERS
async def test_calls_run_at_the_same_time(driver: str) -> None:
    """Two functions that wait for each other both end; so do two coroutines."""
    meeting = threading.Barrier(2, timeout=20)

    def meet() -> int:
        return meeting.wait() * 0

    assert await perform(driver, a_batch(meet, meet)) == [(0, False)] * 2


async def test_coroutines_share_the_callers_loop() -> None:
    """In arun, so that they can use what belongs to it."""
    home = asyncio.get_running_loop()

    async def where() -> bool:
        return asyncio.get_running_loop() is home

    assert await perform("arun", a_batch(where, where)) == [(True, False)] * 2


@DRIVERS
async def test_no_more_than_the_bound_at_once(driver: str) -> None:
    """`parallel` bounds how many tools are at work together; all of them run."""
    lock, at_work, most = threading.Lock(), 0, 0

    def work() -> str:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        with lock:
            at_work -= 1
        return "done"

    assert await perform(driver, a_batch(*[work] * 7, parallel=2)) == [("done", False)] * 7
    assert most <= 2


@DRIVERS
async def test_a_tool_that_is_out_of_time_is_given_up(driver: str) -> None:
    """The others' results are kept; a thread that hangs neither blocks the run nor takes the others' turns."""
    release = threading.Event()

    def hang() -> str:
        release.wait(60)
        return "late"

    async def dream() -> str:
        await asyncio.sleep(60)
        return "late"

    def quick() -> str:
        return "quick"

    batch = a_batch(hang, dream, quick, parallel=1, timeouts={"hang": 0.05, "dream": 0.05, "*": 30})
    late = ("The tool gave no answer within 0.05 seconds; it may still be at work.", True)
    assert await perform(driver, batch) == [late, late, ("quick", False)]
    release.set()


@DRIVERS
async def test_whatever_a_tool_raises_is_told(driver: str) -> None:
    """Errors of any kind become error results, even those that loops and tasks use themselves."""

    class Mute(Exception):  # noqa: N818  (a tool's own)
        def __str__(self) -> str:
            raise ZeroDivisionError

    def stops() -> str:
        raise StopIteration("over")

    def times_out() -> str:
        raise TimeoutError("its own")

    async def cancelled() -> str:
        raise asyncio.CancelledError("its own")

    def mute() -> str:
        raise Mute

    def long() -> str:
        raise ValueError("x" * 100_000)

    made = await perform(driver, a_batch(stops, times_out, mute, long, timeouts={"*": 30}))
    assert [text[:20] for text, _ in made] == [
        "StopIteration: over",
        "TimeoutError: its ow",
        "Mute",
        "ValueError: xxxxxxxx",
    ]
    assert all(failed for _, failed in made)
    assert len(made[3][0]) == 4_000
    if driver == "arun":
        assert await perform(driver, a_batch(cancelled)) == [("CancelledError: its own", True)]


def test_the_sdks_tool_error_says_it_with_blocks() -> None:
    """Its content is the result, pictures included."""
    from anthropic.lib.tools import ToolError  # noqa: PLC0415  (as a tool would)

    def fail() -> str:
        raise ToolError([{"type": "text", "text": "No, look:"}])

    conv = a_conversation(tools=[{"name": "fail", "input_schema": {"type": "object"}}])
    run(conv, Emulator([reply(tool_use("fail")), "Done."]).client(), [fail])
    assert results(conv)[0]["content"] == [{"type": "text", "text": "No, look:"}]
    assert results(conv)[0]["is_error"]


@DRIVERS
async def test_tools_see_the_callers_context(driver: str) -> None:
    """Context variables reach every tool, in whatever thread or task it runs."""
    STEP.set("mine")

    def ask() -> str:
        return STEP.get()

    async def aask() -> str:
        return STEP.get()

    assert await perform(driver, a_batch(ask, aask, ask)) == [("mine", False)] * 3


def test_a_single_call_runs_in_the_callers_thread() -> None:
    """So that Ctrl-C reaches it, and what belongs to the thread can be used."""
    batch = a_batch(threading.get_ident)
    together(batch)
    assert batch.outcomes["t0"].output == threading.get_ident()


async def test_a_coroutine_in_run_inside_a_running_loop() -> None:
    """`run` in a notebook, whose thread has a loop already, runs `async def` tools in a thread of their own."""

    async def answer(word: str) -> str:
        return word

    conv = a_conversation(tools=[{"name": "answer", "input_schema": {"type": "object"}}])
    run(conv, Emulator([calling("answer"), "Done."]).client(), [answer])
    assert results(conv)[0]["content"] == "w0"


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("count", [1, 3])
def test_an_interruption_leaves_a_valid_history(raised: type[BaseException], count: int) -> None:
    """What was done is in it, what was not is closed with an error, and the run can be gone on with."""
    done = threading.Event()

    def act(word: str) -> str:
        if word == "w0" and count > 1:
            done.set()
            return "done"
        if count > 1:
            done.wait(20)
            time.sleep(0.05)
        raise raised

    conv = a_conversation(tools=[{"name": "act", "input_schema": {"type": "object"}}])
    client = Emulator([calling(*["act"] * count), "Done."]).client()
    with pytest.raises(raised):
        run(conv, client, [act])
    assert_valid(conv)
    said = [block["content"] for block in results(conv)]
    assert [text.startswith("Not finished: the run was interrupted") for text in said] == [count == 1, True, True][
        :count
    ]
    assert run(conv, client, [act]).text == "Done."


def test_ctrl_c_reaches_a_run_that_waits() -> None:
    """A real interrupt while tools are at work in threads ends the run at once; their late results are dropped."""
    release = threading.Event()

    def act(word: str) -> str:
        if word == "w0":
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        release.wait(60)
        return "late"

    conv = a_conversation(tools=[{"name": "act", "input_schema": {"type": "object"}}])
    client = Emulator([calling("act", "act"), "Done."]).client()
    with pytest.raises(KeyboardInterrupt):
        run(conv, client, [act])
    release.set()
    assert_valid(conv)
    assert all(block["is_error"] for block in results(conv))
    assert run(conv, client, [act]).text == "Done."


async def test_a_cancelled_run_leaves_a_valid_history() -> None:
    """A cancellation of the task ends the tasks of the tools; a result that was there stays."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def act(word: str) -> str:
        if word == "w0":
            return "done"
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "late"

    conv = a_conversation(tools=[{"name": "act", "input_schema": {"type": "object"}}])
    client = Emulator([calling("act", "act"), "Done."]).async_client()
    task = asyncio.create_task(arun(conv, client, [act]))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert_valid(conv)
    assert [block.get("is_error", False) for block in results(conv)] == [False, True]
    assert (await arun(conv, client, [act])).text == "Done."


@DRIVERS
async def test_streams_hand_on_their_events(driver: str) -> None:
    """The text arrives piece by piece; the run is the same."""
    told: list[Event] = []
    conv = a_conversation()
    emulator = Emulator([calling("look_up"), "The words were found."])
    result = await either(driver, conv, emulator, [look_up], stream=True, on_event=told.append)
    assert result.text == "The words were found."
    assert "".join(event.text for event in told if event.kind == "stream" and event.step == 2) == result.text
    assert all(event.data is not None for event in told if event.kind == "stream")
    assert len(conv.ledger) == 2


async def test_events_can_be_awaited() -> None:
    """on_event may be `async def` in arun, streams included; `run` says what to call instead."""
    told: list[str] = []

    async def tell(event: Event) -> None:
        await asyncio.sleep(0)
        told.append(event.kind)

    client = Emulator(["Done."]).async_client()
    await arun(a_conversation(), client, on_event=tell, stream=True)
    assert told[0] == "request"
    assert told[-2:] == ["answer", "stopped"]
    with pytest.raises(ConfigError, match="on_event is asynchronous"):
        run(a_conversation(), Emulator(["Done."]).client(), on_event=tell)


@DRIVERS
@pytest.mark.parametrize("kind", ["request", "answer", "call", "result", "stream"])
async def test_a_listener_that_raises_ends_the_run(driver: str, kind: str) -> None:
    """Wherever it raises, its error passes and the history is valid and can be gone on with."""

    def tell(event: Event) -> None:
        if event.kind == kind and event.step == 1:
            raise LookupError(kind)

    conv = a_conversation()
    emulator = Emulator([calling("look_up", "look_up"), "Done.", "Done."])
    with pytest.raises(LookupError):
        await either(driver, conv, emulator, [look_up], on_event=tell, stream=True)
    assert_valid(conv)
    assert (await either(driver, conv, emulator, [look_up])).concluded


@DRIVERS
async def test_a_stream_that_breaks_off_leaves_the_history(driver: str) -> None:
    """Nothing of it is recorded, its bill is in the ledger, and the run can be gone on with."""
    conv = a_conversation()
    emulator = Emulator([broken("The words were", after=4), "Done."])
    with pytest.raises((anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
        await either(driver, conv, emulator, [look_up], stream=True)
    assert len(conv.messages) == 1
    assert (await either(driver, conv, emulator, [look_up], stream=True)).text == "Done."
