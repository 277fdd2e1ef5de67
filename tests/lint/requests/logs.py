"""Small logs for tests: an agent's request bodies, billed by the simulator when asked."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from contextkit.cache.simulator import PromptCache
from contextkit.lint.requests import check
from contextkit.tokens.parts import counts_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contextkit.lint.rule import Finding

Body = dict[str, Any]
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
SYSTEM = "You are a careful engineer. Read before you write, and say what you did. " * 60
START = 1_795_348_800.0
TOOLS = [
    {"name": name, "description": f"{name} a file. " * 30, "input_schema": {"type": "object", "properties": {}}}
    for name in ("bash", "edit", "read")
]


def a_result(n: int, length: int = 60) -> Body:
    """A tool's answer as a block."""
    return {"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": f"line {n} of the output\n" * length}


def a_turn(n: int, who: int = 0) -> list[Body]:
    """A tool call and its answer, of one of several agents."""
    result = a_result(n)
    if who:
        result |= {"tool_use_id": f"toolu_{who}_{n}", "content": result["content"].replace("line", f"agent {who}")}
    call = {"type": "tool_use", "id": result["tool_use_id"], "name": "bash", "input": {"command": f"sed -n {n}p file"}}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


def a_body(turns: int = 1, first: str = "Find the bug in the parser.", who: int = 0, **changes: Any) -> Body:
    """An agent's request after so many turns, marked automatically; `changes` replace fields, None takes one away."""
    messages: list[Body] = [{"role": "user", "content": first}]
    for n in range(turns):
        messages += a_turn(n, who)
    body: Body = {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "system": SYSTEM,
        "tools": TOOLS,
        "messages": messages,
        "cache_control": MARK,
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not None}


def marked_by_hand(body: Body) -> Body:
    """The same request with marks on the last tool and on the last block of the last message, as many clients set."""
    made = deepcopy({key: value for key, value in body.items() if key != "cache_control"})
    made["tools"][-1]["cache_control"] = MARK
    last = made["messages"][-1]
    if isinstance(last["content"], str):
        last["content"] = [{"type": "text", "text": last["content"]}]
    last["content"][-1]["cache_control"] = MARK
    return made


def a_log(bodies: Iterable[Body], *, every: float = 20.0, billed: bool = False) -> list[Body]:
    """Lines with times, and with bills by the cache simulator."""
    cache = PromptCache(counts_for)
    lines: list[Body] = []
    for n, body in enumerate(bodies):
        at = START + every * n
        line: Body = {"timestamp": at, "request": body}
        if billed:
            usage = cache.bill(body, at).usage(50)
            line["response"] = {
                "type": "message",
                "usage": {
                    "input_tokens": usage.input,
                    "cache_read_input_tokens": usage.read,
                    "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
                    "cache_creation": {
                        "ephemeral_5m_input_tokens": usage.write_5m,
                        "ephemeral_1h_input_tokens": usage.write_1h,
                    },
                    "output_tokens": 50,
                },
            }
        lines.append(line)
    return lines


def encoded(lines: Sequence[Any]) -> list[bytes]:
    """JSON lines."""
    return [json.dumps(line).encode() + b"\n" for line in lines]


def found(lines: Sequence[Any], **options: Any) -> list[Finding]:
    """The findings of a log."""
    return list(check("log.jsonl", encoded(lines), **options))


def told(lines: Sequence[Any]) -> list[tuple[str, int | None, str | None]]:
    """Code, request and pointer of each finding above a hint."""
    return [(one.code, one.request, one.pointer) for one in found(lines) if one.severity != "info"]
