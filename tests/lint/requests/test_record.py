"""Lines of logs in the forms that people write: the same request is read from each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextkit.emulator import Emulator
from contextkit.lint.requests import Billed, Break, examine
from contextkit.lint.requests.record import record
from tests.lint.requests.logs import SYSTEM, Body, a_body, encoded, found, told

FIRST, SECOND = a_body(1), a_body(2, system="New. " + SYSTEM)
FORMS: dict[str, Any] = {
    "bare": lambda body: body,
    "request": lambda body: {"request": body},
    "body": lambda body: {"method": "POST", "url": "/v1/messages", "body": body},
    "request with a body": lambda body: {"request": {"method": "POST", "headers": {}, "body": body}},
    "kwargs": lambda body: {"kwargs": body, "model": "claude-opus-5-5"},
    "a batch's input": lambda body: {"custom_id": "a", "params": body},
    "litellm's proxy": lambda body: {"proxy_server_request": {"url": "x", "body": body}},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_lines(form: Any) -> None:
    """A body that stands inside an object is found there."""
    assert told([form(FIRST), form(SECOND)]) == [("CK310", 1, "/system")]


def chat(turns: int, system: str = SYSTEM, **changes: Any) -> Body:
    """A LiteLLM line: OpenAI messages with Claude's marks, and its own usage."""
    mark = {"type": "ephemeral"}
    messages: list[Body] = [
        {"role": "system", "content": [{"type": "text", "text": system, "cache_control": mark}]},
        {"role": "user", "content": "Find the bug."},
    ]
    for n in range(turns):
        call = {"id": f"c{n}", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{n}", "content": f"line {n}\n" * 200})
    messages[-1] = {**messages[-1], "cache_control": mark}
    return {"model": "anthropic/claude-opus-5-5", "messages": messages, "max_tokens": 9, **changes}


def test_litellm_logs() -> None:
    """OpenAI messages are compared as Claude gets them, and places are those of the file."""
    assert found([chat(n) for n in (1, 2, 3)]) == []
    assert told([chat(1), chat(2, "New. " + SYSTEM)]) == [("CK310", 1, "/messages/0/content")]
    changed = chat(3)
    changed["messages"][3] = {**changed["messages"][3], "content": "other"}
    (one,) = [each for each in found([chat(2), changed]) if each.severity != "info"]
    assert (one.code, one.pointer) == ("CK321", "/messages/3/content")


def test_litellm_usage_counts_cached_tokens_once() -> None:
    """`prompt_tokens` holds the cached tokens too; the bill that comes out has them apart."""
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 700, "cache_creation_tokens": 200},
    }
    found = record(chat(1) | {"response": {"usage": usage, "choices": []}}, 0, 1)
    assert found is not None
    assert found.usage is not None
    assert (found.usage.input, found.usage.read, found.usage.write_5m) == (100, 700, 200)


def test_the_emulators_own_log() -> None:
    """What the emulator logs is audited with its times and bills."""
    emulator = Emulator(["one", "two", "three"])
    client = emulator.client()
    for turns, system in ((1, SYSTEM), (2, SYSTEM), (3, "New. " + SYSTEM)):
        client.messages.create(**a_body(turns, system=system))
        emulator.clock.advance(30)
    with emulator.serve() as served:
        import urllib.request  # noqa: PLC0415  (only here)

        data = urllib.request.urlopen(served.url + "/_emulator/requests").read()  # noqa: S310  (loopback)
    items = list(examine("emulator.json", [data]))
    bills = [one for one in items if isinstance(one, Billed)]
    assert [one.usage is not None and one.at is not None for one in bills] == [True] * 3
    (one,) = [each for each in items if isinstance(each, Break)]
    assert (one.violation.cause, one.violation.confirmed, one.request) == ("system_changed", True, 2)


def test_headers_and_status() -> None:
    """Beta headers are part of the prompt; a refused request is not compared with."""
    lines = [
        {"headers": {"Anthropic-Beta": "a-1, b-2"}, "body": a_body(1)},
        {"headers": {"anthropic-beta": "b-2,a-1"}, "body": a_body(2)},
        {"headers": {"anthropic-beta": "b-2"}, "body": a_body(3)},
        {"status_code": 400, "body": a_body(4, system="x" + SYSTEM)},
        {"headers": {"anthropic-beta": "b-2"}, "body": a_body(4)},
    ]
    assert told(lines) == [("CK314", 2, "")]


def test_a_model_for_bodies_that_name_none() -> None:
    """The model given to the check is that of requests without one."""
    body = {"max_tokens": 5, "messages": [{"role": "user", "content": "Hi."}], "cache_control": {"type": "ephemeral"}}
    assert [one.code for one in found([body], model="claude-opus-5-5")] == ["CK305"]
    (one,) = found([body])
    assert (one.code, one.severity, one.pointer) == ("CK329", "info", "")


def test_a_file_without_any_request() -> None:
    """Objects that hold no request are told once, with the first line."""
    assert [(one.code, one.line) for one in found([{"a": 1}, {"b": 2}])] == [("CK300", 1)]
    assert found([]) == []


def test_lines_without_ends() -> None:
    """Lines may come without their newline, as from `splitlines`."""
    lines = [line.rstrip() for line in encoded([FIRST, SECOND])]
    items = list(examine("log.jsonl", lines))
    assert sum(isinstance(one, Billed) for one in items) == 2
    assert json.loads(lines[0])["model"] == "claude-opus-5-5"
