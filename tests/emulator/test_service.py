"""The service behind every transport: routes, errors, and that nothing breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextkit.emulator import Clock, Emulator, Options, reply, tool_use

Body = Callable[..., dict[str, Any]]

KEY = {"x-api-key": "k", "anthropic-version": "2026-10-21"}


def test_errors_have_the_apis_shape() -> None:
    """Type, error with type and message, and the request's id in body and header."""
    answer = Emulator().handle("GET", "/v1/nothing", KEY, b"")
    body = json.loads(answer.body)
    assert answer.status == 404
    assert body == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "/v1/nothing not found"},
        "request_id": answer.headers["request-id"],
    }


@pytest.mark.parametrize(
    ("method", "path", "headers", "data", "status", "kind"),
    [
        ("GET", "/v1/messages", KEY, b"", 405, "invalid_request_error"),
        ("DELETE", "/v1/models", KEY, b"", 405, "invalid_request_error"),
        ("POST", "/", KEY, b"", 404, "not_found_error"),
        ("POST", "/v1/messages", {"anthropic-version": "2026-10-21"}, b"{}", 401, "authentication_error"),
        ("POST", "/v1/messages", {"x-api-key": "k"}, b"{}", 400, "invalid_request_error"),
        ("POST", "/v1/messages", {"x-api-key": "k", "anthropic-version": "1999-01-01"}, b"{}", 400, None),
        ("POST", "/v1/messages", KEY, b"", 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b"{", 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b"[]", 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b"\xff\xfe", 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b'{"model": NaN}', 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b'{"model": "\\ud800"}', 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b"[" * 100_000, 400, "invalid_request_error"),
        ("POST", "/v1/messages", KEY, b" " * 32_000_001, 413, "request_too_large"),
        ("GET", "/v1/models/claude-nope", KEY, b"", 404, "not_found_error"),
        ("GET", "/v1/models?limit=0", KEY, b"", 400, "invalid_request_error"),
        ("GET", "/v1/messages/batches/msgbatch_1", KEY, b"", 404, "not_found_error"),
    ],
)
def test_what_cannot_be_served(
    method: str, path: str, headers: dict[str, str], data: bytes, status: int, kind: str | None
) -> None:
    """Each wrong call has its status and type, and is logged."""
    emulator = Emulator()
    answer = emulator.handle(method, path, headers, data)
    assert answer.status == status
    assert kind is None or json.loads(answer.body)["error"]["type"] == kind
    assert emulator.requests[0].status == status
    assert emulator.requests[0].error


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"temperature": 1.0}, "temperature: Extra inputs are not permitted"),
        ({"no_such_thing": 1}, "no_such_thing: Extra inputs are not permitted"),
        ({"thread": {"type": "create"}}, "thread: not supported by the contextkit emulator"),
        ({"mcp_servers": []}, "mcp_servers: not supported"),
        ({"container": "c"}, "container: not supported"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "server tool 'web_search_20250305'"),
        ({"max_tokens": -1}, "greater than or equal to 0"),
        ({"max_tokens": 200_000}, "max_tokens: 200000 > 128000"),
        ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
        ({"output_format": {"type": "json_schema"}}, "output_format: Extra inputs"),
        ({"speed": "fast", "model": "claude-opus-4-8"}, "speed: fast mode on this model needs the beta header"),
        ({"speed": "fast", "model": "claude-haiku-5-5"}, "speed: fast mode is not supported"),
        ({"messages": [{"role": "user", "content": "a", "clear_at": "next_user_message"}]}, "clear_at: Extra inputs"),
    ],
)
def test_nothing_is_silently_ignored(a_body: Body, post: Any, fields: dict[str, Any], words: str) -> None:
    """Unknown parameters, those that need a header, and those that the emulator lacks are refused by name."""
    status, answer = post(Emulator(["ok"]), a_body(**fields))
    assert status == 400
    assert words in answer["error"]["message"]


def test_versions_differ_in_sampling_parameters(a_body: Body, post: Any) -> None:
    """Version 2023-06-01 still takes temperature."""
    body = a_body(temperature=1.0, model="claude-haiku-4-5")
    assert post(Emulator(["ok"]), body, anthropic_version="2023-06-01")[0] == 200


def test_the_older_spelling_of_a_format_counts_as_the_newer(a_body: Body, post: Any) -> None:
    """`output_format` with its header is `output_config.format`: the same cache entries, and not both at once."""
    emulator = Emulator(lambda _: "ok")
    shape = {"type": "json_schema", "schema": {}}
    beta = "structured-outputs-2025-11-13"
    post(emulator, a_body(output_config={"format": shape}))
    assert post(emulator, a_body(output_format=shape), beta)[1]["usage"]["cache_read_input_tokens"] > 0
    assert post(emulator, a_body(output_format=shape, output_config={"format": shape}), beta)[0] == 400


def test_opus_4_6_runs_fast_requests_at_standard_speed(a_body: Body, post: Any) -> None:
    """The response says so, and the cache is the same one (fast-mode page)."""
    emulator = Emulator(lambda _: "ok")
    body = a_body("word " * 6000, model="claude-opus-4-6", cache_control={"type": "ephemeral"})
    post(emulator, body)
    usage = post(emulator, {**body, "speed": "fast"})[1]["usage"]
    assert usage["speed"] == "standard"
    assert usage["cache_read_input_tokens"] > 0


def test_tool_changes_name_tools_that_exist(a_body: Body, post: Any) -> None:
    """A system message may add a declared tool by reference; an unknown name has the API's error code."""
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("read", "list")]
    beta = "mid-conversation-tool-changes-2026-07-01"

    def added(name: str) -> dict[str, Any]:
        block = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": name}}
        return a_body("a", {"role": "system", "content": [block]}, tools=tools)

    assert post(Emulator(["ok"]), added("list"), beta)[0] == 200
    status, answer = post(Emulator(["ok"]), added("write"), beta)
    assert (status, answer["error"]["details"]["error_code"]) == (400, "tool_reference_unresolved")
    assert post(Emulator(["ok"]), added("list"))[0] == 400


def test_server_tools_can_be_offered(a_body: Body, post: Any) -> None:
    """A test that wants the prompt with a server tool says so."""
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    emulator = Emulator(["ok"], options=Options(server_tools="offer"))
    assert post(emulator, a_body(tools=tools))[0] == 200


def test_unknown_models_follow_the_switch(a_body: Body, post: Any) -> None:
    """A model that the facts do not know is played, or is not found."""
    body = a_body(model="claude-next-9")
    assert post(Emulator(["ok"]), body)[0] == 200
    status, answer = post(Emulator(["ok"], options=Options(unknown_models="refuse")), body)
    assert (status, answer["error"]["type"]) == (404, "not_found_error")


def test_a_model_that_is_refused_is_not_found_by_the_sdk() -> None:
    """`NotFoundError` in the API's shape from messages, count_tokens and models alike; a known model still answers."""
    emulator = Emulator(["ok"], options=Options(unknown_models="refuse"))
    client = emulator.client()
    ask: dict[str, Any] = {"model": "claude-bogus-9", "messages": [{"role": "user", "content": "Hi."}]}
    calls = (
        lambda: client.messages.create(max_tokens=9, **ask),
        lambda: client.messages.count_tokens(**ask),
        lambda: client.models.retrieve("claude-bogus-9"),
    )
    for call in calls:
        with pytest.raises(anthropic.NotFoundError) as caught:
            call()
        body: Any = caught.value.body
        assert body["error"] == {"type": "not_found_error", "message": "model: claude-bogus-9"}
    assert client.messages.create(max_tokens=9, **{**ask, "model": "claude-opus-5-5"}).content[0].text == "ok"


def test_named_emulators_share_no_ids() -> None:
    """One conversation may go on from one emulator to another: messages and tool calls have ids of their own."""

    def ids(name: str) -> list[str]:
        emulator = Emulator([reply(tool_use("read", {})), "ok"], options=Options(name=name))
        client = emulator.client()
        ask: dict[str, Any] = {
            "model": "claude-opus-5-5",
            "max_tokens": 99,
            "messages": [{"role": "user", "content": "x"}],
        }
        first, second = client.messages.create(**ask), client.messages.create(**ask)
        return [first.id, first.content[0].id, second.id]

    unnamed, one, two = ids(""), ids("one"), ids("two")
    assert len({*unnamed, *one, *two}) == 9
    assert ids("one") == one
    assert unnamed[0] == "msg_01" + "1".zfill(22)
    assert {len(name) for name in (unnamed[0], one[0], two[0])} == {28}


def test_a_prompt_over_the_window_is_refused_with_its_size(a_body: Body, post: Any) -> None:
    """400 "prompt is too long: N tokens > M maximum", and nothing is written."""
    emulator = Emulator(["ok"])
    status, answer = post(emulator, a_body("word " * 300_000, model="claude-haiku-4-5"))
    assert status == 400
    words = answer["error"]["message"].split()
    assert words[:4] == ["prompt", "is", "too", "long:"]
    assert int(words[4]) > int(words[7]) == 200_000
    assert emulator.requests[0].bill is None


def test_refused_requests_do_not_use_the_script(a_body: Body, post: Any) -> None:
    """The model never saw them, so the next reply is still there."""
    emulator = Emulator(["the reply"])
    assert post(emulator, a_body(messages=[]))[0] == 400
    assert post(emulator, a_body())[1]["content"][0]["text"] == "the reply"


def test_workspaces_do_not_share_entries(a_body: Body, post: Any) -> None:
    """Entries are isolated by the workspace header (prompt-caching page)."""
    emulator = Emulator(lambda _: "ok")
    post(emulator, a_body())
    other = post(emulator, a_body(), anthropic_workspace_id="wrkspc_2")[1]["usage"]
    assert other["cache_read_input_tokens"] == 0
    assert post(emulator, a_body())[1]["usage"]["cache_read_input_tokens"] > 0


@pytest.mark.parametrize(("seconds", "read"), [(299, True), (300, False)])
def test_entries_die_on_the_clock(a_body: Body, post: Any, seconds: float, read: bool) -> None:
    """Five minutes from the start of the request that wrote."""
    emulator = Emulator(lambda _: reply("ok", seconds=100), clock=Clock(0.0))
    post(emulator, a_body())
    emulator.clock.advance(seconds)
    assert bool(post(emulator, a_body())[1]["usage"]["cache_read_input_tokens"]) == read


def test_the_same_requests_give_the_same_answers(a_body: Body, post: Any) -> None:
    """Two emulators answer the same history byte for byte."""

    def play() -> list[Any]:
        emulator = Emulator(lambda body: f"{len(body['messages'])}")
        return [post(emulator, a_body(*words)) for words in (("a",), ("a", "b"), ("c",))]

    assert play() == play()


def raises(body: dict[str, Any]) -> str:
    """A script with a defect."""
    raise ZeroDivisionError(body["model"])


def test_a_script_that_raises_is_told_apart_from_the_api(a_body: Body, post: Any) -> None:
    """The error names itself, says it is the emulator's, and is not to be retried."""
    emulator = Emulator(raises)
    status, answer = post(emulator, a_body())
    assert status == 501
    assert "contextkit emulator: ZeroDivisionError" in answer["error"]["message"]


def test_the_log_can_be_bounded(a_body: Body, post: Any) -> None:
    """`keep` holds the newest exchanges only."""
    emulator = Emulator(lambda _: "ok", options=Options(keep=2))
    for _ in range(5):
        post(emulator, a_body())
    assert len(emulator.requests) == 2


ODD = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
NAMES = st.sampled_from(
    [
        "type",
        "text",
        "content",
        "role",
        "id",
        "name",
        "input",
        "tool_use_id",
        "source",
        "thinking",
        "signature",
        "cache_control",
        "ttl",
        "data",
        "edits",
        "trigger",
        "keep",
        "value",
        "budget_tokens",
        "format",
        "user",
        "assistant",
    ]
)
JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
FIELDS = st.sampled_from(
    [
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "cache_control",
        "diagnostics",
        "metadata",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "inference_geo",
        "context_management",
        "compaction",
        "output_format",
    ]
)
BLOCKS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["text", "tool_use", "tool_result", "thinking", "image", "document", "compaction", "tool_addition"]
        )
    },
    optional=dict.fromkeys(("text", "content", "id", "input", "source", "signature", "thinking", "tool"), JSON),
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.lists(BLOCKS, max_size=3) | JSON},
        optional={"clear_at": JSON, "output_config": JSON},
    ),
    max_size=4,
)
BETAS = "context-management-2025-06-27,compact-2026-01-12,compact-2026-09-04,thinking-binding-controls-2026-08-01"


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(FIELDS, JSON, max_size=5), MESSAGES, st.sampled_from(["", BETAS]), st.booleans())
def test_any_json_gets_an_answer_in_the_apis_shape(
    fields: dict[str, Any], messages: list[Any], betas: str, counting: bool
) -> None:
    """Whatever is sent, the answer is a message or a refusal, never a defect of the emulator."""
    body = {"model": "claude-opus-5-5", "max_tokens": 10, "messages": messages, **fields}
    path = "/v1/messages/count_tokens" if counting else "/v1/messages"
    answer = Emulator(["ok"]).handle("POST", path, {**KEY, "anthropic-beta": betas}, json.dumps(body).encode())
    assert answer.status in {200, 400, 404}, answer.body
    if answer.events is None:
        assert isinstance(json.loads(answer.body), dict)
