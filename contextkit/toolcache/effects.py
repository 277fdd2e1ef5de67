"""What a cached call may want done, and the two drivers that do it. The law: no decision is made here.

Stores are synchronous: a task reaches one that may wait through a thread of a pool of its own, so that slow tools in
the default pool never hold up the cache. A use of the store is carried to its end also when the task is cancelled.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.toolcache.renewal import Renewals

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from contextkit.store.entries import Entries
    from contextkit.toolcache.flights import Flight
    from contextkit.toolcache.guard import Guard

__all__ = ["Effect", "Ran", "Renew", "Run", "Sleep", "Spawn", "UseStore", "Wait", "adrive", "drive", "making", "to_end"]

_WORKERS: Final = 16
_RENEWALS: Final = Renewals()
_MAKING: ContextVar[frozenset[str]] = ContextVar("contextkit_making", default=frozenset())
_BEHIND: set[asyncio.Task[Any]] = set()
_POOLS: dict[int, ThreadPoolExecutor] = {}


class Ran(NamedTuple):
    """How a run of the tool ended: what it gave or what it raised, and after how many seconds."""

    value: Any
    error: Exception | None
    seconds: float


@dataclass(frozen=True, slots=True)
class UseStore:
    """Work on the store; the result, or AWAY."""

    work: Callable[[Entries], Any]


@dataclass(frozen=True, slots=True)
class Run:
    """Run the tool; a Ran. What is no Exception (a cancellation) is thrown into the flow."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Renew:
    """A context manager that renews a lease while it is entered."""

    key: str
    token: str
    lease: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for another call of this process; how it landed, or None after so many seconds."""

    flight: Flight
    seconds: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Spawn:
    """Drive a flow behind this one; what it raises was counted and goes no further."""

    flow: Generator[Effect, Any, Any]


Effect = UseStore | Run | Renew | Wait | Sleep | Spawn


def making(key: str) -> bool:
    """The call is made from within the making of its own answer: waiting for that would be for ever."""
    return key in _MAKING.get()


def drive(flow: Generator[Effect, Any, Any], guard: Guard, key: str, error: BaseException | None = None) -> Any:
    """Do what a flow wants, in this thread; what it returns. An `error` is thrown into it first."""
    got: Any = None
    try:
        while True:
            effect = flow.send(got) if error is None else flow.throw(error)
            got = error = None
            try:
                got = _do(effect, guard, key)
            except BaseException as caught:  # noqa: BLE001  (the flow decides what of it goes on)
                error = caught
    except StopIteration as done:
        return done.value
    finally:
        error = None  # or the error would hold this frame, and the frame the error


async def adrive(flow: Generator[Effect, Any, Any], guard: Guard, key: str) -> Any:
    """Do what a flow wants, in this task; what it returns."""
    got: Any = None
    error: BaseException | None = None
    try:
        while True:
            effect = flow.send(got) if error is None else flow.throw(error)
            got = error = None
            try:
                got = await _ado(effect, guard, key)
            except GeneratorExit as caught:  # nobody waits for this task any more: it may not wait either
                return drive(flow, guard, key, caught)
            except BaseException as caught:  # noqa: BLE001  (the flow decides what of it goes on)
                error = caught
    except StopIteration as done:
        return done.value
    finally:
        error = None


def _do(effect: Effect, guard: Guard, key: str) -> Any:
    match effect:
        case UseStore(work):
            return guard.use(work)
        case Run(call):
            with _under(key):
                return _timed(call)
        case Wait(flight, seconds):
            return flight.wait(seconds)
        case Sleep(seconds):
            return time.sleep(seconds)
        case Renew():
            return _renewed(effect, guard)
        case Spawn(flow):
            context = copy_context()
            Thread(target=context.run, args=(_behind, flow, guard, key), daemon=True).start()
            return None


async def _ado(effect: Effect, guard: Guard, key: str) -> Any:
    match effect:
        case UseStore(work):
            return guard.use(work) if guard.quick else await to_end(guard.use, work)
        case Run(call):
            with _under(key):
                return await _atimed(call)
        case Wait(flight, seconds):
            return await flight.await_(seconds)
        case Sleep(seconds):
            return await asyncio.sleep(seconds)
        case Renew():
            return _renewed(effect, guard)
        case Spawn(flow):
            task = asyncio.get_running_loop().create_task(_abehind(flow, guard, key))
            _BEHIND.add(task)  # the loop itself keeps no hold of its tasks
            task.add_done_callback(_BEHIND.discard)
            return None


def _timed(call: Callable[[], Any]) -> Ran:
    start = time.perf_counter()
    try:
        value = call()
    except Exception as error:  # noqa: BLE001  (the flow decides)
        return Ran(None, error, time.perf_counter() - start)
    return Ran(value, None, time.perf_counter() - start)


async def _atimed(call: Callable[[], Any]) -> Ran:
    start = time.perf_counter()
    try:
        value = await call()
    except Exception as error:  # noqa: BLE001  (the flow decides)
        return Ran(None, error, time.perf_counter() - start)
    return Ran(value, None, time.perf_counter() - start)


@contextmanager
def _under(key: str) -> Iterator[None]:
    held = _MAKING.set(_MAKING.get() | {key})
    try:
        yield
    finally:
        _MAKING.reset(held)


def _renewed(wish: Renew, guard: Guard) -> AbstractContextManager[None]:
    @contextmanager
    def renewed() -> Iterator[None]:
        if guard.quick:  # a lease in memory: its holder and who waits live in one process
            yield
            return
        _RENEWALS.hold(guard, wish.key, wish.token, wish.lease)
        try:
            yield
        finally:
            _RENEWALS.let_go(wish.token)

    return renewed()


async def to_end(use: Callable[..., Any], *given: Any) -> Any:
    """Run in a thread of the cache's own pool; a cancellation waits for it, so that no lease is taken unseen."""
    work = asyncio.get_running_loop().run_in_executor(_pool(), use, *given)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _pool() -> ThreadPoolExecutor:
    """The pool of this process; a forked one has none of its parent's threads."""
    found = _POOLS.get(os.getpid())
    if found is None:
        found = _POOLS.setdefault(os.getpid(), ThreadPoolExecutor(_WORKERS, "contextkit-cache"))
    return found


def _behind(flow: Generator[Effect, Any, Any], guard: Guard, key: str) -> None:
    with suppress(Exception):  # counted by the flow; the old answer was served
        drive(flow, guard, key)


async def _abehind(flow: Generator[Effect, Any, Any], guard: Guard, key: str) -> None:
    with suppress(Exception):  # as above
        await adrive(flow, guard, key)
