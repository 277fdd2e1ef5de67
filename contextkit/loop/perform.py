"""Running tool calls, several at the same time: in threads for `run`, as tasks for `arun`.

Law: no tool can break a run. What it raises becomes an outcome; one that outlasts its time is given up, its thread
left to end by itself; only an interruption passes through. Every outcome is in the batch as soon as it is there.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ContextKitError
from contextkit.loop.values import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.loop.values import Batch, Call, Function

__all__ = ["atogether", "together"]

_MAX_ERROR: Final = 4_000


def together(batch: Batch) -> None:
    """Run the calls of a batch; outcomes are in it when this returns, and those that are done when it raises."""
    if len(batch.calls) == 1 and not batch.calls[0][1].is_async and batch.timeout(batch.calls[0][0].name) is None:
        call, function = batch.calls[0]  # in the caller's own thread, which Ctrl-C reaches and its connections know
        batch.outcomes[call.id] = _outcome(function, call)
        return
    waiting, running = deque(batch.calls), dict[str, tuple[str, float | None, float]]()
    done: SimpleQueue[tuple[str, Outcome | BaseException]] = SimpleQueue()
    while waiting or running:
        while waiting and len(running) < batch.parallel:
            call, function = waiting.popleft()
            limit, now = batch.timeout(call.name), time.monotonic()
            running[call.id] = call.name, limit, now
            _start(function, call, done)
        _collect(batch, running, done)


def _collect(
    batch: Batch,
    running: dict[str, tuple[str, float | None, float]],
    done: SimpleQueue[tuple[str, Outcome | BaseException]],
) -> None:
    """Wait for the next that is done or out of time."""
    ends = [started + limit for _, limit, started in running.values() if limit is not None]
    try:
        found, outcome = done.get(timeout=max(min(ends) - time.monotonic(), 0.0) if ends else None)
    except Empty:
        for late, (_, limit, started) in list(running.items()):
            if limit is not None and time.monotonic() >= started + limit:
                del running[late]
                batch.outcomes[late] = _too_late(limit)
        return
    if running.pop(found, None) is None:
        return  # it was given up before
    if isinstance(outcome, BaseException):
        raise outcome
    batch.outcomes[found] = outcome


def _start(function: Function, call: Call, done: SimpleQueue[tuple[str, Outcome | BaseException]]) -> None:
    _in_thread(lambda: _outcome(function, call), lambda outcome: done.put((call.id, outcome)), call.name)


def _in_thread(work: Callable[[], Outcome], deliver: Callable[[Outcome | BaseException], object], name: str) -> None:
    """Work in a thread of its own, with the caller's context variables; a daemon, so that no exit waits for it."""
    context = copy_context()

    def body() -> None:
        try:
            outcome: Outcome | BaseException = context.run(work)
        except BaseException as error:  # noqa: BLE001  (SystemExit and the like are raised where the run is)
            outcome = error
        deliver(outcome)

    threading.Thread(target=body, name=f"tool {name}", daemon=True).start()


def _outcome(function: Function, call: Call) -> Outcome:
    """Call a function here and now; an awaitable is awaited in an event loop of its own, in a thread that has none."""
    started = time.monotonic()
    made = _called(function, call)
    if inspect.isawaitable(made.output):
        try:
            made = Outcome(asyncio.run(_awaited(made.output)))
        except Exception as error:  # noqa: BLE001  (the model is told)
            made = _failed(error)
    return made._replace(seconds=time.monotonic() - started)


def _called(function: Function, call: Call) -> Outcome:
    """What a function gives, an awaitable as it is, or its error."""
    try:
        return Outcome(function.call(call.input))
    except Exception as error:  # noqa: BLE001  (the model is told)
        return _failed(error)


async def _awaited(output: Any) -> Any:
    return await output


async def atogether(batch: Batch) -> None:
    """As `together`, on the running event loop; `def` tools run in threads, so that they do not block it."""
    turns = asyncio.Semaphore(batch.parallel)

    async def one(call: Call, function: Function) -> None:
        async with turns:
            batch.outcomes[call.id] = await _aoutcome(function, call, batch.timeout(call.name))

    await asyncio.gather(*(one(call, function) for call, function in batch.calls))


async def _aoutcome(function: Function, call: Call, limit: float | None) -> Outcome:
    started = time.monotonic()
    try:
        async with asyncio.timeout(limit) as scope:
            made = _called(function, call) if function.is_async else await _threaded(function, call)
            if inspect.isawaitable(made.output):
                made = Outcome(await made.output)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        made = _failed(error)  # the tool's own, not ours
    except Exception as error:  # noqa: BLE001  (the model is told)
        made = _too_late(limit) if limit is not None and scope.expired() else _failed(error)
    return made._replace(seconds=time.monotonic() - started)


async def _threaded(function: Function, call: Call) -> Outcome:
    """What a `def` gives, from a thread."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome | BaseException] = loop.create_future()

    def arrived(outcome: Outcome | BaseException) -> None:
        if not done.done():  # given up, or cancelled
            done.set_result(outcome)

    def deliver(outcome: Outcome | BaseException) -> None:
        with suppress(RuntimeError):  # the loop was closed since
            loop.call_soon_threadsafe(arrived, outcome)

    _in_thread(lambda: _called(function, call), deliver, call.name)
    outcome = await done
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _too_late(limit: float) -> Outcome:
    text = f"The tool gave no answer within {limit:g} seconds; it may still be at work."
    return Outcome(text, is_error=True, seconds=limit)


def _failed(error: BaseException) -> Outcome:
    """What the model is told of an error: its type and text; of the SDK's ToolError the content."""
    if type(error).__name__ == "ToolError" and getattr(error, "content", None):
        return Outcome(error.content, is_error=True)  # type: ignore[attr-defined]
    try:
        said = error.what if isinstance(error, ContextKitError) else f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  (an error whose text fails)
        said = type(error).__name__
    return Outcome(said[:_MAX_ERROR], is_error=True)
