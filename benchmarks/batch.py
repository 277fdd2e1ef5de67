"""How much memory and time a batch of a million items takes: planned, split, and sent through the real SDK.

Run: `make benchmark-batch`. The items are read by one process, whose peak memory is measured; another takes the bodies
and throws them away. `--write` writes the section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sections import replace_section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFIX: Final = "You sort letters by these rules, and you are never in a hurry to do so. " * 60
"""About a thousand tokens: 4.4 KB in every request."""


class Sent(Exception):  # noqa: N818  (not an error: all is sent, and nobody waits for answers here)
    """The run has come to its first wait."""


def letters(count: int) -> Iterator[str]:
    """Letters of about 200 characters, no two the same, made one by one."""
    for at in range(count):
        yield (
            f"Letter {at}: my parcel of the {at % 28 + 1}th came late, and one of its {at % 7 + 2} parts was broken. "
            * 2
        )


def measured(count: int, how: str, address: str) -> None:
    """Plan or send in this process, and print what it took."""
    from contextkit.batch import Batch  # noqa: PLC0415  (its import is part of what is measured)

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch({"system": PREFIX}, letters(count), model="haiku", state=f"{folder}/batch.db", sleep=_leave,
                      prewarm=False, progress=False)  # fmt: skip
        found: dict[str, Any] = {}
        if how == "plan":
            quote = batch.dry_run()
            found = {"requests": quote.requests, "chunks": quote.chunks, "usd": quote.usd, "bytes": quote.bytes}
        else:
            from anthropic import Anthropic  # noqa: PLC0415  (as above)

            try:
                batch.run(Anthropic(api_key="none", base_url=address))
            except Sent:
                found = {"requests": batch.done().requests, "chunks": len(batch.done().batches)}
        found["file"] = Path(folder, "batch.db").stat().st_size
        batch.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**found, "seconds": time.perf_counter() - start, "peak": peak}))


def _leave(_: float) -> None:
    raise Sent


class Sink(BaseHTTPRequestHandler):
    """Takes a batch's body piece by piece, counts its requests, and says that it is in progress."""

    made = 0

    def do_POST(self) -> None:
        """Take a batch."""
        left, count, before = int(self.headers["Content-Length"]), 0, b""
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            left -= len(piece)
            count += len(re.findall(b'"custom_id":', before + piece))
            before = piece[-11:]
        type(self).made += 1
        self._say(count)

    def do_GET(self) -> None:
        """Say that a batch is in progress."""
        self._say(1)

    def _say(self, count: int) -> None:
        kinds = dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0)
        body = {
            "id": f"msgbatch_{self.made}", "type": "message_batch", "processing_status": "in_progress",
            "request_counts": {"processing": count, **kinds}, "created_at": "2026-11-22T12:00:00Z",
            "expires_at": "2026-11-23T12:00:00Z", "results_url": None,
        }  # fmt: skip
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def serve() -> None:
    """Be the sink, in a process of its own."""
    server = HTTPServer(("127.0.0.1", 0), Sink)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; with --write into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    parser.add_argument("--part", choices=("plan", "send", "sink"), help=argparse.SUPPRESS)
    parser.add_argument("--address", default="", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.part == "sink":
        serve()
    elif given.part:
        measured(given.items, given.part, given.address)
    else:
        report(given.items, write=given.write)


def report(items: int, *, write: bool) -> None:
    """Both ways, as a table."""
    rows = [
        "| what | items | batches | seconds | peak memory, MB | state file, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    this = [sys.executable, str(Path(__file__).resolve())]
    sink = subprocess.Popen([*this, "--part", "sink"], stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout is not None  # noqa: S101  (it is a pipe)
        address = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        for part, name in (("plan", "read, checked, kept, split, priced"), ("send", "the same, and sent by the SDK")):
            command = [*this, "--part", part, "--items", str(items), "--address", address]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(out)
            rows.append(
                f"| {name} | {found['requests']:,} | {found['chunks']} | {found['seconds']:.0f} |"
                f" {found['peak'] / 1e6:.0f} | {found['file'] / 1e6:.0f} |"
            )
    finally:
        sink.kill()
        sink.wait()
    intro = [
        "Items of about 180 characters over a prefix of 4.3 KB, which travels with every request: 4.7 GB in all for a",
        "million. One process reads them from a generator and keeps them in a SQLite file; its peak is that of the",
        "whole process, interpreter and SDK included. Target: under 300 MB.",
        "",
    ]
    print("\n".join([*intro, *rows]))
    if write:
        replace_section("batch", "A batch of a million items", "make benchmark-batch", [*intro, *rows])


if __name__ == "__main__":
    main()
