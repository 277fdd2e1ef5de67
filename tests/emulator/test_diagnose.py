"""`diagnostics`: where a request departs from the one it names (cache-diagnostics page; facts sheet 3)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from contextkit.emulator import Emulator

Body = Callable[..., dict[str, Any]]

TOOLS = [{"name": "read", "description": "Read a file", "input_schema": {"type": "object"}}]


def asking(body: dict[str, Any], previous: str | None) -> dict[str, Any]:
    """The body with diagnostics against an earlier message."""
    return {**copy.deepcopy(body), "diagnostics": {"previous_message_id": previous}}


def test_the_first_request_and_appending_give_null(a_body: Body, post: Any) -> None:
    """Nothing to compare, nothing asked, and nothing changed are all null."""
    emulator = Emulator(lambda _: "ok")
    body = a_body("a", tools=TOOLS)
    _, plain = post(emulator, body)
    _, first = post(emulator, asking(body, None))
    body["messages"] += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "b"}]
    _, second = post(emulator, asking(body, first["id"]))
    assert plain["diagnostics"] is first["diagnostics"] is second["diagnostics"] is None


CHANGES: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("model_changed", lambda body: body.update(model="claude-opus-5")),
    ("model_changed", lambda body: body.update(speed="fast")),
    ("system_changed", lambda body: body["system"][0].update(text="other")),
    ("tools_changed", lambda body: body["tools"][0].update(description="other")),
    ("tools_changed", lambda body: body["tools"].append({"name": "new", "input_schema": {"type": "object"}})),
    ("messages_changed", lambda body: body["messages"][0].update(content="other")),
    ("messages_changed", lambda body: body["messages"].pop(0) and body["messages"].pop(0)),
    ("unavailable", lambda body: body.update(tool_choice={"type": "none"})),
    ("unavailable", lambda body: body.update(thinking={"type": "adaptive"})),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_the_change_is_named(a_body: Body, post: Any, kind: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Each kind of change has its type, and an amount wherever the API gives one."""
    emulator = Emulator(lambda _: "ok")
    body = a_body("a", {"role": "assistant", "content": "ok"}, "b", tools=copy.deepcopy(TOOLS))
    _, first = post(emulator, asking(body, None))
    change(body)
    _, second = post(emulator, asking(body, first["id"]))
    reason = second["diagnostics"]["cache_miss_reason"]
    assert reason["type"] == kind
    assert ("cache_missed_input_tokens" in reason) == (kind != "unavailable")


def test_only_the_earliest_change_is_named(a_body: Body, post: Any) -> None:
    """Model before system before tools before messages."""
    emulator = Emulator(lambda _: "ok")
    body = a_body("a", tools=copy.deepcopy(TOOLS))
    _, first = post(emulator, asking(body, None))
    named = []
    for _, change in (CHANGES[5], CHANGES[3], CHANGES[2], CHANGES[0]):
        change(body)
        named.append(post(emulator, asking(body, first["id"]))[1]["diagnostics"]["cache_miss_reason"]["type"])
    assert named == ["messages_changed", "tools_changed", "system_changed", "model_changed"]


def test_the_amount_is_what_could_have_been_read(a_body: Body, post: Any) -> None:
    """A changed system loses what was marked behind the tools."""
    emulator = Emulator(lambda _: "ok")
    body = a_body("a")
    _, first = post(emulator, asking(body, None))
    body["system"][0]["text"] = "other"
    reason = post(emulator, asking(body, first["id"]))[1]["diagnostics"]["cache_miss_reason"]
    written = first["usage"]["cache_creation_input_tokens"]
    assert abs(reason["cache_missed_input_tokens"] - written) < 20


def test_marks_are_no_change(a_body: Body, post: Any) -> None:
    """Moving a mark, or leaving it out, is not a change of the prompt."""
    emulator = Emulator(lambda _: "ok")
    body = a_body("a")
    _, first = post(emulator, asking(body, None))
    del body["system"][0]["cache_control"]
    body["cache_control"] = {"type": "ephemeral"}
    assert post(emulator, asking(body, first["id"]))[1]["diagnostics"] is None


def test_a_request_that_did_not_ask_left_no_fingerprint(a_body: Body, post: Any) -> None:
    """Fingerprints are kept of requests with a diagnostics object only."""
    emulator = Emulator(lambda _: "ok")
    _, silent = post(emulator, a_body("a"))
    _, asked = post(emulator, asking(a_body("a"), silent["id"]))
    assert asked["diagnostics"] == {"cache_miss_reason": {"type": "previous_message_not_found"}}


def test_a_stream_has_it_in_message_start(a_body: Body) -> None:
    """The SDK finds the diagnosis in the first event."""
    client = Emulator(lambda _: "ok").client()
    events = list(client.messages.create(**asking(a_body("a"), "msg_unknown"), stream=True))
    assert events[0].type == "message_start"
    found = events[0].message.diagnostics
    assert found is not None
    assert found.cache_miss_reason is not None
    assert found.cache_miss_reason.type == "previous_message_not_found"
