"""`@cached`: remember what a tool answered.

The law: the function stays what it was to whoever calls it, only faster.
"""

from __future__ import annotations

import inspect
import random as chance
import time
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar, overload
from weakref import WeakSet

from contextkit.errors import ConfigError, StoreError
from contextkit.store.entries import Match
from contextkit.toolcache.cache import Cache
from contextkit.toolcache.key import part
from contextkit.toolcache.opening import guarded
from contextkit.toolcache.settings import check_callables, check_given, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from contextkit.store.base import Store
    from contextkit.store.entries import Entries
    from contextkit.toolcache.stats import CacheEvent

__all__ = ["Cached", "cached", "forget"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_ALL: Final[WeakSet[Cache[Any, Any]]] = WeakSet()


class Cached(Protocol[P, R_co]):
    """A cached function."""

    cache: Cache[P, Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """As the function; from the cache where it may be."""


@overload
def cached(function: Callable[P, R], /) -> Cached[P, R]: ...


@overload
def cached(
    *,
    ttl: float = 3_600.0,
    key: Callable[..., Any] | Sequence[str] | None = None,
    namespace: str | Callable[[], str] = "",
    store: str | Path | Store | Entries = "memory://",
    name: str | None = None,
    version: str = "",
    limit: int | None = 64_000_000,
    jitter: float = 0.1,
    stale: float = 0.0,
    stale_if_error: float = 0.0,
    errors: Sequence[type[Exception]] = (),
    error_ttl: float = 30.0,
    lease: float = 10.0,
    wait: float = 60.0,
    patience: float | None = None,
    tokens: Callable[[Any], int] | None = None,
    on_event: Callable[[CacheEvent], object] | None = None,
    clock: Callable[[], float] = time.time,
    random: Callable[[], float] = chance.random,
) -> Callable[[Callable[P, R]], Cached[P, R]]: ...


def cached(
    function: Any = None,
    /,
    *,
    key: Any = None,
    namespace: str | Callable[[], str] = "",
    store: Any = "memory://",
    name: str | None = None,
    version: str = "",
    limit: int | None = 64_000_000,
    errors: Sequence[type[Exception]] = (),
    patience: float | None = None,
    on_event: Callable[[CacheEvent], object] | None = None,
    clock: Callable[[], float] = time.time,
    random: Callable[[], float] = chance.random,
    **settings: Any,
) -> Any:
    """Remember what a function answered (`def` or `async def`), bare or with settings. Times are seconds.

    A hit gives a fresh copy of the answer. Of many that ask at once, in threads, tasks, processes or on machines that
    share the store, one runs the function. What is not JSON is returned and not kept, with one warning.

    Args:
        function: the function.
        ttl: for which an answer is fresh.
        key: what of a call counts: names of parameters, or a function of the same arguments; None for all arguments.
        namespace: whose answers: a user, a tenant; or what gives it at each call, as the `get` of a ContextVar.
        store: "memory://" (this process, each function for itself), a path or "sqlite:///path" (this machine),
            "redis://host:port/0" (many machines), a store, or its entries.
        name: under which answers are kept; None for the function's module and name.
        version: part of the name: change it when the function's code gives other answers.
        limit: bytes of answers in the store; over it, what ends soonest is given up. None for no bound.
        jitter: the largest share of the TTL that is taken off at random, so that answers do not all end at once.
        stale: past the TTL, for which the old answer is served while one call makes a new one behind it.
        stale_if_error: past the TTL, for which the old answer is served when the function raises.
        errors: exceptions that are kept as answers and raised again; their arguments must be JSON.
        error_ttl: for which they are.
        lease: after which a maker in another process that gave no sign is taken for dead.
        wait: the longest wait for another call's answer; then the function runs uncached.
        patience: the longest wait for the store, after which the function runs uncached and the store is left alone
            for a while; None for 0.5 with Redis and 5 with a file.
        tokens: what making a value cost in tokens, for functions that ask a model; hits book it as saved.
        on_event: called with each `CacheEvent`; what it raises goes no further.
        clock: Unix seconds.
        random: gives a number, 0 to 1.
        **settings: those above that `Settings` holds.

    Raises:
        ConfigError: a setting is unknown or out of range, the address is none, or the function is a generator.

    Example:
        >>> @cached(ttl=60, namespace="tenant-7")
        ... def weather(city: str, days: int = 3) -> dict:
        ...     return {"city": city, "days": days}
        >>> weather("Ulm") == weather(days=3, city="Ulm")
        True
        >>> weather.cache.stats.hits
        1
    """
    told = settings_of(errors, settings)
    check_given(limit=limit, patience=patience, namespace=namespace, name=name, version=version)
    check_callables(on_event=on_event, clock=clock, random=random, tokens=told.tokens)

    def made(each: Callable[..., Any]) -> Any:
        _check(each)
        called = (name or f"{each.__module__}.{each.__qualname__}") + (f"@{version}" if version else "")
        guard = guarded(store, limit=limit, patience=patience)
        cache: Cache[Any, Any] = Cache(
            each, told, guard=guard, name=called, key=key, namespace=namespace, on_event=on_event, clock=clock,
            random=random,
        )  # fmt: skip
        _ALL.add(cache)
        return _wrapped(each, cache)

    return made if function is None else made(function)


def _wrapped(function: Callable[..., Any], cache: Cache[Any, Any]) -> Any:
    """A function of the same kind, so that whoever asks whether it is a coroutine function gets the right answer."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return cache._called(*args, **kwargs)  # noqa: SLF001  (the two are one)

    async def acall(*args: Any, **kwargs: Any) -> Any:
        return await cache._acalled(*args, **kwargs)  # noqa: SLF001  (the two are one)

    made: Any = update_wrapper(acall if inspect.iscoroutinefunction(function) else call, function)
    made.cache = cache
    return made


def _check(function: Any) -> None:
    if not callable(function):
        raise ConfigError(f"a {type(function).__name__} is no function", where="cached")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(
            f"{function.__qualname__} is a generator", where="cached", fix="Return a list; what is yielded is used up."
        )


def forget(namespace: str, *, store: str | Path | Store | Entries | None = None) -> int:
    """Forget all answers of a namespace; how many there were.

    Args:
        namespace: whose.
        store: where, also those of functions that this process does not know; None for every cached function of this
            process, each in its store.

    Raises:
        StoreError: a store cannot be asked.
    """
    if store is not None:
        return guarded(store, limit=None, patience=None).opened().drop(Match(space=part(namespace)))
    gone, failed = 0, None
    for cache in list(_ALL):
        try:
            gone += cache.clear(namespace)
        except StoreError as error:  # the others must forget it all the same
            failed = error
    if failed is not None:
        raise failed
    return gone
