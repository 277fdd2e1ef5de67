"""The two drivers of a batch: each does what the flow asks for. They hold the only calls of the SDK.

Law: no decision is made here. Whatever is raised while something is done, an interruption included, is thrown into
the flow, which may ask for more (to cancel what is under way) before it lets it pass. The asynchronous driver runs
the flow's own steps, which write to a file, in a thread.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar, cast

from contextkit.batch.effects import Answered, Begin, Cancel, Create, Effect, Fetch, Listed, Look, Next, Wait, Warm
from contextkit.errors import ConfigError

__all__ = ["Flow", "arun", "run"]

T = TypeVar("T")
Flow = Generator[Effect, Any, T]

_PAGE: Final = 200
_PATH: Final = "/v1/messages/batches"
_BETA: Final = "message-batches-2024-09-24"
_LIST: Final = 100


def run(flow: Flow[T], client: Any, sleep: Callable[[float], Any]) -> T:
    """Drive a flow with a synchronous client."""
    begun: SimpleQueue[Answered] = SimpleQueue()
    try:
        wish = next(flow)
        while True:
            try:
                got = _do(wish, client, sleep, begun)
            except BaseException as error:  # noqa: BLE001  (the flow decides what an interruption leaves)
                wish = flow.throw(error)
            else:
                wish = flow.send(got)
    except StopIteration as stop:
        return cast("T", stop.value)
    finally:
        flow.close()


def _do(wish: Effect, client: Any, sleep: Callable[[float], Any], begun: SimpleQueue[Answered]) -> Any:
    if isinstance(wish, Wait):
        sleep(wish.seconds)
        return None
    if isinstance(wish, Fetch):
        return _fetch(wish, client)
    if isinstance(wish, Begin):
        Thread(target=lambda: begun.put(_answered(wish, client)), daemon=True).start()
        return None
    if isinstance(wish, Next):
        try:
            return begun.get(timeout=max(wish.seconds, 0.001))
        except Empty:
            return None
    got = _asked(wish, client, _pieces)
    if inspect.isawaitable(got):
        getattr(got, "close", lambda: None)()
        raise ConfigError("this client is asynchronous", where="run()", fix="Use `await batch.arun(client)`.")
    return got


def _asked(wish: Effect, client: Any, pieces: Callable[[Create], Any]) -> Any:
    """The SDK's call: its answer, or what gives it when it is awaited."""
    batches = client.messages.batches
    if isinstance(wish, Create):
        return _created(wish, client, pieces(wish))
    if isinstance(wish, Look):
        return batches.retrieve(wish.id)
    if isinstance(wish, Listed):
        return batches.list(limit=_LIST, **({"after_id": wish.after} if wish.after else {}))
    if isinstance(wish, Cancel):
        return batches.cancel(wish.id)
    if isinstance(wish, Warm):
        resource = client.beta.messages if "betas" in wish.params else client.messages
        return resource.create(**wish.params)
    raise ConfigError(f"no driver does {type(wish).__name__}", where="batch")


def _created(wish: Create, client: Any, content: Any) -> Any:
    """One POST, its body streamed: the SDK's own `create` would hold it whole, several times over."""
    from anthropic.types.messages import MessageBatch  # noqa: PLC0415  (over a second to import)

    headers = {"Content-Type": "application/json", "Content-Length": str(wish.size)}
    if wish.betas:
        headers["anthropic-beta"] = ",".join([_BETA, *wish.betas])
    # No retry by the SDK: an answer that was lost must be looked for first, or the chunk is paid for twice.
    options = {"headers": headers, "max_retries": 0}
    return client.post(
        f"{_PATH}?beta=true" if wish.betas else _PATH, cast_to=MessageBatch, content=content, options=options
    )


def _pieces(wish: Create) -> Iterator[bytes]:
    return wish.parts()


async def _apieces(wish: Create) -> AsyncIterator[bytes]:
    parts = wish.parts()
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        yield part


def _fetch(wish: Fetch, client: Any) -> None:
    lines = client.messages.batches.results(wish.id)
    if inspect.isawaitable(lines):
        getattr(lines, "close", lambda: None)()
        raise ConfigError("this client is asynchronous", where="run()", fix="Use `await batch.arun(client)`.")
    page: list[dict[str, Any]] = []
    try:
        for line in lines:
            page.append(_plain(line))
            if len(page) >= _PAGE:
                if not wish.take(page):
                    return
                page = []
        if page:
            wish.take(page)
    finally:
        lines.close()


def _plain(line: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", line.to_dict(mode="json") if hasattr(line, "to_dict") else line)


def _answered(wish: Begin, client: Any) -> Answered:
    try:
        got = _raw(wish, client)
        return Answered(wish.number, got.parse(), _lowered(got.headers))
    except Exception as error:  # noqa: BLE001  (the flow decides what a failure means)
        return Answered(wish.number, None, _headers_of(error), error)


def _raw(wish: Begin, client: Any) -> Any:
    # The flow itself waits and asks again: it knows of all the others that wait for the same limits.
    client = client.with_options(max_retries=0)
    resource = client.beta.messages if "betas" in wish.params else client.messages
    return resource.with_raw_response.create(**wish.params)


def _headers_of(error: Exception) -> dict[str, str]:
    return _lowered(getattr(getattr(error, "response", None), "headers", None) or {})


def _lowered(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


async def arun(flow: Flow[T], client: Any, sleep: Callable[[float], Any]) -> T:
    """Drive a flow with an asynchronous client; `sleep` may be asynchronous."""
    begun: asyncio.Queue[Answered] = asyncio.Queue()
    tasks: set[asyncio.Task[None]] = set()
    try:
        over, wish = await _step(lambda: next(flow))
        while not over:
            try:
                got = await _ado(wish, client, sleep, begun, tasks)
            except BaseException as error:  # noqa: BLE001  (as above)
                over, wish = await _thrown(flow, error)
            else:
                over, wish = await _sent(flow, got)
        return cast("T", wish)
    finally:
        for task in tasks:
            task.cancel()
        flow.close()


async def _sent(flow: Flow[Any], got: Any) -> tuple[bool, Any]:
    """The next wish; where the task was cancelled while the flow worked, the flow is told when it is done."""
    work = asyncio.ensure_future(_step(lambda: flow.send(got)))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError as error:
        over, wish = await work
        return (over, wish) if over else await _thrown(flow, error)


async def _thrown(flow: Flow[Any], error: BaseException) -> tuple[bool, Any]:
    return await _step(lambda: flow.throw(error))


async def _step(move: Callable[[], Any]) -> tuple[bool, Any]:
    """One step of the flow in a thread: whether it is over, and its wish or its result."""

    def moved() -> tuple[bool, Any]:
        try:
            return False, move()
        except StopIteration as stop:  # cannot pass through a future
            return True, stop.value

    return await asyncio.to_thread(moved)


async def _ado(
    wish: Effect,
    client: Any,
    sleep: Callable[[float], Any],
    begun: asyncio.Queue[Answered],
    tasks: set[asyncio.Task[None]],
) -> Any:
    if isinstance(wish, Wait):
        slept = sleep(wish.seconds)
        return await slept if inspect.isawaitable(slept) else slept
    if isinstance(wish, Fetch):
        return await _afetch(wish, client)
    if isinstance(wish, Begin):
        _start(tasks, _put(wish, client, begun))
        return None
    if isinstance(wish, Next):
        try:
            return await asyncio.wait_for(begun.get(), max(wish.seconds, 0.001))
        except TimeoutError:
            return None
    got = _asked(wish, client, _apieces)
    return await got if inspect.isawaitable(got) else got


def _start(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _put(wish: Begin, client: Any, begun: asyncio.Queue[Answered]) -> None:
    try:
        got = await _raw(wish, client)
        parsed = got.parse()
        message = await parsed if inspect.isawaitable(parsed) else parsed
        await begun.put(Answered(wish.number, message, _lowered(got.headers)))
    except Exception as error:  # noqa: BLE001  (as above)
        await begun.put(Answered(wish.number, None, _headers_of(error), error))


async def _afetch(wish: Fetch, client: Any) -> None:
    lines = await client.messages.batches.results(wish.id)
    page: list[dict[str, Any]] = []
    try:
        async for line in lines:
            page.append(_plain(line))
            if len(page) >= _PAGE:
                if not await asyncio.to_thread(wish.take, page):
                    return
                page = []
        if page:
            await asyncio.to_thread(wish.take, page)
    finally:
        await lines.close()
