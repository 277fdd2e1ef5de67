"""One cache for many processes, and a server that dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.toolcache import cached

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, KEYS = 8, 20

WORKER = """
import asyncio, json, random, sys, time
from pathlib import Path
from contextkit.toolcache import cached

address, folder, seed, kind = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
settings = dict(store=address, patience=20.0, name="work")

def worked(number):
    with open(folder / f"{number}.runs", "a") as runs:  # one byte, appended in one write: counted over all processes
        runs.write("x")
    return {"number": number, "square": number * number}

@cached(**settings)
def work(number):
    time.sleep(0.01)
    return worked(number)

@cached(**settings)
async def awork(number):
    await asyncio.sleep(0.01)
    return worked(number)

async def together(numbers):
    return await asyncio.gather(*map(awork, numbers))

numbers = list(range(20))
random.Random(seed).shuffle(numbers)
answers = asyncio.run(together(numbers)) if kind == "async" else list(map(work, numbers))
assert all(one["square"] == one["number"] ** 2 for one in answers)
cache = awork.cache if kind == "async" else work.cache
print(json.dumps(cache.stats.as_dict()))
"""

HELD = """
import sys, time
from contextkit.toolcache import cached

@cached(store=sys.argv[1], name="held", lease=0.5, patience=20.0)
def held(city):
    print("working", flush=True)
    time.sleep(600)

held("Ulm")
"""


def start(code: str, *args: str) -> subprocess.Popen[str]:
    """A Python process with the package at hand."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, *args], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(params=["sqlite", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address that processes share."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_server").url)
    return f"sqlite:///{tmp_path / 'kept.db'}"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_eight_processes_compute_twenty_keys_twenty_times(shared: str, tmp_path: Path, kind: str) -> None:
    """Whoever asks first, each key is computed exactly once over all processes."""
    started = [start(WORKER, shared, str(tmp_path), str(seed), kind) for seed in range(PROCESSES)]
    stats: list[dict[str, Any]] = []
    for process in started:
        out, err = process.communicate()
        assert process.returncode == 0, err
        stats.append(json.loads(out))
    runs = [len((tmp_path / f"{number}.runs").read_text()) for number in range(KEYS)]
    assert runs == [1] * KEYS
    assert sum(one["misses"] for one in stats) == KEYS
    assert sum(one["hits"] + one["shared"] for one in stats) == (PROCESSES - 1) * KEYS


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_dead_maker_holds_nobody_up_for_ever(shared: str, way: signal.Signals) -> None:
    """The lease of a process that was killed, or stopped, while it computed runs out; another one computes."""
    process = start(HELD, shared)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(way)

        @cached(store=shared, name="held", lease=0.5, patience=20.0)
        def held(city: str) -> str:
            return f"made by {os.getpid()}"

        assert held("Ulm") == f"made by {os.getpid()}"
        assert held.cache.stats.bypassed == 0
        assert held("Ulm") == f"made by {os.getpid()}"
        assert held.cache.stats.hits == 1
    finally:
        process.kill()
        process.communicate()


def counted(address: str, **settings: Any) -> tuple[Any, list[str]]:
    """A cached function, and its runs."""
    runs: list[str] = []

    @cached(store=address, name="counted", **settings)
    def tool(city: str) -> str:
        runs.append(city)
        return city.upper()

    return tool, runs


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own limit ends a wait in vain."""
    while not condition():
        time.sleep(0.02)


def test_a_redis_that_dies_and_comes_back(redis_server: RedisServer) -> None:
    """Killed, the tool runs uncached; restarted, it caches again, and what it had acknowledged is still there."""
    tool, runs = counted(redis_server.url)
    assert [tool("ulm"), tool("ulm")] == ["ULM", "ULM"]
    assert len(runs) == 1
    redis_server.kill()
    assert [tool("ulm"), tool("ulm"), tool("bonn")] == ["ULM", "ULM", "BONN"]
    assert tool.cache.is_away
    assert tool.cache.stats.bypassed == 3
    redis_server.start()
    until(lambda: tool("köln") == "KÖLN" and not tool.cache.is_away)
    before = len(runs)
    assert tool("ulm") == "ULM"
    assert len(runs) == before


async def test_a_redis_that_dies_under_tasks(redis_server: RedisServer) -> None:
    """The same for coroutine functions: no task fails, and all go on."""

    @cached(store=redis_server.url, name="tasks")
    async def tool(number: int) -> int:
        await asyncio.sleep(0.001)
        return number * 2

    async def use(worker: int) -> None:
        for step in range(60):
            number = (worker * 7 + step) % 40
            assert await tool(number) == number * 2

    working = [asyncio.create_task(use(worker)) for worker in range(8)]
    await asyncio.sleep(0.05)
    redis_server.kill()
    await asyncio.sleep(0.1)
    redis_server.start()
    await asyncio.gather(*working)
    stats = tool.cache.stats
    assert stats.calls == 8 * 60
    assert stats.failed == 0


def test_a_redis_that_hangs_costs_one_wait(redis_server: RedisServer) -> None:
    """A server that takes connections and never answers is left alone after the first wait, which is the patience."""
    tool, _ = counted(redis_server.url, patience=0.2)
    tool("ulm")
    redis_server.freeze()
    try:
        assert [tool("ulm") for _ in range(50)] == ["ULM"] * 50
        assert tool.cache.is_away
        # Asked once, and again after the pauses of 1, 2, 4 ... seconds: never once a call.
        assert tool.cache._guard.breaker.failures <= 3
    finally:
        redis_server.thaw()
    until(lambda: tool("bonn") == "BONN" and not tool.cache.is_away)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """An address where nobody listens costs nothing but the caching."""
    pytest.importorskip(
        "redis", reason="the Python package redis is not installed (the extra claude-contextkit[redis])"
    )
    tool, runs = counted("redis://127.0.0.1:1/0")
    assert [tool("ulm"), tool("ulm")] == ["ULM", "ULM"]
    assert len(runs) == 2
    assert "127.0.0.1:1" in repr(tool.cache._guard.opened()._link)
