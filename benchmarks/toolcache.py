"""What a hit of the tool cache costs beside other caches, and what a dead Redis costs.

Run: `make benchmark-toolcache`. The other caches are installed into `.peers/toolcache` on the first run. The Redis rows
need the program redis-server; they are left out without it, and the table says so. `--write` writes the section of
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sections import replace_section
from benchmarks.toolcache_peers import VENV, measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]

DEAD: Final = """
import sys, time
sys.path.insert(0, sys.argv[2])
from contextkit.toolcache import cached
tool = cached(store=sys.argv[1], patience=0.25)(lambda number: number)
tool(1)  # connected
print("ready", flush=True)
sys.stdin.readline()
took = []
for number in range(200):
    start = time.perf_counter()
    tool(number)
    took.append(time.perf_counter() - start)
took.sort()
print(took[-1], took[-2], took[100], tool.cache.stats.bypassed)
"""


@contextmanager
def redis_server() -> Iterator[tuple[str, subprocess.Popen[bytes] | None]]:
    """The address of a server of this run's own, and its process; "" and None when the program is not here."""
    program = shutil.which("redis-server")
    if program is None:
        yield "", None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        try:
            _answering(port)
            yield f"redis://127.0.0.1:{port}/0", process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def _answering(port: int) -> None:
    """Wait until a server takes connections."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("redis-server did not start")


def table(rates: dict[str, float | str]) -> list[str]:
    """One row a cache, those of a store together, the fastest first."""
    rows = ["| store | cache | hits per second |", "| --- | --- | --- |"]
    for store in ("memory", "file", "redis"):
        found = [(name, rate) for name, rate in rates.items() if name.startswith(f"{store} | ")]
        found.sort(key=lambda pair: pair[1] if isinstance(pair[1], float) else -1.0, reverse=True)
        rows += [
            f"| {name} | {rate:,.0f} |" if isinstance(rate, float) else f"| {name} | {rate} |" for name, rate in found
        ]
        if not found:
            rows.append(f"| {store} | left out: redis-server is not installed | |")
    return rows


def hanging(address: str, server: subprocess.Popen[bytes]) -> list[str]:
    """What 200 calls in a row cost when the server stops answering before the first of them."""
    command = [str(VENV / "bin" / "python"), "-c", DEAD, address, str(ROOT)]
    asking = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert asking.stdout is not None  # noqa: S101  (it is a pipe)
    asking.stdout.readline()
    server.send_signal(signal.SIGSTOP)
    out, _ = asking.communicate("go\n")
    server.send_signal(signal.SIGCONT)
    worst, second, middle, bypassed = out.split()
    text = (
        f"A Redis that hangs, patience 0.25 s, 200 calls in a row: the slowest waits {float(worst) * 1e3:.0f} ms,"
        f" the next slowest {float(second) * 1e3:.2f} ms, the median {float(middle) * 1e3:.3f} ms;"
        f" {bypassed} of 200 ran uncached."
    )
    return ["", text]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; with --write into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hits", type=int, default=60, help="hits a turn (60)")
    parser.add_argument("--turns", type=int, default=100, help="turns of each, the best stands (100)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    given = parser.parse_args(arguments)
    with redis_server() as (address, server):
        lines = table(measured(address, given.hits, given.turns))
        if server is not None:
            lines += hanging(address, server)
    intro = [
        "Hits of one call with two arguments and an answer of 1.2 KB of JSON, one after the other; all caches in",
        "one interpreter, by turns, the best turn of each. cashews in memory gives the object itself, which callers",
        "can change for one another; the others make a new one. diskcache and cashews use pickle where it says so.",
        "",
    ]
    print("\n".join([*intro, *lines]))
    if given.write:
        replace_section("toolcache", "Tool cache", "make benchmark-toolcache", [*intro, *lines])


if __name__ == "__main__":
    main()
