"""The cache of one function. The law: a hit has the least around it; everything else is decided by the flow.

Nothing of the store's is raised by a call; `invalidate` and `clear` do raise, since an answer that was to be forgotten
and was not is a wrong answer later.
"""

from __future__ import annotations

import inspect
import os
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast

from contextkit.errors import ConfigError
from contextkit.store.entries import Match
from contextkit.toolcache.answer import Answer
from contextkit.toolcache.effects import adrive, drive, making, to_end
from contextkit.toolcache.flow import Asked, Flow, Served
from contextkit.toolcache.guard import AWAY, Away
from contextkit.toolcache.key import Arguments, NoKeyError, part
from contextkit.toolcache.record import read
from contextkit.toolcache.stats import CacheEvent, Counts, Stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.toolcache.guard import Guard
    from contextkit.toolcache.settings import Settings

__all__ = ["Cache", "CacheWarning"]

P = ParamSpec("P")
R = TypeVar("R")

_FOREVER: Final = 1e9  # a lease in memory: its holder cannot die alone


class CacheWarning(UserWarning):
    """Something is returned, but cannot be kept."""


class Cache(Generic[P, R]):
    """The cache of one function, as its attribute `cache`.

    Attributes:
        name: the function, its version included; other programs with the same name share its answers.
        settings: what it was told.
    """

    def __init__(
        self,
        function: Callable[P, R],
        settings: Settings,
        *,
        guard: Guard,
        name: str,
        key: Any,
        namespace: str | Callable[[], str],
        on_event: Callable[[CacheEvent], object] | None,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.name = name
        self.settings = settings
        self._function = function
        self._namespace = namespace
        self._arguments = Arguments(function, key)
        self._group = part(name)
        self._guard = guard
        self._counts = Counts(on_event)
        self._flow = Flow(
            name, settings, self._counts, clock, random, lambda: os.urandom(12).hex(), self._unkept,
            _FOREVER if guard.quick else settings.lease,
        )  # fmt: skip
        self._warned: set[str] = set()

    @property
    def stats(self) -> Stats:
        """What it did in this process so far."""
        return self._counts.stats(self._guard.dropped)

    @property
    def is_away(self) -> bool:
        """The store failed when it was last asked; tools run uncached for now."""
        return self._guard.breaker.is_open

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of a call: namespace, function and arguments, as hex digits.

        Raises:
            ConfigError: the call has none.
        """
        _, found = self._keyed(args, kwargs)
        if found is None:
            raise ConfigError("the call has no key", where=self.name, fix="Give the function's arguments.")
        return found

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forget the answer to one call, in the namespace that holds now; whether there was one.

        What is being made at this moment is not kept. Blocks: from a task use `asyncio.to_thread`.

        Raises:
            StoreError: the store cannot be asked. ConfigError: the call has no key.
        """
        return self._dropped(Match(key=self.key(*args, **kwargs))) > 0

    def clear(self, namespace: str | None = None) -> int:
        """Forget all answers of this function, or (given one) those of a namespace; how many there were.

        Raises:
            StoreError: the store cannot be asked.
        """
        return self._dropped(Match(space="" if namespace is None else part(namespace), group=self._group))

    def answer(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """As calling the function, but gives an `Answer`: the value, where it came from, and its shaped form.

        Returns:
            An Answer; for an `async def` a coroutine that gives one.
        """
        if inspect.iscoroutinefunction(self._function):
            return self._aanswered(args, kwargs)
        return self._answered(args, kwargs)

    def _answered(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
        namespace, key = self._keyed(args, kwargs)
        return self._decided(args, kwargs, namespace, key, None if key is None else self._guard.get(key))

    async def _aanswered(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
        namespace, key = self._keyed(args, kwargs)
        return await self._adecided(args, kwargs, namespace, key, None if key is None else await self._aget(key))

    def _called(self, *args: Any, **kwargs: Any) -> Any:
        """The value alone: a hit with the least around it, all else as `answer`."""
        namespace, key = self._keyed(args, kwargs)
        kept = None if key is None else self._guard.get(key)
        if key is not None and kept is not None and kept is not AWAY:
            record = read(kept)
            if record is not None and self._flow.is_fresh(record):
                return self._flow.hit(namespace, key, record)
        return self._decided(args, kwargs, namespace, key, kept).value

    async def _acalled(self, *args: Any, **kwargs: Any) -> Any:
        """The same for an `async def`."""
        namespace, key = self._keyed(args, kwargs)
        kept = None if key is None else await self._aget(key)
        if key is not None and kept is not None and kept is not AWAY:
            record = read(kept)
            if record is not None and self._flow.is_fresh(record):
                return self._flow.hit(namespace, key, record)
        return (await self._adecided(args, kwargs, namespace, key, kept)).value

    async def _aget(self, key: str) -> bytes | Away | None:
        return self._guard.get(key) if self._guard.quick else await to_end(self._guard.get, key)

    def _decided(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], namespace: str, key: str | None, kept: bytes | Away | None
    ) -> Answer:
        if key is None or making(key):
            start = time.perf_counter()
            return self._unkeyed(self._function(*args, **kwargs), start)
        asked = Asked(key, partial(self._function, *args, **kwargs), namespace)
        old = None if kept is AWAY else read(kept)
        if old is not None and self._flow.is_fresh(old):
            return self._as_answer(asked, self._flow.found(asked, old))
        return self._as_answer(asked, drive(self._flow.steps(asked, old, away=kept is AWAY), self._guard, key))

    async def _adecided(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], namespace: str, key: str | None, kept: bytes | Away | None
    ) -> Answer:
        if key is None or making(key):
            start = time.perf_counter()
            return self._unkeyed(await cast("Any", self._function(*args, **kwargs)), start)
        asked = Asked(key, partial(self._function, *args, **kwargs), namespace)
        old = None if kept is AWAY else read(kept)
        if old is not None and self._flow.is_fresh(old):
            return self._as_answer(asked, self._flow.found(asked, old))
        return self._as_answer(asked, await adrive(self._flow.steps(asked, old, away=kept is AWAY), self._guard, key))

    def _keyed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, str | None]:
        """The namespace and the key of a call; no key when it has none."""
        namespace = self._namespace if isinstance(self._namespace, str) else self._namespace()
        if not isinstance(namespace, str):
            raise ConfigError(f"the namespace is {namespace!r}", where=self.name, fix="Let it be a text.")
        try:
            found = self._arguments.key(args, kwargs)
        except NoKeyError as error:
            self._warn("key", f"{self.name} runs uncached: {error}. Give cached(key=...).")
            return namespace, None
        return namespace, None if found is None else part(namespace) + self._group + found

    def _as_answer(self, asked: Asked, served: Served) -> Answer:
        record = served.record
        value = served.value if served.ran or record is None else record.value
        return Answer(
            value, served.kind, asked.key, record.made if record and served.kept else None, served, self._guard
        )

    def _unkeyed(self, value: Any, start: float) -> Answer:
        seconds = time.perf_counter() - start
        self._counts.add(CacheEvent("refused", self.name, "", "", self._flow.clock(), seconds, note="no key"))
        return Answer(value, "refused")

    def _unkept(self, value: Any) -> None:
        self._warn("json", f"what {self.name} gives (a {type(value).__name__}) is not JSON and is not cached")

    def _warn(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            warnings.warn(text, CacheWarning, stacklevel=2)

    def _dropped(self, match: Match) -> int:
        self._flow.flights.leave(match.key or match.space)
        gone = self._guard.opened().drop(match)
        self._flow.flights.leave(match.key or match.space)  # who joined meanwhile waits for what is not kept
        return gone

    def __repr__(self) -> str:
        return f"<Cache of {self.name}>"
