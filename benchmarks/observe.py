"""What `observe()` adds to a request, beside the SDK's own time for building and serialising the same request.

Both in one run, in turns, on the same bodies, through the SDK's own client and a transport that answers at once. The
SDK's time runs from the call of `messages.create` until the transport is handed the finished request, without any
middleware. The observer's runs in a client of its own: all of its `handle`, but for the rest of the chain.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx2
from anthropic import Anthropic, DefaultHttpxClient
from anthropic.types import TextBlock, ToolUseBlock

from benchmarks.sections import replace_section
from contextkit.middleware import Observer, observe

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 25
SHAPES = ((20, 1_000), (100, 1_000), (400, 1_000), (400, 3_000), (1_000, 1_000))
CACHED = 50_000
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "Fine."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
}
MARK = {"type": "ephemeral"}
Body = dict[str, Any]


EXPLAINED = (
    "*Build*: from the call of `client.messages.create` until the transport is handed the finished request, without",
    "middleware (*growing*: what of it the history adds to that of a single message). *observe*: all of the observer's",
    "own time in a client that has it, before the request and after the answer, ledger included, when the",
    "conversation's last request was seen and one turn is new; it holds the freeing of the last request's copy, which",
    "without an observer the SDK frees itself. *redact*: the same, keeping no text. *new*: a history that was never",
    "seen. *Answers*: the assistant's turns as plain dicts, or as the SDK's own objects (`answer.content`), which the",
    f"SDK takes longer to write out. Least of {ROUNDS} rounds, in turns, processor time.",
)
COLUMNS = (
    "calls",
    "answers",
    "chars a result",
    "kB",
    "build, ms",
    "growing, ms",
    "observe, ms",
    "redact, ms",
    "new, ms",
    "observe / build",
    "redact / build",
    "new / build",
    "observe / growing",
)


class Instant(httpx2.BaseTransport):
    """Answers every request at once: the first one writes the cache, the others read it and add a little.

    Attributes:
        reached: processor time in seconds at which the last request was complete.
    """

    def __init__(self) -> None:
        self.reached = 0.0
        self._asked = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The fixed answer with the usage of a warm cache."""
        self.reached = time.process_time()
        read, self._asked = CACHED if self._asked else 0, self._asked + 1
        usage = {"input_tokens": 3, "cache_read_input_tokens": read, "output_tokens": 5}
        usage["cache_creation_input_tokens"] = 500 if read else CACHED
        said = json.dumps({**ANSWER, "usage": usage}).encode()
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=said, request=request)


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


def fresh(body: Body) -> Body:
    """The same body with strings of its own, whose hashes Python has not computed yet."""
    made: Body = json.loads(json.dumps(body))
    return made


def with_objects(body: Body) -> Body:
    """The same history as a program keeps it that appends `answer.content`: the assistant's blocks as SDK objects."""
    kinds: dict[str, Any] = {"text": TextBlock, "tool_use": ToolUseBlock}
    made = [
        {**message, "content": [kinds[block["type"]].model_construct(**block) for block in message["content"]]}
        if message["role"] == "assistant"
        else message
        for message in body["messages"]
    ]
    return {**body, "messages": made}


def client_with(transport: Instant, *middleware: Any) -> Anthropic:
    """The SDK's client on that transport."""
    http = DefaultHttpxClient(transport=transport)
    return Anthropic(api_key="none", http_client=http, max_retries=0, middleware=middleware)


class Stopwatch:
    """A middleware around another: how long that one works, without what it waits for."""

    def __init__(self, inner: Observer) -> None:
        self.inner = inner
        self.seconds = 0.0

    def __call__(self, request: Any, call_next: Callable[[Any], Any]) -> Any:
        """One attempt."""
        beyond = 0.0

        def rest(passed: Any) -> Any:
            nonlocal beyond
            begin = time.process_time()
            try:
                return call_next(passed)
            finally:
                beyond += time.process_time() - begin

        begin = time.process_time()
        response = self.inner.handle(request, rest)
        self.seconds = time.process_time() - begin - beyond
        return response


def built(client: Anthropic, transport: Instant, body: Body) -> float:
    """Milliseconds from the call until the finished request reaches the transport."""
    gc.collect()
    begin = time.process_time()
    client.messages.create(**body)
    return (transport.reached - begin) * 1e3


def observed(history: list[Body], *, redact: bool = False) -> float:
    """Milliseconds that the observer works on the last of these requests."""
    watch = Stopwatch(observe(redact=redact))
    client = client_with(Instant(), watch)
    for body in history:
        gc.collect()
        client.messages.create(**body)
    if len(watch.inner.ledger) != len(history) or watch.inner.violations:
        raise RuntimeError("the observer missed a request, or found a violation in the everyday case")
    return watch.seconds * 1e3


def row(turns: int, chars: int, *, objects: bool) -> list[float]:
    """Kilobytes; milliseconds of the SDK (whole, what the history adds), of the observer (known, redact, new)."""
    transport, took = Instant(), list[list[float]]()
    client, small = client_with(transport), a_body(0, 0)
    for _ in range(ROUNDS):
        plain, again = fresh(a_body(turns, chars)), fresh(a_body(turns, chars))
        body, other = (with_objects(plain), with_objects(again)) if objects else (plain, again)
        before = {**body, "messages": body["messages"][:-2]}  # what was sent last; one turn is new
        took.append(
            [
                built(client, transport, body),
                built(client, transport, small),
                observed([before, body]),
                observed([before, body], redact=True),
                observed([other]),
            ]
        )
    whole, empty, *observer = (min(column) for column in zip(*took, strict=True))
    return [len(json.dumps(plain)) / 1e3, whole, whole - empty, *observer]


def main() -> int:
    """Run, print, and write the section of docs/benchmarks.md."""
    lines = [*EXPLAINED, "", f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    for (turns, chars), objects in itertools.product(SHAPES, (False, True)):
        size, build, growing, known, redacted, new = row(turns, chars, objects=objects)
        cells = [f"{turns:,}", "SDK objects" if objects else "dicts", f"{chars:,}", f"{size:,.0f}"]
        cells += [f"{ms:.2f}" for ms in (build, growing, known, redacted, new)]
        cells += [
            f"**{known / build:.1%}**",
            *(f"{ms / build:.1%}" for ms in (redacted, new)),
            f"{known / growing:.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    print("\n".join(lines))
    if "--no-write" not in sys.argv:
        replace_section("observe", "What observe() costs", "make benchmark-observe", lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
