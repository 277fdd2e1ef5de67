"""What a turn costs in contextkit's own time and memory, beside peers that count tokens; writes docs/benchmarks.md.

Run it with `make benchmark-overhead`. The peers (strands-agents and haystack-ai, each in an environment of its own
under `.peers/`) are driven by `../shared/bench/peers_overhead.py`, with the same workload in the same run: assistant
text and a tool call, a JSON result of about 2 KB, a user message every ten turns, a budget of 50,000 tokens,
summaries of one fixed text. Timed is only what a library does beside the model call.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.sections import replace_section
from contextkit import Compaction, Conversation

SIZES = (200, 1_000, 2_000)
BUDGET = 50_000
ROOT = Path(__file__).resolve().parent.parent
PEERS_SCRIPT = ROOT.parent / "shared" / "bench" / "peers_overhead.py"
PEERS = {
    "strands": ("strands-agents[anthropic]", ("strands_Summarizing", "strands_ContextManager_auto")),
    "haystack": ("haystack-ai==3.4.1", ("haystack_Summarization",)),
}
STUB = ("The agent is auditing the billing service. " * 28).strip()
WORDS = ("invoice", "ledger", "payment", "refund", "account", "region", "status", "pending", "settled", "amount")


def result(at: int) -> str:
    """A tool's answer of about 2 KB."""
    rng = random.Random(1000 + at)
    rows = [
        {
            "id": f"rec_{at}_{k}",
            "type": rng.choice(WORDS),
            "amount": rng.randint(1, 99999) / 100,
            "status": rng.choice(["ok", "failed", "pending"]),
            "ts": f"2026-11-{rng.randint(1, 28):02d}T10:{k:02d}:00Z",
            "note": " ".join(rng.choice(WORDS) for _ in range(6)),
        }
        for k in range(12)
    ]
    return json.dumps({"page": at, "items": rows, "next": f"c{at + 1}"})


def answer(at: int, prompt: int) -> dict[str, Any]:
    """An assistant message as the API gives it, with its usage."""
    return {
        "id": f"msg_{at:06d}",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "stop_reason": "tool_use",
        "content": [
            {"type": "text", "text": f"Checking page {at} of the ledger for anomalies."},
            {"type": "tool_use", "id": f"toolu_{at:06d}", "name": "read_page", "input": {"page": at, "filter": "!=ok"}},
        ],
        "usage": {"input_tokens": 0, "cache_read_input_tokens": prompt, "output_tokens": 60},
    }


def conversation(*, stub: bool = True) -> Conversation:
    """The conversation under test."""
    return Conversation(
        model="sonnet",
        system="You audit a billing service.",
        tools=[{"name": "read_page", "description": "Read a page.", "input_schema": {"type": "object"}}],
        compaction=Compaction(budget=BUDGET) if stub else None,
        summarizer=lambda _text: STUB,
    )


def run(turns: int, *, stub: bool = True) -> tuple[float, list[float], Conversation]:
    """Seconds of own time in all, per turn, and the conversation."""
    answers = [(result(at), answer(at, 0)) for at in range(turns)]
    conv = conversation(stub=stub)
    spent: list[float] = []
    for at, (output, message) in enumerate(answers):
        began = perf_counter()
        if at % 10 == 0:
            conv.user("Go on with the audit of the billing service, and report every anomaly you find.")
        request = conv.request()
        spent.append(perf_counter() - began)
        # The usage that the API would send; making it is not contextkit's work.
        message["usage"]["cache_read_input_tokens"] = 600 + 700 * len(request["messages"]) // 2
        began = perf_counter()
        conv.record(message)
        conv.tool_result(f"toolu_{at:06d}", output)
        spent[-1] += perf_counter() - began
    return sum(spent), spent, conv


def memory(turns: int) -> tuple[float, float]:
    """Megabytes held by a conversation of so many turns that never folds, and of its transcript as JSON."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    _, _, conv = run(turns, stub=False)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held / 1e6, len(json.dumps(conv.messages)) / 1e6


def exponent(points: list[tuple[int, float]]) -> float:
    """Slope of log(total) over log(turns), first to last."""
    (n0, t0), (n1, t1) = points[0], points[-1]
    return math.log(t1 / t0) / math.log(n1 / n0)


def command_seconds(*words: str) -> float:
    """Median wall time of five runs of a Python command."""
    times = []
    for _ in range(5):
        began = perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        times.append(perf_counter() - began)
    return median(times)


def environment(name: str, package: str) -> Path | None:
    """The interpreter of a peer's own environment, made when absent; None when it cannot be installed."""
    home = ROOT / ".peers" / name
    python = home / "bin" / "python"
    marker = home / ".ready"
    if marker.exists():
        return python
    home.parent.mkdir(exist_ok=True)
    uv = shutil.which("uv")
    # haystack asks for a certifi newer than some indexes have; any recent one does for a benchmark without network.
    override = home.parent / "override.txt"
    override.write_text("certifi>=2025\n")
    steps = (
        [
            [uv, "venv", "-q", str(home)],
            [uv, "pip", "install", "-q", "--python", str(python), "--override", str(override)],
        ]
        if uv
        else [[sys.executable, "-m", "venv", str(home)], [str(python), "-m", "pip", "install", "-q"]]
    )
    steps[-1].append(package)
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            return None
    marker.touch()
    return python


def peer(python: Path, system: str, turns: int) -> float | None:
    """A peer's own seconds over so many turns, or None when it failed or hit the cap."""
    done = subprocess.run(
        [str(python), str(PEERS_SCRIPT), "--system", system, "--n", str(turns), "--mode", "mixed", "--cap", "60"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
        said = json.loads(line.removeprefix("RESULT "))
    except (StopIteration, ValueError):
        return None
    return float(said["seconds"]) if said.get("done") == turns else None


def peer_environments() -> dict[str, Path]:
    """The interpreter of every peer system; empty where the driver or the installation is missing."""
    found: dict[str, Path] = {}
    if not PEERS_SCRIPT.exists():
        print(f"peers skipped: {PEERS_SCRIPT.name} is not beside the checkout")
        return found
    for name, (package, systems) in PEERS.items():
        python = environment(name, package)
        if python is None:
            print(f"{name} skipped: it could not be installed")
            continue
        found |= dict.fromkeys(systems, python)
    return found


def least(into: dict[int, float], turns: int, seconds: float | None) -> None:
    """Keep the least of several measurements: what the code costs when nothing else runs."""
    if seconds is not None:
        into[turns] = min(into.get(turns, seconds), seconds)


def measured(rounds: int, *, peers: bool) -> dict[str, dict[int, float]]:
    """Seconds by library and number of turns: contextkit and its peers by turns, `rounds` times, the least of each."""
    pythons = peer_environments() if peers else {}
    found: dict[str, dict[int, float]] = {"contextkit": {}}
    run(50)  # imports and first-use caches
    for _ in range(rounds):
        for turns in SIZES:
            least(found["contextkit"], turns, run(turns)[0])
            for system, python in pythons.items():
                least(found.setdefault(system, {}), turns, peer(python, system, turns))
    return {name: times for name, times in found.items() if times}


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=8, help="how often each is measured; the least counts")
    args = parser.parse_args()
    found = measured(args.rounds, peers=not args.no_peers)
    own = found["contextkit"]
    lines = [
        f"Own time over a whole run, seconds, least of {args.rounds} rounds by turns; growth: exponent of the total.",
        "",
        "| library | "
        + " | ".join(f"{turns:,} turns" for turns in SIZES)
        + " | growth | microseconds a turn | x contextkit |",
        "|---|" + "---:|" * (len(SIZES) + 3),
    ]
    last = SIZES[-1]
    for name, times in found.items():
        cells = " | ".join(f"{times[turns]:.4f}" if turns in times else "-" for turns in SIZES)
        if last in times:
            grown = exponent(sorted(times.items()))
            cells += f" | {grown:.2f} | {times[last] / last * 1e6:.0f} | {times[last] / own[last]:.1f}"
        lines.append(f"| {name} | {cells} |")
    _, spent, _ = run(last)
    tenth = last // 10
    held, transcript = memory(1_000)
    lines += [
        "",
        (
            f"First and last tenth of contextkit's {last:,} turns: {median(spent[:tenth]) * 1e6:.0f} and"
            f" {median(spent[-tenth:]) * 1e6:.0f} microseconds a turn (medians)."
        ),
        (
            f"Memory of 1,000 turns that are never folded: {held:.1f} MB, {held / transcript:.2f} times the transcript"
            f" as JSON ({transcript:.1f} MB)."
        ),
        "",
        (
            f"`python -c pass` {command_seconds('-c', 'pass') * 1e3:.0f} ms,"
            f" `import contextkit` {command_seconds('-c', 'import contextkit') * 1e3:.0f} ms,"
            f" `contextkit --help` {command_seconds('-m', 'contextkit.cli', '--help') * 1e3:.0f} ms"
            " (whole processes, medians of five)."
        ),
    ]
    print("\n".join(lines))
    replace_section("overhead", "Own time and memory", "make benchmark-overhead", lines)


if __name__ == "__main__":
    main()
