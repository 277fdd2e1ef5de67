"""Hits per second of every cache, measured in one interpreter of its own (`.peers/toolcache`).

Law: every cache answers the same call with the same value, else its rate is not counted; the caches take turns, and
the best of several turns stands (noise of a shared machine only takes away). This file is both sides: imported, it
prepares the environment and asks; run by that interpreter, it answers.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["measured"]

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = ROOT / ".peers" / "toolcache"
WANTED: Final = ("redis==8.1.0", "cashews==7.6.0", "diskcache==5.6.3")

ANSWER: Final = {
    "city": "Ulm",
    "source": "https://weather.example.com/v2/forecast?city=Ulm&days=7",
    "days": [
        {"day": f"2026-11-{day:02d}", "high": 9.5 + day, "low": day - 3, "rain": day % 3 == 0, "text": "partly cloudy"}
        for day in range(1, 15)
    ],
}


def measured(address: str, hits: int, turns: int) -> dict[str, float | str]:
    """Hits per second by cache, or why there are none.

    Args:
        address: a Redis server; "" for none.
        hits: of each turn.
        turns: of each cache.
    """
    _install()
    command = [str(VENV / "bin" / "python"), __file__, address, str(hits), str(turns)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _install() -> None:
    """Make the environment once, with uv when it is there, else with venv and pip."""
    ready = VENV / ".ready"
    if ready.exists() and ready.read_text() == " ".join(WANTED):
        return
    python = VENV / "bin" / "python"
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), *WANTED], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *WANTED], check=True)
    ready.write_text(" ".join(WANTED))


def _timed(call: Callable[..., Any]) -> Callable[[int], float]:
    """Hits per second of a function that has answered the call before."""
    if call("Ulm", days=14) != ANSWER or call("Ulm", days=14) != ANSWER:
        raise ValueError("another answer")

    def turn(hits: int) -> float:
        start = time.perf_counter()
        for _ in range(hits):
            call("Ulm", days=14)
        return hits / (time.perf_counter() - start)

    return turn


def _atimed(call: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[[int], float]:
    """The same for a coroutine function, one call after the other in one task."""

    async def hitting(hits: int) -> float:
        start = time.perf_counter()
        for _ in range(hits):
            await call("Ulm", days=14)
        return hits / (time.perf_counter() - start)

    for _ in range(2):
        if loop.run_until_complete(call("Ulm", days=14)) != ANSWER:
            raise ValueError("another answer")
    return lambda hits: loop.run_until_complete(hitting(hits))


def weather(city: str, days: int = 3) -> Any:
    """The tool."""
    return {**ANSWER, "city": city} if days == 14 else None


async def aweather(city: str, days: int = 3) -> Any:
    """The tool as a coroutine function."""
    return weather(city, days)


def _ours(address: str, loop: asyncio.AbstractEventLoop | None = None) -> Callable[[int], float]:
    sys.path.insert(0, str(ROOT))
    cached = import_module("contextkit.toolcache").cached
    if loop is None:
        return _timed(cached(ttl=600, store=address, patience=5.0)(weather))
    return _atimed(cached(ttl=600, store=address, patience=5.0)(aweather), loop)


def _cashews(
    address: str, loop: asyncio.AbstractEventLoop, word: str = "any", **settings: Any
) -> Callable[[int], float]:
    cache = import_module("cashews").Cache()
    cache.setup(address, **settings)
    return _atimed(cache(ttl=600, key=word + ":{city}:{days}")(aweather), loop)


def _diskcache(folder: str, *, as_json: bool) -> Callable[[int], float]:
    diskcache = import_module("diskcache")
    settings = {"disk": diskcache.JSONDisk} if as_json else {}
    return _timed(diskcache.Cache(folder, **settings).memoize(expire=600)(weather))


def _plain_redis(address: str) -> Callable[[int], float]:
    """What one writes by hand: a key, a GET, JSON."""
    client = import_module("redis").Redis.from_url(address)

    def call(city: str, days: int = 3) -> Any:
        key = f"weather:{city}:{days}"
        kept = client.get(key)
        if kept is not None:
            return json.loads(kept)
        answer = weather(city, days)
        client.set(key, json.dumps(answer), ex=600)
        return answer

    return _timed(call)


def _prepared(address: str, folder: str, loop: asyncio.AbstractEventLoop) -> dict[str, Callable[[], Any]]:
    """How each cache is made ready, by its name: the store, the cache, its kind, and its safety."""
    made: dict[str, Callable[[], Any]] = {
        "memory | contextkit, def": lambda: _ours("memory://"),
        "memory | contextkit, async def": lambda: _ours("memory://", loop),
        "memory | cashews, async def, no copy": lambda: _cashews("mem://", loop),
        "file | contextkit, def": lambda: _ours(f"sqlite:///{folder}/ours.db"),
        "file | contextkit, async def": lambda: _ours(f"sqlite:///{folder}/aours.db", loop),
        "file | diskcache JSONDisk, def": lambda: _diskcache(f"{folder}/json", as_json=True),
        "file | diskcache, def (pickle)": lambda: _diskcache(f"{folder}/pickle", as_json=False),
    }
    if address:
        made |= {
            "redis | contextkit, def": lambda: _ours(address),
            "redis | contextkit, async def": lambda: _ours(address, loop),
            "redis | plain redis-py and JSON, def": lambda: _plain_redis(address),
            "redis | cashews, async def, JSON": lambda: _cashews(address, loop, "json", pickle_type="json"),
            "redis | cashews, async def (pickle)": lambda: _cashews(address, loop),
        }
    return made


def main(address: str, hits: int, turns: int) -> None:
    """Measure all caches by turns; prints one JSON object."""
    loop = asyncio.new_event_loop()
    rates: dict[str, float | str] = {}
    ready: dict[str, Callable[[int], float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, prepare in _prepared(address, folder, loop).items():
            try:
                ready[name] = prepare()
            except Exception as error:  # noqa: BLE001  (a cache that fails is a line of the table)
                rates[name] = f"{type(error).__name__}: {error}"[:60]
        for _ in range(turns):
            for name, turn in ready.items():
                best = rates.get(name, 0.0)
                rates[name] = max(float(best), turn(hits))
    print(json.dumps(rates))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
