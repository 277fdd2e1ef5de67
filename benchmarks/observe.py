"""What `observe()` adds to a request, beside the SDK's own time for building and serialising the same request.

Both in one run, in turns, on the same bodies: the SDK's client with a transport that answers at once, without and
with the observer's part. The answer is a fixed one, so that nothing but the request grows.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx2
from anthropic import Anthropic, DefaultHttpxClient

from benchmarks.sections import replace_section
from contextkit.cache.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 11
READ = {"input_tokens": 3, "cache_read_input_tokens": 5_000, "cache_creation_input_tokens": 50, "output_tokens": 5}
USAGE = {"input_tokens": 3, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 5_000, "output_tokens": 5}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "Fine."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}
DATA = json.dumps(ANSWER).encode()
MARK = {"type": "ephemeral"}
Body = dict[str, Any]


class Instant(httpx2.BaseTransport):
    """Answers every request at once."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The fixed answer."""
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=DATA, request=request)


def a_body(turns: int, chars: int) -> Body:
    """An agent's request: so many calls of a tool, each with a result of so many characters."""
    messages: list[Body] = [{"role": "user", "content": "Find the bug in the parser and fix it."}]
    for n in range(turns):
        call = {"type": "tool_use", "id": f"t{n}", "name": "bash", "input": {"command": f"sed -n {n}p file", "n": n}}
        said = {"type": "text", "text": f"Step {n}: I look at the next part of the file."}
        text = (f"{n}: some line of output that a tool gave\n" * (chars // 40 + 1))[:chars]
        messages.append({"role": "assistant", "content": [said, call]})
        messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{n}", "content": text}]})
    schema = {"type": "object", "properties": {"command": {"type": "string"}, "n": {"type": "integer"}}}
    tools = [
        {"name": name, "description": f"{name} " * 60, "input_schema": schema} for name in ("bash", "read", "edit")
    ]
    system = [{"type": "text", "text": "You are a careful engineer. " * 200, "cache_control": MARK}]
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "system": system,
        "tools": tools,
        "messages": messages,
        "cache_control": MARK,
    }


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of processor time of one run: what others do on the machine does not count."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1e3


def fresh(body: Body) -> Body:
    """The same body with strings of its own, whose hashes Python has not computed yet."""
    made: Body = json.loads(json.dumps(body))
    return made


def copied(body: Body) -> Body:
    """What the SDK hands to a middleware: dicts and lists of its own, the caller's strings."""
    made: Body = _copied(body)
    return made


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def observe(watch: Watch, body: Body, usage: dict[str, int] = USAGE) -> None:
    """The observer's part of one request: before it is sent and after it was answered."""
    watch.answered(watch.sent(body, 1.0, own=True), usage)


def row(turns: int, chars: int) -> list[float]:
    """Kilobytes; milliseconds of the SDK and of the observer (known, new, new with redact)."""
    client = Anthropic(api_key="none", http_client=DefaultHttpxClient(transport=Instant()), max_retries=0)
    small, took = a_body(0, 0), list[list[float]]()
    for _ in range(ROUNDS):
        # The caller's history: what it sent before, and one more turn.
        body = fresh(a_body(turns, chars))
        watch, before = Watch(), {**body, "messages": body["messages"][:-2]}
        observe(watch, copied(before))
        now, with_own, with_own_too = copied(body), fresh(body), fresh(body)
        gc.collect()
        times = [
            timed(lambda body=body: client.messages.create(**body)),  # type: ignore[misc]
            timed(lambda: client.messages.create(**small)),
            timed(lambda body=now, watch=watch: observe(watch, body, READ)),  # type: ignore[misc]
            timed(lambda body=with_own: observe(Watch(), body)),  # type: ignore[misc]
            timed(lambda body=with_own_too: observe(Watch(redact=True), body)),  # type: ignore[misc]
        ]
        took.append(times)
    sdk, base, known, new, redacted = (statistics.median(column) for column in zip(*took, strict=True))
    # What a request without history costs (HTTP, the answer) is not building and serialising: it is taken off.
    return [len(json.dumps(body)) / 1e3, sdk - base, known, new, redacted]


def main() -> int:
    """Run, print, and write the section of docs/benchmarks.md."""
    lines = [
        "The SDK's time is `client.messages.create` with a transport that answers at once, less the same call with an",
        "empty history. *known*: the conversation's last request was seen and one turn is new, the everyday case.",
        "*new*: a whole history that was never seen, all its strings new to Python; *redact*: the same, keeping no",
        f"text. Medians of {ROUNDS} rounds, in turns, processor time.",
        "",
        "| calls | chars a result | kB | SDK, ms | known, ms | new, ms | redact, ms | known / SDK | new | redact |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for turns, chars in ((20, 1_000), (100, 1_000), (400, 1_000), (400, 3_000), (1_000, 1_000)):
        size, build, known, new, redacted = row(turns, chars)
        lines.append(
            f"| {turns:,} | {chars:,} | {size:,.0f} | {build:.2f} | {known:.2f} | {new:.2f} | {redacted:.2f} "
            f"| **{known / build:.1%}** | {new / build:.1%} | {redacted / build:.1%} |"
        )
    print("\n".join(lines))
    if "--no-write" not in sys.argv:
        replace_section("observe", "What observe() costs", "make benchmark-observe", lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
