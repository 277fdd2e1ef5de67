"""The only loops that do I/O: each takes an Ask out of a flow, has it done, and sends the reply back in.

Law: no decision is made here. `run` and `arun` are the two drivers; streaming is the same flow with its last Ask
held open while the caller reads.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, cast

from contextkit.api.request import Abandoned, Ask, Later, Reply, Request
from contextkit.errors import ConfigError, SummaryError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["AsyncStreaming", "Streaming", "arun", "nobody", "run"]

T = TypeVar("T")
Flow = Generator[Ask, Reply, T]


def run(flow: Flow[T], client: Any) -> T:
    """Drive a flow with a synchronous client."""
    return _loop(flow, lambda ask: _perform(client, ask))


def nobody(flow: Flow[T]) -> T:
    """Drive a flow without a client: own summarisers are called, requests to the API are refused."""

    def refuse(ask: Ask) -> Reply:
        if ask.call is not None or ask.wait is not None:
            return _perform(None, ask)
        raise SummaryError("a summary by a model needs a client", fix="Call compact(client) before request().")

    return _loop(flow, refuse)


def _loop(flow: Flow[T], perform: Callable[[Ask], Reply]) -> T:
    try:
        ask = next(flow)
        while True:
            ask = _deliver(flow, _tried(perform, ask))
    except StopIteration as stop:
        return cast("T", stop.value)
    finally:
        flow.close()


def _tried(perform: Callable[[Ask], Reply], ask: Ask) -> Reply | Exception:
    try:
        return perform(ask)
    except Exception as error:  # noqa: BLE001  (the flow decides what a failure means)
        return error


async def _atried(client: Any, ask: Ask) -> Reply | Exception:
    try:
        return await _aperform(client, ask)
    except Exception as error:  # noqa: BLE001  (the flow decides what a failure means)
        return error


def _deliver(flow: Flow[Any], outcome: Reply | Exception) -> Ask:
    """Give the flow what came of its Ask, and get the next one."""
    return flow.throw(outcome) if isinstance(outcome, Exception) else flow.send(outcome)


async def arun(flow: Flow[T], client: Any) -> T:
    """Drive a flow with an asynchronous client."""
    try:
        ask = next(flow)
        while True:
            ask = _deliver(flow, await _atried(client, ask))
    except StopIteration as stop:
        return cast("T", stop.value)
    finally:
        flow.close()


def _resource(client: Any, request: Request) -> Any:
    """`client.messages`, or the beta one where the request names betas."""
    return client.beta.messages if "betas" in request.params else client.messages


def _is_async(resource: Any) -> bool:
    """Asked before the call, because an asynchronous stream that is never entered leaves a coroutine behind."""
    return inspect.iscoroutinefunction(inspect.unwrap(resource.create))


def _asked(ask: Ask) -> Request:
    if ask.request is None:
        raise ConfigError("an Ask without request and without call", where="drive")
    return ask.request


def _perform(client: Any, ask: Ask) -> Reply:
    if ask.wait is not None:
        return _waited(ask.wait)
    if ask.background:
        return Reply(later=_started(client, replace(ask, background=False)))
    if ask.call is not None:
        return _call(ask)
    request = _asked(ask)
    message = _resource(client, request).create(**request.params)
    if inspect.isawaitable(message):
        getattr(message, "close", lambda: None)()
        raise ConfigError("this client is asynchronous", where="send()", fix="Use `await conv.asend(client)`.")
    return Reply(message)


def _call(ask: Ask) -> Reply:
    text = ask.call(ask.text) if ask.call else ""
    if inspect.isawaitable(text):
        getattr(text, "close", lambda: None)()
        raise SummaryError("the summariser is asynchronous", where="send()", fix="Use asend(), or a plain function.")
    return Reply(text=text)


def _started(client: Any, ask: Ask) -> Future[Reply | Exception]:
    """Do it in a thread that does not keep the program alive; what it raises is its result."""
    later: Future[Reply | Exception] = Future()
    work = Thread(target=lambda: later.set_result(_tried(lambda each: _perform(client, each), ask)), daemon=True)
    work.start()
    return later


def _waited(later: Later) -> Reply:
    _check_alive(later)
    if isinstance(later, asyncio.Future) and not later.done():
        raise SummaryError("the summary is being written in an event loop", fix="Use asend() until it is done.")
    return _outcome(later.result())


def _check_alive(later: Later) -> None:
    """A task ends with its event loop: then nobody cancelled this turn."""
    if isinstance(later, asyncio.Future) and (later.cancelled() or (not later.done() and later.get_loop().is_closed())):
        raise SummaryError("the summary ended with the event loop that it was written in", fix="It is asked for anew.")


def _outcome(result: Any) -> Reply:
    if isinstance(result, Exception):
        raise result
    return cast("Reply", result)


async def _aperform(client: Any, ask: Ask) -> Reply:
    if ask.wait is not None:
        _check_alive(ask.wait)
        waiting = asyncio.wrap_future(ask.wait) if isinstance(ask.wait, Future) else ask.wait
        return _outcome(waiting.result() if waiting.done() else await asyncio.shield(cast("Any", waiting)))
    if ask.background:
        return Reply(later=asyncio.ensure_future(_atried(client, replace(ask, background=False))))
    if ask.call is not None:
        if inspect.iscoroutinefunction(ask.call):
            return Reply(text=await ask.call(ask.text))
        text = await asyncio.to_thread(ask.call, ask.text)
        return Reply(text=await text if inspect.isawaitable(text) else text)
    request = _asked(ask)
    message = _resource(client, request).create(**request.params)
    return Reply(await message if inspect.isawaitable(message) else message)


class Streaming:
    """`with conv.stream(client) as stream:` the SDK's own stream; recorded when the block ends.

    Leaving the block without an exception reads what is left, so that the answer is whole. An exception abandons
    it: the history stays as it was before the call, and the ledger gets what had been billed.
    """

    def __init__(self, flow: Flow[Any], client: Any) -> None:
        self._flow, self._client = flow, client
        self._manager: Any = None
        self._stream: Any = None

    def __enter__(self) -> Any:
        with _closing_on_error(self._flow):
            ask = next(self._flow)
            while ask.purpose != "turn":
                ask = _deliver(self._flow, _tried(lambda each: _perform(self._client, each), ask))
            request = _asked(ask)
            resource = _resource(self._client, request)
            if _is_async(resource):
                raise ConfigError(
                    "this client is asynchronous", where="stream()", fix="Use `async with conv.astream(client)`."
                )
            self._manager = resource.stream(**request.params)
            self._stream = self._manager.__enter__()
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                _finish(self._flow, self._stream.get_final_message(), self._client)
        except BaseException:
            _abandon(self._flow, self._stream)
            raise
        else:
            if kind is not None:
                _abandon(self._flow, self._stream)
        finally:
            self._manager.__exit__(kind, error, trace)


class AsyncStreaming:
    """`async with conv.astream(client) as stream:` as `Streaming`, for asynchronous clients."""

    def __init__(self, flow: Flow[Any], client: Any) -> None:
        self._flow, self._client = flow, client
        self._manager: Any = None
        self._stream: Any = None

    async def __aenter__(self) -> Any:
        with _closing_on_error(self._flow):
            ask = next(self._flow)
            while ask.purpose != "turn":
                ask = _deliver(self._flow, await _atried(self._client, ask))
            request = _asked(ask)
            self._manager = _resource(self._client, request).stream(**request.params)
            if not hasattr(self._manager, "__aenter__"):
                raise ConfigError(
                    "this client is synchronous", where="astream()", fix="Use `with conv.stream(client)`."
                )
            self._stream = await self._manager.__aenter__()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await _afinish(self._flow, await self._stream.get_final_message(), self._client)
        except BaseException:
            _abandon(self._flow, self._stream)
            raise
        else:
            if kind is not None:
                _abandon(self._flow, self._stream)
        finally:
            await self._manager.__aexit__(kind, error, trace)


@contextmanager
def _closing_on_error(flow: Flow[Any]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        flow.close()
        raise


def _finish(flow: Flow[Any], message: Any, client: Any) -> None:
    with suppress(StopIteration):
        ask = flow.send(Reply(message))
        while True:
            ask = _deliver(flow, _tried(lambda each: _perform(client, each), ask))


async def _afinish(flow: Flow[Any], message: Any, client: Any) -> None:
    with suppress(StopIteration):
        ask = flow.send(Reply(message))
        while True:
            ask = _deliver(flow, await _atried(client, ask))


def _abandon(flow: Flow[Any], stream: Any) -> None:
    """Tell the flow that its answer will not be whole, with what had arrived (and was billed) of it."""
    try:
        part = stream.current_message_snapshot
    except (AssertionError, AttributeError):  # nothing had arrived; the SDK asserts a snapshot
        part = None
    with suppress(Abandoned, StopIteration):
        flow.throw(Abandoned(part))
    flow.close()
