"""The own model as a summariser: it reads what the last request left, writes nothing, and leaves it warm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextkit.api.answer import Answer
from contextkit.api.request import Request
from contextkit.api.usage import Usage, cost
from contextkit.api.validity import faults
from contextkit.compact.fork import cheaper, fork, fresh
from contextkit.compact.summary import checked, request
from contextkit.conversation import Conversation
from contextkit.emulator import Emulator, reply, text, thinking, tool_use
from contextkit.errors import SummaryError
from contextkit.history.log import Entry

LONG = "The quick brown fox jumps over the lazy dog. " * 300
MARK = {"type": "ephemeral"}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}


def a_message(role: str, *blocks: dict[str, Any] | str, marked: bool = False) -> dict[str, Any]:
    """A message of texts and blocks; the last block carries a mark or not."""
    content: list[dict[str, Any]] = [
        {"type": "text", "text": block} if isinstance(block, str) else dict(block) for block in blocks
    ]
    if marked:
        content[-1]["cache_control"] = MARK
    return {"role": role, "content": content}


def a_request(*messages: dict[str, Any], **params: Any) -> Request:
    """A request as a conversation sends it: tools and system marked; None leaves a parameter out."""
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 8_000,
        "tools": [TOOL],
        "system": [{"type": "text", "text": LONG, "cache_control": MARK}],
        "messages": list(messages) or [a_message("user", LONG, marked=True)],
        **params,
    }
    return Request({name: value for name, value in body.items() if value is not None})


ASKED = a_message("user", LONG + "Find the order.")
CALLED = a_message("assistant", "Looking.", {"type": "tool_use", "id": "t1", "name": "look", "input": {}})
FOUND = {"type": "tool_result", "tool_use_id": "t1", "content": "order 4711 " + LONG}
STEP = (ASKED, CALLED, a_message("user", FOUND, marked=True))


def send(emulator: Emulator, request: Request) -> Answer:
    """One call; nothing that is sent may be invalid."""
    assert list(faults(request.body())) == []
    return Answer.of(emulator.client().messages.create(**request.params))


def billed(answer: Answer) -> Usage:
    """What was billed."""
    assert answer.usage is not None
    return answer.usage


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-4-6", "claude-haiku-5-5", "claude-haiku-4-5"])
def test_a_fork_reads_the_cache_and_leaves_it_warm(model: str) -> None:
    """All that the last request read or wrote is read, nothing is written, and the main thread reads it afterwards."""
    emulator = Emulator([reply("Order 4711 is there."), reply("Task: find the order."), reply("Yes.")])
    main = a_request(*STEP, model=model)
    said = send(emulator, main)
    before = billed(said)
    made = fork(main, before, summary_tokens=500, warm=True)
    emulator.clock.advance(60)
    answer = send(emulator, made.request)
    seen = billed(answer)
    assert seen.read == before.read + before.write_5m == made.usage.read > 5_000
    assert seen.write_5m == seen.write_1h == 0
    assert made.usage.input == pytest.approx(seen.input, rel=0.1)
    assert checked(answer.text, tokens=9, range_tokens=9_000, stop_reason=answer.stop_reason)
    emulator.clock.advance(60)
    follow = a_request(
        *STEP, a_message("assistant", *said.blocks), a_message("user", "Is it paid?", marked=True), model=model
    )
    assert billed(send(emulator, follow)).read == before.prompt


def test_what_the_key_holds_stays() -> None:
    """Tools, system, tool_choice, thinking, effort and every earlier message are sent again as they were."""
    main = a_request(
        *STEP,
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        thinking={"type": "adaptive"},
        output_config={"effort": "low"},
        stop_sequences=["Task:"],
        diagnostics={"previous_message_id": "msg_1"},
        metadata={"user_id": "u"},
    )
    sent = fork(main, Usage(write_5m=9_000), summary_tokens=500, warm=True).request.params
    changed = {name for name in {*main.params, *sent} if main.params.get(name) != sent.get(name)}
    assert changed == {"max_tokens", "messages", "stop_sequences", "diagnostics"}
    assert sent["messages"][:-1] == main.params["messages"][:-1]
    assert sent["messages"][-1]["content"][:-1] == main.params["messages"][-1]["content"]
    assert "Identifiers:" in sent["messages"][-1]["content"][-1]["text"]
    assert main.params["messages"][-1]["content"] == [{**FOUND, "cache_control": MARK}]  # and main is as it was


def test_what_came_after_the_last_request_is_plain_input() -> None:
    """The reply and its results are covered by the summary without a new cache entry."""
    emulator = Emulator([reply("Looking.", tool_use("look", {}, id="t1")), reply("Task: find the order.")])
    main = a_request()
    said = send(emulator, main)
    added = [a_message("assistant", *said.blocks), a_message("user", FOUND)]
    made = fork(main, billed(said), added=added, kept=2, summary_tokens=500, warm=True)
    seen = billed(send(emulator, made.request))
    assert (seen.read, seen.write_5m) == (billed(said).prompt, 0)
    assert made.usage.input == pytest.approx(seen.input, rel=0.1)
    assert "the last 2 messages" in made.request.params["messages"][-1]["content"][-1]["text"]


def test_after_a_reply_the_instruction_is_a_turn_of_its_own() -> None:
    """A conversation that rests after an answer is folded by a user message."""
    made = fork(
        a_request(), Usage(write_5m=9_000), added=[a_message("assistant", "Done.")], summary_tokens=500, warm=True
    )
    messages = made.request.params["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert list(faults(made.request.body())) == []


def test_automatic_caching_becomes_a_mark_where_it_was() -> None:
    """A top-level mark would move to the instruction and write it; the explicit one at its old place only reads."""
    emulator = Emulator([reply("Yes."), reply("Task: none.")])
    main = a_request({"role": "user", "content": LONG}, cache_control={"type": "ephemeral", "ttl": "5m"})
    before = billed(send(emulator, main))
    seen = billed(send(emulator, fork(main, before, summary_tokens=500, warm=True).request))
    assert (seen.read, seen.write_5m) == (before.prompt, 0)


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_cold_only_tools_and_system_are_written(ttl: str) -> None:
    """What the fold replaces is read as plain input; the part that every later call begins with is written."""
    mark = {"type": "ephemeral", "ttl": ttl}
    system = [{"type": "text", "text": LONG, "cache_control": mark}]
    emulator = Emulator([reply("Yes."), reply("Task: none.")])
    main = a_request(a_message("user", LONG, {"type": "text", "text": "?", "cache_control": mark}), system=system)
    before = billed(send(emulator, main))
    emulator.clock.advance(4_000)
    made = fork(main, before, summary_tokens=500, warm=False, fixed_tokens=before.prompt // 2)
    seen = billed(send(emulator, made.request))
    assert seen.read == made.usage.read == 0
    wrote, expected = (seen.write_1h, made.usage.write_1h) if ttl == "1h" else (seen.write_5m, made.usage.write_5m)
    assert 0 < wrote < before.prompt
    assert expected == before.prompt // 2
    assert made.usage.prompt == pytest.approx(seen.prompt, rel=0.1)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"tool_choice": {"type": "any"}}, "forces a tool call"),
        ({"tool_choice": {"type": "tool", "name": "look"}}, "forces a tool call"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, "schema"),
        ({"extra_body": {"thread": {"type": "create"}}}, "thread"),
    ],
)
def test_what_cannot_be_a_summary_is_not_asked_for(params: dict[str, Any], why: str) -> None:
    """A parameter that rules a text out, and that the cache's key holds, stops the fork before it is sent."""
    with pytest.raises(SummaryError, match=why):
        fork(a_request(**params), Usage(write_5m=9_000), summary_tokens=500, warm=True)


def test_open_calls_are_not_forked_over() -> None:
    """A call without its result can only be followed by the result."""
    with pytest.raises(SummaryError, match="a tool call is open"):
        fork(a_request(), Usage(write_5m=9_000), added=[CALLED], summary_tokens=500, warm=True)


def test_thinking_that_a_new_text_would_drop() -> None:
    """Models that keep only the last turn's thinking lose it inside a loop, and the cache from there; others do not."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    step = (ASKED, {**CALLED, "content": [thought, *CALLED["content"]]}, STEP[2])
    wanted: dict[str, Any] = {"summary_tokens": 500, "warm": True}
    with pytest.raises(SummaryError, match="drop the thinking"):
        fork(a_request(*step, model="claude-sonnet-4-5"), Usage(write_5m=9_000), **wanted)
    fork(a_request(*step, model="claude-opus-4-6"), Usage(write_5m=9_000), **wanted)
    done = (*step, a_message("assistant", "Done."), a_message("user", "Next.", marked=True))
    fork(a_request(*done, model="claude-sonnet-4-5"), Usage(write_5m=9_000), **wanted)


def test_bound_thinking_is_left_where_it_is() -> None:
    """On a model that binds thinking to its prefix the fork is valid: it only appends."""
    emulator = Emulator([reply(thinking("Hm."), text("Looking."), tool_use("look", {}, id="t1")), reply("Task: none.")])
    main = a_request()
    said = send(emulator, main)
    added = [a_message("assistant", *said.blocks), a_message("user", FOUND)]
    assert send(emulator, fork(main, billed(said), added=added, summary_tokens=500, warm=True).request).text


@pytest.mark.parametrize(
    ("model", "given", "room"),
    [
        ("claude-haiku-4-5", None, 500),
        ("claude-haiku-4-5", {"type": "enabled", "budget_tokens": 2_000}, 2_500),
        ("claude-haiku-5-5", {"type": "disabled"}, 500),
        ("claude-haiku-5-5", None, 4_596),
        ("claude-opus-5-5", {"type": "adaptive"}, 4_596),
    ],
)
def test_thinking_has_room_of_its_own(model: str, given: dict[str, Any] | None, room: int) -> None:
    """Where the model may think first, the summary's bound is not used up by it."""
    made = fork(
        a_request(model=model, thinking=given), Usage(write_5m=9_000), summary_tokens=500, warm=True, thinking_tokens=70
    )
    assert made.request.params["max_tokens"] == room
    assert made.usage.output == (500 if room == 500 else 570)


def test_a_call_instead_of_a_text_is_refused() -> None:
    """The fork has the conversation's tools and may use one: that is no summary."""
    emulator = Emulator([reply("Yes."), reply("I look.", tool_use("look", {}))])
    main = a_request()
    made = fork(main, billed(send(emulator, main)), summary_tokens=500, warm=True)
    answer = send(emulator, made.request)
    with pytest.raises(SummaryError, match="ended with tool_use"):
        checked(answer.text, tokens=9, range_tokens=9_000, stop_reason=answer.stop_reason)


RANGE = 40_000


@pytest.mark.parametrize(
    ("model", "warm", "maker"),
    [
        ("claude-fable-5-2", True, "claude-haiku-5-5"),
        ("claude-opus-5-5", False, "claude-haiku-5-5"),
        ("claude-haiku-5-5", True, "own"),
        ("claude-haiku-5-5", False, "claude-haiku-5-5"),
    ],
)
def test_the_cheaper_one_is_taken(model: str, maker: str, *, warm: bool) -> None:
    """By both calls' whole cost: the fork reads at the own price, the fresh call pays input at the other's."""
    whole = 60_000
    own = Usage(read=whole, input=500, output=1_000) if warm else Usage(input=whole + 500, output=1_000)
    fresh = Usage(input=RANGE, output=1_000)
    choice = cheaper(own, fresh, model=model)
    assert (choice.own, choice.fresh) == (cost(model, own), cost("claude-haiku-5-5", fresh))
    assert choice.own is not None
    assert choice.fresh is not None
    assert (choice.own < choice.fresh) is (maker == "own")
    assert choice.maker == maker


def test_the_step_at_100k_is_priced() -> None:
    """The same fresh call above 100,000 tokens costs Haiku 5.5 five times as much, and an own fork wins against it."""
    own = Usage(read=110_000, output=100)
    at, over = (cheaper(own, Usage(input=size), model="claude-opus-5-5") for size in (100_000, 100_001))
    assert at.maker == "claude-haiku-5-5"
    assert over.maker == "own"
    assert at.fresh is not None
    assert over.fresh == pytest.approx(5 * at.fresh, rel=1e-3)


def test_the_fresh_call_is_reckoned_as_it_is_billed() -> None:
    """Its whole prompt is plain input, within the estimator's error."""
    emulator = Emulator([reply("Task: find the order.")])
    entries = [Entry("user", [{"type": "text", "text": LONG}])] * 3
    asked = request(entries, model="claude-haiku-5-5", max_tokens=500)
    seen = billed(send(emulator, asked))
    reckoned = fresh(asked, summary_tokens=500)
    assert seen.input == seen.prompt == pytest.approx(reckoned.input, rel=0.05)
    assert reckoned.output == 500


def test_without_a_fork_or_a_price_it_is_the_fresh_call() -> None:
    """What cannot be made or cannot be priced is not chosen."""
    assert cheaper(None, Usage(input=9), model="claude-opus-5-5").maker == "claude-haiku-5-5"
    with pytest.warns(UserWarning, match="no price"):
        assert cheaper(Usage(read=9), Usage(input=9), model="someone-else").maker == "claude-haiku-5-5"


@pytest.mark.parametrize("volatile", ["", "It is noon."])
def test_a_conversation_is_forked_and_goes_on(volatile: str) -> None:
    """From a conversation's own request, lent messages and all: its next call reads everything, and nothing moved."""
    replies = [reply("Looking.", tool_use("look", {}, id="t1")), reply("Found."), reply("Task."), reply("Yes.")]
    emulator = Emulator(replies)
    client = emulator.client()
    conv = Conversation(model="claude-opus-5-5", system=LONG, tools=[TOOL], max_tokens=2_000)
    conv.user("Find the order. " + LONG)
    conv.send(client)
    conv.tool_result("t1", "order 4711 " + LONG)
    if volatile:
        conv.volatile("clock", volatile)
    params = conv.request()
    before = json.dumps(params)
    said = client.messages.create(**params)
    usage = Usage.of(said.usage)
    made = fork(Request(params), usage, summary_tokens=500, warm=True)
    seen = billed(send(emulator, made.request))
    assert (seen.read, seen.write_5m) == (made.usage.read, 0)
    assert seen.input == pytest.approx(made.usage.input, rel=0.1)
    assert json.dumps(params) == before
    conv.record(said)
    conv.user("Is it paid?")
    conv.send(client)
    last = emulator.requests[-1].usage
    assert last is not None
    assert last.read == usage.read + usage.write_5m
