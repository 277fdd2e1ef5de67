"""How fast a log of requests is read, and how near the audit's losses come to the bill.

Four measures: a generated log of about 50 MB (several agents interleaved, whole bodies with bills, one line in
fifty broken, one conversation with a clock in its system prompt, one with a window that slides), the same without
bills, logs of as many bytes in bodies of about 1 KB (of as many conversations; of one task that is begun again and
again; of conversations of five turns), and the recorded sessions in `../shared/data`, where the losses are compared
with a computation that looks at nothing but the billed figures. Times are of one process, wall and processor.

Run: `python benchmarks/audit.py` (`--write` writes its section of docs/benchmarks.md; `--megabytes N`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))  # the benchmarks are scripts beside the package

from benchmarks.sections import replace_section
from contextkit.lint.requests import Billed, Break, check, examine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MARK: Final = {"type": "ephemeral"}
AGENTS: Final = 6
START: Final = 1_795_348_800.0
TARGET: Final = 4.0  # seconds for 50 MB
Body = dict[str, Any]


def a_log(size: int, *, billed: bool) -> Iterator[bytes]:
    """Lines of a log, about `size` bytes together: agents take turns, each request holds its whole history."""
    tasks = [f"Task {n}: find the bug. " * 20 for n in range(AGENTS)]
    histories: list[list[Body]] = [[{"role": "user", "content": task}] for task in tasks]
    written, step = 0, 0
    cached = [0] * AGENTS
    while written < size:
        agent, turn = step % AGENTS, step // AGENTS
        history = histories[agent]
        body = _body(agent, turn, history)
        line: Body = {"timestamp": START + 20.0 * step, "request": body}
        if billed:
            prompt = len(json.dumps(body)) // 4
            line["response"] = {"type": "message", "usage": _usage(agent, turn, prompt, cached[agent])}
            cached[agent] = prompt - 5
        data = json.dumps(line).encode() + b"\n"
        yield data
        written += len(data)
        if step % 50 == 49:
            yield b'{"request": {"model": "claude-opus-5-5", "messa\n'
        _grow(history, agent, turn)
        step += 1


def _body(agent: int, turn: int, history: Sequence[Body]) -> Body:
    clock = f" It is turn {turn}." if agent == 1 else ""
    messages = [history[0], *history[-20:]] if agent == 2 and len(history) > 21 else list(history)
    schema = {"type": "object", "properties": {"command": {"type": "string"}}}
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "system": [{"type": "text", "text": f"You are engineer {agent}.{clock} " + "Be careful. " * 800}],
        "tools": [{"name": name, "description": name * 90, "input_schema": schema} for name in ("bash", "read")],
        "messages": messages,
        "cache_control": MARK,
    }


def _usage(agent: int, turn: int, prompt: int, cached: int) -> Body:
    broken = agent == 1 or (agent == 2 and turn > 10)  # the clock in the system prompt, the window that slides
    read = 0 if broken else min(cached, prompt - 5)
    return {
        "input_tokens": 5,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": prompt - 5 - read,
        "output_tokens": 100,
    }


def _grow(history: list[Body], agent: int, turn: int) -> None:
    name = f"toolu_{agent}_{turn}"
    call = {"type": "tool_use", "id": name, "name": "bash", "input": {"command": f"sed -n {turn}p file"}}
    history.append({"role": "assistant", "content": [{"type": "text", "text": f"Step {turn}."}, call]})
    text = f"{turn}: some line of output that a tool gave\n" * (20 + turn % 40)
    history.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": text}]})


def small_log(size: int, kind: str) -> Iterator[bytes]:
    """Bodies of about 1 KB: each another conversation, forks of one task, or conversations of five turns."""
    written = number = 0
    while written < size:
        turns = number % 5 if kind == "five turns" else 1 if kind == "one task" else 0
        task = number // 5 if kind == "five turns" else 0 if kind == "one task" else number
        said = [f"Question {task}: " + "what is this? " * (8 if turns else 60)]
        for turn in range(turns):
            which = turn if kind == "five turns" else number
            said += [f"Answer {which}.", f"And {which}? " + "tell me more. " * (8 if kind == "five turns" else 45)]
        roles = ("user", "assistant")
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 100,
            "system": [{"type": "text", "text": "You help.", "cache_control": MARK}],
            "messages": [{"role": roles[at % 2], "content": text} for at, text in enumerate(said)],
        }
        data = json.dumps(body).encode() + b"\n"
        yield data
        written += len(data)
        number += 1


def measured(log: Iterable[bytes]) -> tuple[int, int, int, float, float]:
    """Bytes, requests, findings, wall and processor seconds of checking a log."""
    lines = list(log)
    wall, cpu = time.perf_counter(), time.process_time()
    found = sum(1 for _ in check("log.jsonl", iter(lines)))
    return sum(map(len, lines)), len(lines), found, time.perf_counter() - wall, time.process_time() - cpu


def recorded() -> Iterator[tuple[str, int, int, int]]:
    """Of each set of recorded sessions: calls that lost their cache, tokens by the audit, tokens by the bills alone."""
    root = Path(os.environ.get("CONTEXTKIT_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
    for name in ("claude_code_entireio_cli", "pi_mono"):
        breaks = lost = direct = 0
        for path in sorted((root / name).glob("*.jsonl")):
            before = None
            with path.open("rb") as lines:
                for one in examine(str(path), lines):
                    if isinstance(one, Break):
                        breaks, lost = breaks + 1, lost + one.violation.tokens
                    elif isinstance(one, Billed) and one.usage is not None and one.usage.prompt:
                        now = one.usage
                        if before is not None:
                            direct += max(0, min(before.prompt - before.input, now.prompt) - now.read)
                        before = now
        if breaks:
            yield name, breaks, lost, direct


def main() -> int:
    """Measure, print, and write the section when asked; 1 when 50 MB take more processor time than they may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--megabytes", type=float, default=50.0)
    args = parser.parse_args()
    rows = ["| log | lines | findings | wall s | processor s |", "| --- | --- | --- | --- | --- |"]
    slowest = 0.0
    size = int(args.megabytes * 1e6)
    logs = {"with bills": a_log(size, billed=True), "without bills": a_log(size, billed=False)}
    logs |= {f"small, {kind}": small_log(size, kind) for kind in ("each alone", "one task", "five turns")}
    for kind, log in logs.items():
        made, lines, found, wall, cpu = measured(log)
        slowest = max(slowest, 0.0 if kind.startswith("small") else cpu)  # what others do on the machine does not count
        rows.append(f"| {made / 1e6:.1f} MB, {kind} | {lines:,} | {found:,} | {wall:.2f} | {cpu:.2f} |")
    rows += ["", "| recorded sessions | breaks | tokens lost, audit | tokens lost, bills alone | difference |"]
    rows.append("| --- | --- | --- | --- | --- |")
    for name, breaks, lost, direct in recorded():
        rows.append(f"| {name} | {breaks} | {lost:,} | {direct:,} | {lost / direct - 1:+.3%} |")
    print("\n".join(rows))
    if args.write:
        replace_section("audit", "Request logs and recordings", "make benchmark-audit", rows)
    return 0 if slowest <= TARGET or args.megabytes > 50 else 1


if __name__ == "__main__":
    sys.exit(main())
