"""The validity rules: realistic bodies have no fault, each invalid one gets the documented text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.facts import MODELS
from contextkit.api.validity import Fault, faults, merged

if TYPE_CHECKING:
    from pathlib import Path

Block = dict[str, Any]
Body = dict[str, Any]

IMAGE: Block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
DOCUMENT: Block = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
THOUGHT: Block = {"type": "thinking", "thinking": "", "signature": "sig"}
HIDDEN: Block = {"type": "redacted_thinking", "data": "x"}
SEARCH: Block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND: Block = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
MANUAL: Body = {"type": "enabled", "budget_tokens": 1024}
TOOL: Block = {"name": "look", "input_schema": {"type": "object"}}


def said(words: str, **more: Any) -> Block:
    """A text block."""
    return {"type": "text", "text": words, **more}


def user(*blocks: Block | str) -> Body:
    """A user message."""
    return {"role": "user", "content": [said(block) if isinstance(block, str) else block for block in blocks]}


def assistant(*blocks: Block | str) -> Body:
    """An assistant message."""
    return {**user(*blocks), "role": "assistant"}


def system(*blocks: Block | str, **more: Any) -> Body:
    """A system message among the messages."""
    return {**user(*blocks), "role": "system", **more}


def call(name: str = "a", given_input: Any = None) -> Block:
    """A tool call."""
    return {"type": "tool_use", "id": name, "name": "look", "input": given_input or {}}


def result(name: str = "a", content: Any = "found", **more: Any) -> Block:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": name, "content": content, **more}


def body(*messages: Body, model: str = "claude-opus-4-6", **more: Any) -> Body:
    """A request body."""
    return {"model": model, "max_tokens": 2048, "messages": list(messages), "tools": [TOOL], **more}


def texts(found: Body) -> list[str]:
    """What is wrong with a body."""
    return [fault.message for fault in faults(found)]


HELLO = user("hello")
LOOP = (HELLO, assistant(call()), user(result()))

VALID: dict[str, Body] = {
    "string content": body({"role": "user", "content": "hello"}),
    "string and list content": body({"role": "user", "content": "a"}, assistant("b"), user("c")),
    "same-role neighbours": body(HELLO, user("more"), assistant("b"), assistant("c"), user("d")),
    "parallel calls": body(HELLO, assistant("I look.", *map(call, "abc")), user(*map(result, "abc"))),
    "results in another order": body(HELLO, assistant(*map(call, "abc")), user(*map(result, "cab"))),
    "results in two messages": body(HELLO, assistant(*map(call, "ab")), user(result("a")), user(result("b"))),
    "text after results": body(HELLO, assistant(call()), user(result(), "and now?")),
    "an error result": body(HELLO, assistant(call()), user(result(is_error=True))),
    "an empty output": body(HELLO, assistant(call()), user({"type": "tool_result", "tool_use_id": "a"})),
    "an empty string and list": body(HELLO, assistant(*map(call, "ab")), user(result("a", ""), result("b", []))),
    "images and documents": body(user("see", IMAGE, DOCUMENT), assistant(call()), user(result("a", [IMAGE, DOCUMENT]))),
    "an id again, later": body(*LOOP, assistant(call()), user(result())),
    "adaptive thinking in a loop": body(
        HELLO, assistant(THOUGHT, call()), user(result()), thinking={"type": "adaptive"}
    ),
    "adaptive thinking left out": body(*LOOP, thinking={"type": "adaptive"}),
    "manual thinking in a loop": body(HELLO, assistant(HIDDEN, call()), user(result()), thinking=MANUAL),
    "manual thinking, text after results": body(*LOOP[:2], user(result(), "go on"), thinking=MANUAL),
    "forced tool": body(HELLO, tool_choice={"type": "tool", "name": "look"}),
    "forced tool, adaptive": body(HELLO, tool_choice={"type": "any"}, thinking={"type": "adaptive"}),
    "server tools": body(HELLO, assistant("I search.", SEARCH, FOUND, "It is."), user("thanks")),
    "pause_turn": body(HELLO, assistant("I search.", SEARCH)),
    "pause_turn after a result": body(HELLO, assistant(SEARCH, FOUND, "so far: ")),
    "mixed server and client call": body(HELLO, assistant(SEARCH, call()), user(result())),
    "mixed, server call ended": body(HELLO, assistant(SEARCH, FOUND, call()), user(result(), "and?")),
    "prefill": body(HELLO, assistant("It is"), model="claude-haiku-4-5"),
    "empty final assistant": body(HELLO, {"role": "assistant", "content": []}, model="claude-haiku-4-5"),
    "blank text beside a call": body(HELLO, assistant("\n\n", call()), user(result())),
    "a system message": body(HELLO, assistant("x"), user("y"), system("be brief"), model="claude-opus-5-5"),
    "system messages, string": body(
        HELLO, {"role": "system", "content": "a"}, system("b"), assistant("x"), user("y"), model="claude-opus-5-5"
    ),
    "system after results": body(*LOOP, system("be brief"), model="claude-opus-5-5"),
    "system after a server result": body(HELLO, assistant(SEARCH, FOUND), system("be brief"), model="claude-opus-5-5"),
    "system that sets effort, anywhere": body(
        {"role": "system", "content": [], "output_config": {"effort": "low"}},
        HELLO,
        {"role": "system", "content": [], "output_config": {"effort": "high"}},
        user("more"),
        model="claude-opus-5-5",
    ),
    "four marks, hours first": body(
        user(
            said("a", cache_control={"type": "ephemeral", "ttl": "1h"}),
            *(said(words, cache_control={"type": "ephemeral"}) for words in "bcd"),
        )
    ),
    "an automatic mark beside three": body(
        user(*(said(words, cache_control={"type": "ephemeral"}) for words in "abc"), "d"),
        cache_control={"type": "ephemeral"},
    ),
    "an automatic mark where one is": body(
        user(*(said(words, cache_control={"type": "ephemeral"}) for words in "abcd")),
        cache_control={"type": "ephemeral"},
    ),
    "a pre-warming": body(HELLO, max_tokens=0),
    "thinking off at high effort": body(
        HELLO, model="claude-opus-5", thinking={"type": "disabled"}, output_config={"effort": "high"}
    ),
    "between_tools": body(HELLO, model="claude-sonnet-5-5", thinking={"type": "between_tools"}),
    "an unknown model": body(HELLO, assistant("It is"), model="claude-9", thinking={"type": "adaptive"}),
}


@pytest.mark.parametrize("name", VALID)
def test_realistic_bodies_have_no_fault(name: str) -> None:
    """What the documentation allows passes, and checking changes nothing in it."""
    before = json.dumps(VALID[name])
    assert texts(VALID[name]) == []
    assert json.dumps(VALID[name]) == before


ORPHAN = "`tool_use` ids were found without `tool_result` blocks immediately after: "
UNKNOWN = "unexpected `tool_use_id` found in `tool_result` blocks: "
EMPTY = "all messages must have non-empty content except for the optional final assistant message"
MARKED: Body = {"cache_control": {"type": "ephemeral"}}
HOUR: Body = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}

INVALID: dict[str, tuple[Body, str]] = {
    # 5.1 tool pairing
    "no result": (body(HELLO, assistant(call()), user("so?")), ORPHAN + "a"),
    "one of two missing": (body(HELLO, assistant(*map(call, "ab")), user(result("a"))), ORPHAN + "b."),
    "the call is last": (body(HELLO, assistant(call())), ORPHAN + "a"),
    "a call left open in the middle": (body(*LOOP[:2], assistant("x"), user("y")), ORPHAN + "a"),
    "a result too late": (body(*LOOP[:2], user("wait"), assistant("x"), user(result())), UNKNOWN + "a"),
    "nobody called": (body(user(result("z"))), UNKNOWN + "z"),
    "answered twice": (body(*LOOP[:2], user(result(), result())), "each tool_use must have a single result"),
    "text before results": (body(*LOOP[:2], user("here", result())), "must come before other content"),
    "a result for a server tool": (body(HELLO, assistant(SEARCH, FOUND), user(result("srvtoolu_1"))), UNKNOWN),
    "text in a mixed turn": (body(HELLO, assistant(SEARCH, call()), user(result(), "x")), "only `tool_result` blocks"),
    "an id twice in a turn": (body(HELLO, assistant(call(), call()), user(result())), "ids must be unique"),
    "an id of other characters": (
        body(HELLO, assistant(call("a b")), user(result("a b"))),
        "String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    "input that is no dict": (body(HELLO, assistant(call("a", [1])), user(result())), "Input should be a valid dict"),
    # 5.2 thinking
    "manual loop without thinking": (body(*LOOP, thinking=MANUAL), "Expected `thinking` or `redacted_thinking`, but"),
    "manual prefill": (
        body(HELLO, assistant("It is"), model="claude-haiku-4-5", thinking=MANUAL),
        "Expected `thinking` or `redacted_thinking`, but found `text`",
    ),
    "budget over max_tokens": (
        body(HELLO, thinking={"type": "enabled", "budget_tokens": 2048}),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    "budget under 1024": (
        body(HELLO, thinking={"type": "enabled", "budget_tokens": 1023}),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "no budget": (body(HELLO, thinking={"type": "enabled"}), "thinking.enabled.budget_tokens: Field required"),
    # 5.3 what a model supports
    "forced tool, manual": (
        body(HELLO, thinking=MANUAL, tool_choice={"type": "any"}),
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "off at higher effort": (
        body(HELLO, model="claude-haiku-5-5", thinking={"type": "disabled"}, output_config={"effort": "max"}),
        "not supported with effort 'max'",
    ),
    # 5.4 content
    "empty message": (body({"role": "user", "content": []}, assistant("x"), user("y")), EMPTY),
    "empty string": (body({"role": "user", "content": ""}), EMPTY),
    "empty assistant, not last": (body(HELLO, {"role": "assistant", "content": []}, user("x")), EMPTY),
    "empty text": (body(user("a", "")), "text content blocks must be non-empty"),
    "blank text": (body(user(" \n")), "text content blocks must contain non-whitespace text"),
    "empty system text": (body(HELLO, system=[said("")]), "system.0: text content blocks must be non-empty"),
    "trailing space": (
        body(HELLO, assistant("It is "), model="claude-haiku-4-5"),
        "final assistant content cannot end with trailing whitespace",
    ),
    "prefill on a new model": (body(HELLO, assistant("It is")), "does not support assistant message prefill"),
    "image from the assistant": (body(HELLO, assistant(IMAGE), user("x")), "`image` blocks are not permitted"),
    "document from the assistant": (body(HELLO, assistant(DOCUMENT), user("x")), "`document` blocks are not permitted"),
    "thinking from the user": (body(user(THOUGHT)), "`thinking` blocks are not permitted in user turns"),
    "call from the user": (body(user(call())), "`tool_use` blocks are not permitted in user turns"),
    "tools changed in a user turn": (
        body(user("a", {"type": "tool_removal", "tool": {}})),
        "`tool_removal` blocks are not permitted in user turns",
    ),
    "citations from the user": (body(user(said("x", citations=[{}]))), "citations: Extra inputs are not permitted"),
    "temperature": (body(HELLO, temperature=1), "temperature: Extra inputs are not permitted"),
    "too much output": (body(HELLO, max_tokens=128_001), "128001 > 128000, which is the maximum allowed number"),
    "no messages": (body(), "messages: at least one message is required"),
    "too many messages": (body(*[HELLO] * 100_001), "too many messages"),
    # mid-conversation system messages
    "system on an older model": (body(HELLO, system("x")), "role 'system' is not supported on this model"),
    "system first": (body(system("x"), HELLO, model="claude-opus-5"), "must follow a user turn"),
    "system after the assistant": (body(HELLO, assistant("x"), system("y"), model="claude-opus-5"), "must follow"),
    "system, then user": (body(HELLO, system("x"), user("y"), model="claude-opus-5"), "must be followed by"),
    "system, effort, then user": (
        body(
            HELLO,
            system("x"),
            {"role": "system", "content": [], "output_config": {"effort": "low"}},
            user("y"),
            model="claude-opus-5",
        ),
        "must be followed by",
    ),
    "system between call and result": (
        body(HELLO, assistant(call()), system("x"), user(result()), model="claude-opus-5"),
        "must follow a user turn",
    ),
    "an image in a system message": (body(HELLO, system(IMAGE), model="claude-opus-5"), "`image` blocks are not"),
    "an empty system message": (body(HELLO, system(), model="claude-opus-5"), EMPTY),
    "an empty text in one": (body(HELLO, system(""), model="claude-opus-5"), "must be non-empty"),
    "a mark on a turn-scoped one": (
        body(HELLO, system(said("x", **MARKED), clear_at="next_user_message"), model="claude-opus-5"),
        "turn-scoped",
    ),
    # marks
    "five marks": (
        body(user(*(said(words, **MARKED) for words in "abcde"))),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "four marks and the automatic one": (
        body(user(*(said(words, **MARKED) for words in "abcd"), "e"), **MARKED),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "an hour after five minutes": (body(user(said("a", **MARKED), said("b", **HOUR))), "must not come after"),
    "an automatic hour after five minutes": (body(user(said("a", **MARKED), "b"), **HOUR), "must not come after"),
    "an automatic mark of another life": (body(user(said("a", **MARKED)), **HOUR), "already marked with a different"),
    "an automatic mark of no life": (body(HELLO, cache_control={"type": "ephemeral", "ttl": "2h"}), "ttl '5m' or '1h'"),
    "a mark of no life": (body(user(said("a", cache_control={"type": "x"}))), "Input should be 'ephemeral'"),
    "a mark on thinking": (body(HELLO, assistant({**THOUGHT, **MARKED}, call()), user(result())), "Extra inputs"),
    "a mark on empty text": (body(user(said("", **MARKED))), "cache_control cannot be set for empty text blocks"),
    "a mark on a deferred tool": (
        body(HELLO, tools=[TOOL, {**TOOL, "name": "b", "defer_loading": True, **MARKED}]),
        "defer_loading",
    ),
    # pre-warming
    "warm stream": (body(HELLO, max_tokens=0, stream=True), "max_tokens: 0 is not supported with streaming"),
    "warm manual thinking": (body(HELLO, max_tokens=0, thinking=MANUAL), "max_tokens: 0 is not supported with think"),
    "warm format": (body(HELLO, max_tokens=0, output_config={"format": {"type": "json_schema"}}), "output_config.form"),
    "warm forced tool": (body(HELLO, max_tokens=0, tool_choice={"type": "any"}), "with a forced tool choice"),
    # types
    "no model": ({"messages": [HELLO]}, "model: Field required"),
    "no limit": ({"model": "claude-opus-5", "messages": [HELLO]}, "max_tokens: Field required"),
    "no list": (body() | {"messages": "hello"}, "messages: Field required"),
    "no dict": (body() | {"messages": ["hello"]}, "messages.0: Input should be a valid dictionary"),
    "no role": (body({"role": "tool", "content": "x"}), "Input should be 'user' or 'assistant'"),
    "no content": (body({"role": "user"}), "messages.0.content: Field required"),
    "no type": (body(user({"text": "x"})), "messages.0.content.0.type: Field required"),
    "no such type": (body(user({"type": "video"})), "Input tag 'video' found using 'type' does not match"),
    "no text": (body(user({"type": "text"})), "messages.0.content.0.text.text: Field required"),
    "a call in a result": (body(*LOOP[:2], user(result("a", [call("b")]))), "Input tag 'tool_use' found"),
    "a tool twice": (body(HELLO, tools=[TOOL, TOOL]), "Tool names must be unique."),
    "a tool without schema": (body(HELLO, tools=[{"name": "x"}]), "tools.0.custom.input_schema: Field required"),
    "all tools deferred": (body(HELLO, tools=[{**TOOL, "defer_loading": True}]), "At least one tool must have"),
    "a choice of nothing": (body(HELLO, tool_choice={"type": "tool", "name": "z"}), "Tool 'z' not found in provided"),
}


@pytest.mark.parametrize("name", INVALID)
def test_each_broken_rule_is_named(name: str) -> None:
    """A body that breaks one rule gets that rule's text, as an invalid request with status 400."""
    broken, wanted = INVALID[name]
    found = list(faults(broken))
    assert any(wanted in fault.message for fault in found), [fault.message for fault in found][:5]
    assert {(fault.status, fault.type) for fault in found} == {(400, "invalid_request_error")}


THINKING_REFUSED = {
    "claude-fable-5-2": "enabled disabled",
    "claude-mythos-5": "enabled disabled",
    "claude-opus-5-5": "enabled disabled",
    "claude-opus-5": "",
    "claude-opus-4-8": "enabled",
    "claude-opus-4-7": "enabled",
    "claude-opus-4-6": "",
    "claude-sonnet-5-5": "enabled disabled",
    "claude-sonnet-5": "",
    "claude-sonnet-4-6": "",
    "claude-haiku-5-5": "",
    "claude-opus-4-5": "adaptive",
    "claude-sonnet-4-5": "adaptive",
    "claude-haiku-4-5": "adaptive",
}


@pytest.mark.parametrize("model", THINKING_REFUSED)
def test_thinking_that_a_model_refuses(model: str) -> None:
    """Section 5.3 of the facts: always-on models refuse off, adaptive-only ones a budget, 4.5 ones adaptive."""
    for kind in ("enabled", "disabled", "adaptive"):
        config = MANUAL if kind == "enabled" else {"type": kind}
        refused = any(
            "is not supported for this model" in text for text in texts(body(HELLO, model=model, thinking=config))
        )
        assert refused is (kind in THINKING_REFUSED[model].split())


@pytest.mark.parametrize("model", MODELS)
def test_forced_tools_and_prefill_by_model(model: str) -> None:
    """Whether a tool can be forced and an answer prefilled follows the model's row."""
    row = MODELS[model]
    forced = texts(body(HELLO, model=model, tool_choice={"type": "any"}))
    assert any("tool_choice: `any` is not supported" in text for text in forced) is not row.forced_tools
    prefilled = texts(body(HELLO, assistant("It is"), model=model))
    assert any("prefill" in text for text in prefilled) is not row.prefill


def test_neighbours_of_one_role_are_one_turn() -> None:
    """Same-role messages are merged, with the place of each block as the API names it; system messages are left out."""
    turns = merged([HELLO, user("b"), system("x"), assistant("c")])
    assert [(role, [where for where, _ in blocks]) for role, blocks in turns] == [
        ("user", ["messages.0.content.0", "messages.1.content.0"]),
        ("assistant", ["messages.3.content.0"]),
    ]


SCRAP = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["", " ", "user", "text", "tool_use", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "id", "input", "ttl"]), inner, max_size=4)
    ),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place inside a JSON value: its container and its key."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [(value, key) for key, _ in inner] + [found for _, item in inner for found in places(item)]


@given(st.sampled_from(list(VALID)), st.lists(st.tuples(st.integers(0, 500), SCRAP), min_size=1, max_size=3))
def test_no_body_is_a_crash(name: str, scraps: list[tuple[int, Any]]) -> None:
    """Whatever JSON stands anywhere in a body, the rules answer with faults and never with an exception."""
    broken = json.loads(json.dumps(VALID[name] | {"system": [said("x")], **MARKED}))
    for number, scrap in scraps:
        found = places(broken)
        container, key = found[number % len(found)]
        container[key] = scrap
    assert all(isinstance(fault, Fault) for fault in faults(broken))


def test_only_system_messages_are_no_crash() -> None:
    """A body whose messages are all system messages is refused in words."""
    assert texts(body(system("x"), model="claude-opus-5", thinking=MANUAL))


_SAMPLING = {"temperature", "top_p", "top_k"}


def test_bodies_that_were_billed_are_valid(data: Path) -> None:
    """Every recorded Messages body that Anthropic billed is valid.

    Left out: other wire formats (Bedrock, OpenAI, count_tokens), whose bodies are not Messages bodies. Taken off:
    sampling parameters, which the API took until its version 2026-10-21.
    """
    checked = 0
    for line in (data / "counted_requests" / "counted_requests.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["format"] != "messages":
            continue
        request = {name: value for name, value in record["request"].items() if name not in _SAMPLING}
        assert texts(request) == [], record["id"]
        checked += 1
    assert checked > 600
