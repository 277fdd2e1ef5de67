"""`@cached` on functions and coroutine functions, in one process."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.errors import ConfigError, StoreError
from contextkit.store.memory import MemoryStore
from contextkit.store.memory_entries import MemoryEntries
from contextkit.store.sqlite import SQLiteStore
from contextkit.toolcache import CacheEvent, CacheWarning, cached, forget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Tool:
    """A tool that counts its runs, and gives or raises what it is told; sync and async."""

    def __init__(self, value: Any = None, *, seconds: float = 0.0) -> None:
        self.runs = 0
        self.value = value
        self.seconds = seconds
        self.error: Exception | None = None
        self.entered = threading.Event()
        self.gate: threading.Event | None = None

    def __call__(self, city: str, days: int = 3) -> Any:
        """Run once."""
        self.runs += 1
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        time.sleep(self.seconds)
        return self._given(city, days)

    async def later(self, city: str, days: int = 3) -> Any:
        """The same, as a coroutine function."""
        self.runs += 1
        self.entered.set()
        await asyncio.sleep(self.seconds)
        return self._given(city, days)

    def _given(self, city: str, days: int) -> Any:
        if self.error is not None:
            raise self.error
        return {"city": city, "days": days, "run": self.runs} if self.value is None else self.value

    def cached(self, *, is_async: bool = False, **settings: Any) -> Any:
        """A cached function of this tool, its name its own."""

        def weather(city: str, days: int = 3) -> Any:
            return self(city, days)

        async def aweather(city: str, days: int = 3) -> Any:
            return await self.later(city, days)

        return cached(**{"jitter": 0.0, **settings})(aweather if is_async else weather)


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@pytest.fixture(params=["memory", "sqlite", "redis"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address of each kind."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_server").url)
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'kept.db'}"


def run(call: Callable[..., Any], *args: Any) -> Any:
    """A call, awaited where it must be."""
    found = call(*args)
    return asyncio.run(found) if inspect.iscoroutine(found) else found


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own limit ends a wait in vain."""
    while not condition():
        time.sleep(0.002)


async def auntil(condition: Callable[[], bool]) -> None:
    """The same, for a task."""
    while not condition():  # noqa: ASYNC110  (what is waited for is a count, not an event)
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async def"])
class TestBothKinds:
    """What holds for functions and coroutine functions alike, on every store."""

    def test_a_call_runs_once(self, where: str, is_async: bool) -> None:
        """The same call is answered from the cache, another is not; each is counted, with what it saved."""
        tool = Tool(seconds=0.01)
        weather = tool.cached(is_async=is_async, store=where, tokens=lambda _: 40)
        first = run(weather, "Ulm")
        assert [run(weather, "Ulm"), run(weather, "Ulm", 3)] == [first, first]
        assert run(weather, "Bonn") != first
        assert tool.runs == 2
        stats = weather.cache.stats
        assert (stats.hits, stats.misses, stats.calls, stats.hit_rate) == (2, 2, 4, 0.5)
        assert stats.saved_tokens == 80
        assert stats.saved_seconds >= 0.02
        assert stats.as_dict()["hits"] == 2

    def test_an_answer_is_nobody_elses(self, where: str, is_async: bool) -> None:
        """What one caller does to an answer no other sees."""
        weather = Tool().cached(is_async=is_async, store=where)
        first = run(weather, "Ulm")
        whole = dict(first)
        first["city"] = "changed"
        second = run(weather, "Ulm")
        assert second == whole
        second["city"] = "changed"
        assert run(weather, "Ulm") == whole

    def test_namespaces_are_apart(self, where: str, is_async: bool) -> None:
        """A tenant never gets another's answer; one tenant's answers are forgotten without the others'."""
        tenant: ContextVar[str] = ContextVar("tenant", default="a")
        tool = Tool()
        weather = tool.cached(is_async=is_async, store=where, namespace=tenant.get)
        run(weather, "Ulm")
        token = tenant.set("b")
        run(weather, "Ulm")
        assert tool.runs == 2
        assert (weather.cache.clear("a") if where == "memory://" else forget("a", store=where)) == 1
        run(weather, "Ulm")
        assert tool.runs == 2
        tenant.reset(token)
        run(weather, "Ulm")
        assert tool.runs == 3

    def test_forgetting(self, where: str, is_async: bool) -> None:
        """One call, or all of a function, are made anew afterwards; another function's answers stay."""
        tool, other = Tool(), Tool()
        weather = tool.cached(is_async=is_async, store=where)
        beside = other.cached(is_async=is_async, store=where, name="other")
        for city in ("Ulm", "Bonn"):
            run(weather, city)
            run(beside, city)
        assert weather.cache.invalidate("Ulm")
        assert not weather.cache.invalidate("Ulm")
        run(weather, "Bonn")
        assert tool.runs == 2
        run(weather, "Ulm")
        assert tool.runs == 3
        assert weather.cache.clear() == 2
        run(weather, "Ulm")
        run(beside, "Ulm")
        assert (tool.runs, other.runs) == (4, 2)

    def test_what_is_not_json_is_returned_and_not_kept(self, where: str, is_async: bool) -> None:
        """With one warning; the value is the tool's own."""
        value = ("a", object())
        tool = Tool(value)
        weather = tool.cached(is_async=is_async, store=where)
        with pytest.warns(CacheWarning, match="a tuple") as told:
            given = [run(weather, "Ulm"), run(weather, "Ulm")]
        assert given[0] is given[1] is value
        assert len(told) == 1
        assert (tool.runs, weather.cache.stats.refused) == (2, 2)

    def test_a_call_without_a_key_runs_uncached(self, where: str, is_async: bool) -> None:
        """An argument without a canonical form costs the caching, not the call; with one warning."""
        tool = Tool("fine")
        weather = tool.cached(is_async=is_async, store=where)
        with pytest.warns(CacheWarning, match="argument city") as told:
            given = [run(weather, object()), run(weather, object())]
        assert given == ["fine", "fine"]
        assert len(told) == 1
        assert weather.cache.stats.refused == 2
        with pytest.raises(TypeError, match="positional arguments"):
            run(weather, "Ulm", 1, 2)

    def test_errors_are_raised_and_not_kept(self, where: str, is_async: bool) -> None:
        """Every call that fails runs the tool; nothing is left in the way of the next."""
        tool = Tool()
        tool.error = KeyError("away")
        weather = tool.cached(is_async=is_async, store=where)
        for _ in range(2):
            with pytest.raises(KeyError):
                run(weather, "Ulm")
        tool.error = None
        assert run(weather, "Ulm")["run"] == 3
        assert weather.cache.stats.failed == 2

    def test_errors_are_kept_when_told(self, where: str, is_async: bool) -> None:
        """A declared error is raised again from the cache for its own time."""
        tool, clock = Tool(), Clock()
        tool.error = KeyError("no such city")
        weather = tool.cached(is_async=is_async, store=where, errors=[LookupError], error_ttl=30, clock=clock)
        for _ in range(3):
            with pytest.raises(LookupError, match="no such city"):
                run(weather, "Ulm")
        assert tool.runs == 1
        clock.now += 31
        tool.error = None
        assert run(weather, "Ulm")["city"] == "Ulm"

    def test_a_stale_answer_may_stand_in_for_an_error(self, where: str, is_async: bool) -> None:
        """Past its time and within the grace, an answer is served when the tool raises, and only then."""
        tool, clock = Tool(), Clock()
        weather = tool.cached(is_async=is_async, store=where, ttl=10, stale_if_error=100, clock=clock)
        first = run(weather, "Ulm")
        clock.now += 11
        tool.error = OSError("away")
        assert run(weather, "Ulm") == first
        clock.now += 100
        with pytest.raises(OSError, match="away"):
            run(weather, "Ulm")
        assert tool.runs == 3

    def test_answers_end_with_their_time(self, where: str, is_async: bool) -> None:
        """Fresh until its TTL less a random share; made anew afterwards."""
        tool, clock = Tool(), Clock()
        weather = tool.cached(
            is_async=is_async, store=where, ttl=100, jitter=0.2, clock=clock, random=lambda: 0.5
        )  # so that this one ends after 90 seconds
        run(weather, "Ulm")
        clock.now += 89
        run(weather, "Ulm")
        assert tool.runs == 1
        clock.now += 2
        run(weather, "Ulm")
        assert tool.runs == 2


def test_a_stale_answer_is_served_while_a_new_one_is_made() -> None:
    """Within the grace nobody waits: one run behind the calls makes the new answer, whoever asks meanwhile."""
    tool, clock = Tool(), Clock()
    weather = tool.cached(ttl=10, stale=100, clock=clock)
    first = weather("Ulm")
    clock.now += 11
    tool.gate = threading.Event()
    assert [weather("Ulm") for _ in range(5)] == [first] * 5
    tool.gate.set()
    until(lambda: weather.cache.stats.refreshes == 1)
    assert weather("Ulm")["run"] == 2
    assert (weather.cache.stats.stale, tool.runs) == (5, 2)


async def test_a_task_refreshes_behind_a_stale_answer() -> None:
    """The same for coroutine functions, in a task of the same loop; a refresh that fails leaves the old answer."""
    tool, clock = Tool(seconds=0.01), Clock()
    weather = tool.cached(is_async=True, ttl=10, stale=100, clock=clock)
    first = await weather("Ulm")
    clock.now += 11
    tool.error = OSError("away")
    assert await weather("Ulm") == first
    await auntil(lambda: weather.cache.stats.failed > 0)
    tool.error = None
    assert await weather("Ulm") == first
    await auntil(lambda: weather.cache.stats.refreshes > 0)
    assert (await weather("Ulm"))["run"] == 3


def test_threads_share_one_run(where: str) -> None:
    """Of many threads that ask at once one runs the tool, the others get the same answer."""
    tool = Tool(seconds=0.1)
    weather = tool.cached(store=where)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: weather("Ulm"), range(24)))
    assert tool.runs == 1
    assert answers == [answers[0]] * 24
    assert weather.cache.stats.shared + weather.cache.stats.hits == 23


async def test_tasks_share_one_run(where: str) -> None:
    """Of many tasks that ask at once one runs the tool."""
    tool = Tool(seconds=0.05)
    weather = tool.cached(is_async=True, store=where)
    answers = await asyncio.gather(*(weather("Ulm") for _ in range(24)))
    assert tool.runs == 1
    assert answers == [answers[0]] * 24


def test_tasks_of_two_loops_share_one_run() -> None:
    """A task may wait for a task of another thread's event loop."""
    tool = Tool(seconds=0.1)
    weather = tool.cached(is_async=True)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: asyncio.run(weather("Ulm")), range(4)))
    assert tool.runs == 1
    assert answers == [answers[0]] * 4


async def test_a_cancelled_maker_gives_way(where: str) -> None:
    """When the task that runs the tool is cancelled, one that waited runs it; a waiter's cancellation harms nobody."""
    tool = Tool(seconds=0.1)
    weather = tool.cached(is_async=True, store=where)
    maker = asyncio.create_task(weather("Ulm"))
    await auntil(tool.entered.is_set)
    waiting = [asyncio.create_task(weather("Ulm")) for _ in range(3)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    maker.cancel()
    done = await asyncio.gather(maker, *waiting, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in done] == [True, True, False, False]
    assert done[2] == done[3]
    assert tool.runs == 2


def test_an_error_is_shared_by_those_who_waited() -> None:
    """A tool that fails is not stampeded by the calls that waited for it."""
    tool = Tool()
    tool.error, tool.gate = OSError("away"), threading.Event()
    weather = tool.cached()
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(weather, "Ulm") for _ in range(6)]
        assert tool.entered.wait(30)
        time.sleep(0.05)
        tool.gate.set()
        errors = [one.exception() for one in waiting]
    assert all(isinstance(error, OSError) for error in errors)
    assert tool.runs < 6


def test_values_that_cannot_be_shared_are_made_by_each() -> None:
    """Calls that wait for an answer which is not JSON do not get another call's object."""
    made: list[object] = []
    gate = threading.Event()

    @cached
    def opened(name: str) -> Any:
        assert gate.wait(30)
        made.append((name, object()))
        return made[-1]

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore", CacheWarning)
        waiting = [pool.submit(opened, "x") for _ in range(4)]
        time.sleep(0.05)
        gate.set()
        answers = [one.result() for one in waiting]
    assert len({id(answer) for answer in answers}) == 4


def test_who_waits_too_long_runs_the_tool() -> None:
    """A call that hangs holds up another one for `wait` at most."""
    tool = Tool()
    tool.gate = threading.Event()
    weather = tool.cached(wait=0.05)
    with ThreadPoolExecutor(2) as pool:
        pool.submit(weather, "Ulm")
        assert tool.entered.wait(30)
        second = pool.submit(weather, "Ulm")
        until(lambda: tool.runs == 2)
        tool.gate.set()
        assert second.result()["city"] == "Ulm"
    assert weather.cache.stats.bypassed == 1


def test_a_call_within_its_own_making_does_not_wait_for_itself() -> None:
    """A function that calls itself with the same arguments runs; a cache adds no deadlock."""
    depth = [0]

    @cached(wait=30)
    def deep(name: str) -> int:
        depth[0] += 1
        return depth[0] if depth[0] > 2 else int(deep(name))

    assert deep("x") == 3
    assert deep("x") == 3
    assert depth[0] == 3


def test_what_was_invalidated_while_it_was_made_is_not_kept(where: str) -> None:
    """An answer that was under way when its key was forgotten may be old: its caller gets it, the cache does not."""
    tool = Tool()
    tool.gate = threading.Event()
    weather = tool.cached(store=where)
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(weather, "Ulm")
        assert tool.entered.wait(30)
        weather.cache.invalidate("Ulm")
        tool.gate.set()
        assert old.result()["run"] == 1
    assert weather("Ulm")["run"] == 2


def test_a_long_run_keeps_its_lease(where: str) -> None:
    """A tool that runs for longer than the lease is renewed: its answer is kept, and nobody else runs it meanwhile."""
    tool = Tool()
    tool.gate = threading.Event()
    weather = tool.cached(store=where, lease=0.6, patience=5.0)
    other = tool.cached(store=where, lease=0.6, patience=5.0) if where != "memory://" else weather
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(weather, "Ulm")
        assert tool.entered.wait(30)
        second = pool.submit(other, "Ulm")
        time.sleep(1.5)
        tool.gate.set()
        assert first.result() == second.result()
    assert tool.runs == 1


def test_events_tell_what_happened_and_may_fail() -> None:
    """A listener hears of every call; what it raises goes no further."""
    heard: list[CacheEvent] = []

    def listen(event: CacheEvent) -> None:
        heard.append(event)
        raise RuntimeError("a bug of the listener")

    weather = Tool().cached(on_event=listen, namespace="me", name="weather", version="2")
    assert weather("Ulm") == weather("Ulm")
    assert [(event.kind, event.name, event.namespace) for event in heard] == [
        ("miss", "weather@2", "me"), ("hit", "weather@2", "me"),
    ]  # fmt: skip
    assert heard[1].saved_seconds == heard[0].seconds
    assert heard[1].key == weather.cache.key("Ulm")


def test_the_function_stays_what_it_was() -> None:
    """Its name, signature and kind are the function's; bare decoration works."""

    @cached
    def bare(city: str, days: int = 3) -> str:
        """What it does."""
        return city * days

    assert (bare("a"), bare.__name__, bare.__doc__) == ("aaa", "bare", "What it does.")  # type: ignore[attr-defined]
    assert str(inspect.signature(bare)) == "(city: 'str', days: 'int' = 3) -> 'str'"
    assert inspect.iscoroutinefunction(Tool().cached(is_async=True))
    assert repr(bare.cache).startswith("<Cache of ")


def test_a_version_and_a_name_separate_answers(tmp_path: Path) -> None:
    """Functions that share a store share answers only under one name and version."""
    tool, path = Tool(), tmp_path / "kept.db"
    for version in ("1", "2", "1"):
        tool.cached(store=path, version=version)("Ulm")
    assert tool.runs == 2


def test_any_store_will_do(tmp_path: Path) -> None:
    """A store object, its entries, a path: all of them cache, for every function that is given it."""
    for store in (MemoryStore(), MemoryEntries(), SQLiteStore(tmp_path / "a.db"), tmp_path / "b.db"):
        tool = Tool()
        assert tool.cached(store=store)("Ulm") == tool.cached(store=store)("Ulm")
        assert tool.runs == 1


def test_a_bound_holds(tmp_path: Path) -> None:
    """Over its bound answers are given up and counted."""
    tool = Tool("x" * 1_000)
    weather = tool.cached(store=tmp_path / "kept.db", limit=5_000)
    for number in range(10):
        weather(f"city {number}")
    assert weather.cache.stats.dropped >= 5


def test_wrong_settings_are_refused_where_they_stand(tmp_path: Path) -> None:
    """Figures out of range, addresses of nothing, generators: at the decoration, with what to do."""

    def generator(city: str) -> Any:
        yield city

    for settings in (
        {"ttl": 0}, {"ttl": float("nan")}, {"jitter": 1.5}, {"stale": -1}, {"lease": 0}, {"ttl": "1"}, {"ttl": True},
        {"errors": [int]}, {"store": 3}, {"store": "mysql://x"}, {"key": ["town"]}, {"wait": float("inf")},
        {"limit": -1}, {"limit": 0}, {"limit": 1.5}, {"patience": 0}, {"patience": -1}, {"jitter": -0.1}, {"ttl": -1},
        {"name": 3}, {"version": 3}, {"namespace": 3}, {"on_event": 3}, {"clock": 3}, {"tokens": 3}, {"key": 3},
        {"errors": KeyError}, {"error_ttl": 0}, {"wait": -1},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            Tool().cached(**settings)
    with pytest.raises(ConfigError, match="no setting 'tll'"):
        cached(tll=60)  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="is a generator"):
        cached(generator)
    with pytest.raises(ConfigError, match="is no function"):
        cached(3)  # type: ignore[call-overload]
    weather = Tool().cached(namespace=lambda: None)
    with pytest.raises(ConfigError, match="the namespace is None"):
        weather("Ulm")


def test_a_file_that_is_no_store_costs_nothing_but_the_caching(tmp_path: Path) -> None:
    """A call goes through; what was to be forgotten and cannot be is an error."""
    path = tmp_path / "text.db"
    path.write_bytes(b"no database" * 100)
    tool = Tool()
    weather = tool.cached(store=path)
    assert [weather("Ulm")["run"], weather("Ulm")["run"]] == [1, 2]
    assert weather.cache.is_away
    assert weather.cache.stats.bypassed == 2
    with pytest.raises(StoreError):
        weather.cache.invalidate("Ulm")
