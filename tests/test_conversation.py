"""The promises of the object that people hold."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from anthropic.types import Message

from contextkit import Compaction, ContextKitError, Conversation, Shape
from contextkit.api.validity import faults
from contextkit.emulator import Clock, Emulator, fault, reply, text, thinking, tool_use
from contextkit.errors import BudgetError, ConfigError, ContentError, FrozenError, HistoryError
from contextkit.turn import BookkeepingWarning
from tests.builders import READ_TOOL, SMALL, SYSTEM, a_conversation, a_page, an_audit, reading, run


def marks(request: dict[str, Any]) -> list[str]:
    """Where the marks of a request stand."""
    found = [f"tools.{at}" for at, tool in enumerate(request.get("tools", ())) if "cache_control" in tool]
    found += [f"system.{at}" for at, block in enumerate(request.get("system", ())) if "cache_control" in block]
    for index, message in enumerate(request["messages"]):
        found += [f"messages.{index}.{at}" for at, block in enumerate(message["content"]) if "cache_control" in block]
    return found


def test_request_is_what_the_sdk_takes() -> None:
    """`request()` gives keyword arguments for `messages.create`, valid by the API's rules."""
    request = a_conversation().user("Hello").request()
    assert not list(faults(request))
    emulator = Emulator([reply("Hi.")])
    assert isinstance(emulator.client().messages.create(**request), Message)


def test_the_prefix_is_read_from_the_second_call_on() -> None:
    """Every call reads all that the calls before it wrote."""
    conv, _ = an_audit(pages=10, compaction=None)
    rows = list(conv.ledger)
    for before, row in itertools.pairwise(rows):
        assert row.usage.read == before.usage.prompt
    assert rows[0].usage.read == 0


def test_marks_stand_at_the_fixed_end_and_the_last_block() -> None:
    """A short history has two marks: the end of tools and system, and the last block sent."""
    conv = a_conversation().user("Hello")
    assert marks(conv.request()) == ["system.0", "messages.0.0"]


def test_many_parallel_calls_keep_the_cache_within_reach() -> None:
    """A turn of forty calls with text between them gets a lagging mark, and all that was written is read."""
    blocks = [block for k in range(30) for block in (text(f"Step {k}."), tool_use("read_page", {"page": k}))]
    emulator = Emulator([reply("Ready."), reply(*blocks), reply("Done.")])
    conv, client = a_conversation(compaction=None).user("Go"), emulator.client()
    conv.send(client)
    conv.user("All pages at once")
    for block in conv.send(client).content:
        if block.type == "tool_use":
            conv.tool_result(block.id, a_page(2))
    conv.send(client)
    rows = list(conv.ledger)
    assert rows[2].usage.read == rows[1].usage.prompt
    assert len(marks(emulator.requests[-1].body)) == 3  # type: ignore[arg-type]


def test_what_the_caller_does_to_a_request_stays_with_the_caller() -> None:
    """A returned request can be changed at will; the next one and the log are as if nothing had happened."""
    conv = a_conversation().user("Hello").user([{"type": "text", "text": "World"}])
    request = conv.request()
    pristine = copy.deepcopy(request)
    request["messages"][0]["content"][0]["text"] = "hacked"
    request["messages"][0]["content"].append({"type": "text", "text": "more"})
    request["messages"].clear()
    request["system"][0]["text"] = "obey me"
    request["tools"][0]["input_schema"]["properties"].clear()
    request["model"] = "other"
    assert conv.request() == pristine
    assert conv.messages[0]["content"][0]["text"] == "Hello"


def test_what_the_caller_gave_stays_with_the_caller() -> None:
    """Blocks, tools and outputs are copied on entry: changing them later changes nothing."""
    tool = copy.deepcopy(READ_TOOL)
    block = {"type": "text", "text": "Hello"}
    conv = Conversation(model="sonnet", tools=[tool]).user([block])
    before = copy.deepcopy(conv.request())
    block["text"] = "changed"
    tool["description"] = "changed"
    assert conv.request() == before


def test_requests_are_the_same_bytes_every_time() -> None:
    """The same history serialises to the same bytes, whenever and however often it is asked for."""
    conv, again = a_conversation().user("Hello"), a_conversation().user("Hello")
    assert json.dumps(conv.request()) == json.dumps(conv.request()) == json.dumps(again.request())


def test_tools_and_system_are_frozen_at_the_first_request() -> None:
    """Before the first request they can be set; after it, a clear error says why not."""
    conv = a_conversation().user("Hello")
    conv.system = "Another one."
    conv.tools = []
    conv.request()
    with pytest.raises(FrozenError, match="cached prefix"):
        conv.system = "A third one."
    with pytest.raises(FrozenError, match="tools cannot change"):
        conv.tools = [READ_TOOL]


def test_volatile_text_comes_after_the_last_mark_and_is_never_kept() -> None:
    """The time is sent, is not in history, and does not cost the cache anything."""
    emulator = Emulator(["One.", "Two.", "Three."])
    conv, client = a_conversation(), emulator.client()
    conv.volatile("now", lambda: datetime.fromtimestamp(emulator.clock.now, UTC).isoformat())
    for word in ("a", "b", "c"):
        conv.user(word).send(client)
        emulator.clock.advance(10)
    last = emulator.requests[-1].body["messages"][-1]["content"]
    assert last[-1]["text"].startswith("<now>")
    assert "cache_control" in last[-2]
    assert "<now>" not in json.dumps(conv.messages)
    rows = list(conv.ledger)
    assert rows[2].usage.read > rows[1].usage.read > 1000
    assert conv.volatile("now", None).user("d").request()["messages"][-1]["content"][-1]["text"] == "d"


def test_volatile_text_does_not_spoil_bound_thinking() -> None:
    """On a model that binds thinking to its prefix, an answer made after volatile text is sent back without it."""
    emulator = Emulator([reply(thinking("Hm."), text("One.")), reply(thinking("Hm."), text("Two.")), "Three."])
    conv, client = a_conversation(model="opus"), emulator.client()
    conv.volatile("now", "12:00").user("a").send(client)
    conv.volatile("now", None).user("b").send(client)
    conv.user("c").send(client)
    kinds = [[block["type"] for block in message["content"]] for message in emulator.requests[-1].body["messages"]]
    assert kinds == [["text"], ["text"], ["text"], ["thinking", "text"], ["text"]]


@pytest.mark.parametrize("model", ["opus", "sonnet", "haiku", "claude-opus-4-6", "claude-haiku-4-5"])
def test_a_long_run_folds_and_stays_valid(model: str) -> None:
    """A run over the budget is folded several times, on models that bind thinking and on those that do not."""
    conv, emulator = an_audit(pages=40, model=model, think=True, compaction=SMALL, summarizer="extractive")
    assert all(exchange.status == 200 for exchange in emulator.requests)
    assert max(row.usage.prompt for row in conv.ledger) < 13_500
    sent = emulator.requests[-1].body["messages"][0]["content"]
    assert sent[0]["text"] == "Audit the ledger. Never delete a row."
    assert sent[1]["text"].startswith("<conversation_summary")
    assert len(conv.messages) == 82


def test_summaries_are_billed_and_older_ones_stay_cached() -> None:
    """Haiku's calls are rows of the ledger, and a new summary leaves the older ones to be read from the cache."""
    conv, _ = an_audit(pages=60, compaction=replace(SMALL, fan_out=50))
    rows = list(conv.ledger)
    summaries = [row for row in rows if row.purpose == "summary"]
    assert len(summaries) >= 3
    assert all(row.model.startswith("claude-haiku") and row.cost for row in summaries)
    folds = [row for before, row in pairwise(rows) if before.purpose == "summary"]
    fixed = folds[0].usage.read
    assert all(later.usage.read > earlier.usage.read for earlier, later in pairwise(folds))
    assert fixed > 1_000


def test_summaries_are_merged_when_a_level_is_full() -> None:
    """At the fan-out the oldest summaries become one of the next level, so that their number stays bounded."""
    conv, emulator = an_audit(pages=120, compaction=replace(SMALL, fan_out=3))
    lead = emulator.requests[-1].body["messages"][0]["content"]
    shown = [block["text"] for block in lead if block["text"].startswith("<conversation_summary")]
    assert conv.ledger.totals("summary").calls > 8
    assert 2 <= len(shown) <= 6
    assert all(exchange.status == 200 for exchange in emulator.requests)


def test_folds_are_made_when_they_pay_and_not_only_at_the_ceiling() -> None:
    """Rent or buy: below the budget a fold is made once holding the old turns has cost what folding costs."""
    patient, _ = an_audit(pages=80, compaction=replace(SMALL, budget=60_000, patience=math.inf), rows=30)
    paying, _ = an_audit(pages=80, compaction=replace(SMALL, budget=60_000, patience=1.0), rows=30)
    assert max(row.usage.prompt for row in paying.ledger) < max(row.usage.prompt for row in patient.ledger)
    cost = [conv.ledger.totals().cost for conv in (paying, patient)]
    assert cost[0] is not None
    assert cost[1] is not None
    assert cost[0] < cost[1]


def test_pins_stay_verbatim() -> None:
    """A pinned message of a folded range stands after its summary, word for word."""
    emulator = Emulator(reading(30))
    conv = a_conversation(compaction=SMALL, summarizer="extractive").user("Audit.")
    client = emulator.client()
    conv.send(client)
    for name in tuple(conv.open_calls):
        conv.tool_result(name, a_page())
    conv.user("Rule: amounts are in cents.", pin=True)
    run(conv, emulator)
    lead = emulator.requests[-1].body["messages"][0]["content"]
    assert {"type": "text", "text": "Rule: amounts are in cents."} in lead


@pytest.mark.parametrize("answer", ["", "   ", "x" * 60_000, None])
def test_a_summary_that_is_none_leaves_the_history(answer: Any) -> None:
    """Empty or overlong summaries are refused and noted, and the run goes on with its whole history."""
    emulator = Emulator(reading(30))
    conv = a_conversation(compaction=SMALL, summarizer=lambda _: answer).user("Audit.")
    run(conv, emulator)
    assert conv.failures
    assert conv.context.summaries == 0
    assert len(conv.messages) == 62


def test_a_failing_summary_call_is_not_tried_at_every_turn() -> None:
    """When Haiku is down the turn goes on, and the next try waits until the prompt has grown."""
    script = reading(40)
    emulator = Emulator(lambda body: fault(status=529) if "haiku" in body["model"] else script(body))
    conv = a_conversation(compaction=SMALL).user("Audit.")
    run(conv, emulator)
    tries = sum("haiku" in exchange.body["model"] for exchange in emulator.requests)
    assert 1 <= tries <= 8
    assert len(conv.failures) == tries


def test_own_summarisers_may_be_plain_or_async() -> None:
    """A callable gets the transcript and gives the summary; an async one needs the async driver."""
    seen: list[str] = []

    def plain(transcript: str) -> str:
        seen.append(transcript)
        return "Short."

    conv, _ = an_audit(pages=25, compaction=SMALL, summarizer=plain)
    assert seen
    assert "read_page" in seen[0]
    assert conv.context.folded > 0

    async def later(transcript: str) -> str:
        return plain(transcript)

    emulator = Emulator(reading(25))
    conv = a_conversation(compaction=SMALL, summarizer=later).user("Audit.")

    async def drive() -> None:
        client = emulator.async_client()
        while True:
            message = await conv.asend(client)
            uses = [block for block in message.content if block.type == "tool_use"]
            if not uses:
                return
            for block in uses:
                conv.tool_result(block.id, a_page())

    asyncio.run(drive())
    assert conv.context.folded > 0
    assert not conv.failures


def test_build_mode_folds_without_a_client() -> None:
    """`request()` keeps to the budget by the extractive summary; `compact(client)` has it written by the model."""
    emulator = Emulator(reading(60))
    client = emulator.client()
    conv = a_conversation(compaction=SMALL).user("Audit.")
    for _ in range(25):
        message = client.messages.create(**conv.request())
        conv.record(message)
        for name in tuple(conv.open_calls):
            conv.tool_result(name, a_page())
    assert conv.context.folded > 0
    assert conv.ledger.totals("summary").calls == 0
    assert conv.ledger.totals("turn").calls == 25
    folded = conv.context.folded
    assert conv.compact(client, force=True) == 1
    assert conv.context.folded > folded
    assert conv.ledger.totals("summary").calls == 1


def test_streaming_records_what_was_streamed() -> None:
    """The SDK's stream is handed out, and the whole answer is recorded when its block ends."""
    emulator = Emulator([reply("Hello there, friend."), reply("Again.")])
    conv, client = a_conversation().user("Hi"), emulator.client()
    with conv.stream(client) as stream:
        words = "".join(stream.text_stream)
    assert words == "Hello there, friend."
    with conv.user("More").stream(client) as stream:
        next(iter(stream))  # left early: the rest is read, so that the history is whole
    assert [message["content"][0]["text"] for message in conv.messages if message["role"] == "assistant"] == [
        "Hello there, friend.",
        "Again.",
    ]
    assert conv.ledger.totals().calls == 2


def test_a_stream_that_fails_changes_nothing_but_the_ledger() -> None:
    """An exception in the block abandons the answer: the history is as before, and what was billed is booked."""
    emulator = Emulator([reply("Hello there, friend."), reply("Again.")])
    conv, client = a_conversation().user("Hi"), emulator.client()

    def leave() -> None:
        with conv.stream(client) as stream:
            next(iter(stream))
            raise KeyError("the reader failed")

    with pytest.raises(KeyError):
        leave()
    assert len(conv.messages) == 1
    assert [row.note for row in conv.ledger] == ["stream abandoned"]
    assert conv.send(client).content[0].text == "Again."


async def test_async_streaming() -> None:
    """The asynchronous form does the same."""
    emulator = Emulator([reply("Hello.")])
    conv = a_conversation().user("Hi")
    async with conv.astream(emulator.async_client()) as stream:
        words = "".join([word async for word in stream.text_stream])
    assert words == "Hello."
    assert conv.messages[-1]["content"][0]["text"] == "Hello."


def test_a_failed_call_can_be_made_again() -> None:
    """An API error passes through unchanged, the log stays, and the same call works later."""
    emulator = Emulator([fault(status=500), reply("Hi.")])
    conv, client = a_conversation().user("Hello"), emulator.client(max_retries=0)
    with pytest.raises(Exception, match="500"):
        conv.send(client)
    assert len(conv.messages) == 1
    assert conv.send(client).content[0].text == "Hi."


def test_calls_that_would_spoil_the_history_are_refused() -> None:
    """Unknown ids, answered ids, open calls and nothing to answer: a clear error, and nothing changed."""
    emulator = Emulator([reply(tool_use("read_page", {"page": 1}, id="toolu_1"))])
    conv = a_conversation()
    with pytest.raises(HistoryError, match="nothing to answer"):
        conv.request()
    message = conv.user("Go").send(emulator.client())
    before = conv.messages
    with pytest.raises(HistoryError, match="no result yet"):
        conv.user("Hello?")
    with pytest.raises(HistoryError, match="no result yet"):
        conv.request()
    with pytest.raises(HistoryError, match="no open tool call"):
        conv.tool_result("toolu_2", "x")
    with pytest.raises(HistoryError, match="recorded already"):
        conv.record(message)
    assert conv.messages == before
    conv.tool_result("toolu_1", "x")
    with pytest.raises(HistoryError, match="has a result already"):
        conv.tool_result("toolu_1", "x")


def test_repair_closes_open_calls() -> None:
    """With repair=True what the user says closes open calls with an error result."""
    emulator = Emulator([reply(tool_use("read_page", {"page": 1})), "Fine."])
    conv, client = a_conversation(repair=True).user("Go"), emulator.client()
    conv.send(client)
    conv.user("Never mind.").send(client)
    assert [block["type"] for block in conv.messages[2]["content"]] == ["tool_result", "text"]
    assert conv.messages[2]["content"][0]["is_error"]


@pytest.mark.parametrize(
    ("output", "entered"),
    [
        ("", None),
        ("  \n", None),
        (None, None),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        ([], "[]"),
        (3.5, "3.5"),
        ("lone \ud800 surrogate", "lone � surrogate"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": ""}], [{"type": "text", "text": "a"}]),
    ],
)
def test_outputs_enter_in_a_valid_form(output: Any, entered: Any) -> None:
    """Empty outputs, JSON values, blocks and broken text all make a result that the API takes."""
    emulator = Emulator([reply(tool_use("read_page", {"page": 1}, id="toolu_1")), "Fine."])
    conv, client = a_conversation().user("Go"), emulator.client()
    conv.send(client)
    conv.tool_result("toolu_1", output).send(client)
    assert conv.messages[2]["content"][0].get("content") == entered


def test_an_output_that_is_not_json_is_refused_and_can_be_given_again() -> None:
    """An object without a form in JSON gives a clear error; the call stays open."""
    emulator = Emulator([reply(tool_use("read_page", {"page": 1}, id="toolu_1"))])
    conv = a_conversation().user("Go")
    conv.send(emulator.client())
    with pytest.raises(ContentError, match="is not JSON"):
        conv.tool_result("toolu_1", {"x": object()})
    conv.tool_result("toolu_1", "fine")


def test_a_huge_output_is_capped_and_kept() -> None:
    """Fifty megabytes enter as the cap says, head and tail, and the original is in the archive under its handle."""
    emulator = Emulator([reply(tool_use("read_page", {"page": 1}, id="toolu_1")), "Fine."])
    conv, client = a_conversation().user("Go"), emulator.client()
    conv.send(client)
    huge = "0123456789\n" * 4_600_000
    conv.tool_result("toolu_1", huge)
    entered = conv.messages[2]["content"][0]["content"]
    assert len(entered) <= 200_000
    handle = entered.split("handle ")[1].split()[0].rstrip("]").strip()
    assert conv.archive.get(handle) == huge


def test_shapes_apply_at_the_door_by_tool_name() -> None:
    """A declared shape decides what enters; "*" is for the tools without one; errors enter as they are."""
    emulator = Emulator(
        [reply(*(tool_use(name, {}, id=f"toolu_{name}") for name in ("orders", "log", "broken"))), "Fine."]
    )
    conv = a_conversation(shapes={"orders": Shape(select=["$.items[*].sku"]), "*": Shape(max_chars=200)}).user("Go")
    client = emulator.client()
    conv.send(client)
    conv.tool_result("toolu_orders", {"items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}], "page": 9})
    conv.tool_result("toolu_log", "line\n" * 500)
    conv.tool_result("toolu_broken", "x" * 500, is_error=True)
    orders, log, broken = (block["content"] for block in conv.messages[2]["content"])
    assert json.loads(orders)["items"] == [{"sku": "a"}, {"sku": "b"}]
    assert len(log) <= 200
    assert "cut" in log
    assert broken == "x" * 500
    conv.send(client)


def test_wrapping_an_existing_history() -> None:
    """`from_messages` takes dicts and SDK objects, and continues where the history stands."""
    emulator = Emulator([reply(text("Reading."), tool_use("read_page", {"page": 1}, id="toolu_1")), "Done."])
    client = emulator.client()
    first = client.messages.create(
        model="claude-sonnet-5-5", max_tokens=100, messages=[{"role": "user", "content": "Go"}]
    )
    history = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "page 1"}]},
    ]
    conv = Conversation.from_messages(history, model="sonnet", tools=[READ_TOOL])
    assert conv.send(client).content[0].text == "Done."
    assert [message["role"] for message in conv.messages] == ["user", "assistant", "user", "assistant"]


def test_wrapping_says_which_message_is_wrong() -> None:
    """A broken history is refused with the index of the message."""
    history = [
        {"role": "user", "content": "Go"},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]},
    ]
    with pytest.raises(HistoryError, match=r"messages\[1\]"):
        Conversation.from_messages(history, model="sonnet")
    with pytest.raises(ContentError, match=r"messages\[0\]"):
        Conversation.from_messages([{"role": "oracle", "content": "x"}], model="sonnet")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"model": ""}, "no model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"ttl": "2h"}, "ttl"),
        ({"temperature": 1}, "messages.create takes no temperature"),
        ({"summarizer": 3}, "summarizer"),
        ({"max_output_chars": 3}, "max_output_chars"),
        ({"tools": [{"description": "nameless"}]}, "no name"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], match: str) -> None:
    """Each wrong setting names itself and says what to give."""
    with pytest.raises(ConfigError, match=match):
        Conversation(**{"model": "sonnet", **settings})


@pytest.mark.parametrize(
    "settings", [{"budget": -1}, {"budget": 0}, {"keep_recent": -5}, {"budget": 5_000, "keep_recent": 6_000}]
)
def test_wrong_budgets_are_refused(settings: dict[str, Any]) -> None:
    """A budget that makes no sense is refused when it is declared."""
    with pytest.raises(ConfigError):
        Compaction(**settings)


def test_a_budget_below_the_fixed_prefix_is_refused_before_anything_is_sent() -> None:
    """What can never be folded has to fit: the error says how large each part is."""
    emulator = Emulator(["Hi."])
    conv = a_conversation(compaction=Compaction(budget=500)).user("Hello")
    with pytest.raises(BudgetError, match="smaller than the fixed prefix"):
        conv.send(emulator.client())
    assert not emulator.requests


def test_text_with_a_lone_surrogate_is_refused_with_its_place() -> None:
    """The error names the character; the conversation goes on."""
    conv = a_conversation()
    with pytest.raises(ContentError, match="character 3"):
        conv.user("abc\ud800")
    conv.user("abc").request()


def test_an_unknown_model_works_and_has_no_price() -> None:
    """Tokens are counted as billed, the cost is None, and one warning says so."""
    emulator = Emulator(["Hi.", "Again."])
    conv, client = Conversation(model="claude-dream-9", system=SYSTEM), emulator.client()
    with pytest.warns(UserWarning, match="no price is known"):
        conv.user("Hello").send(client)
    conv.user("Hello").send(client)
    assert [row.cost for row in conv.ledger] == [None, None]
    assert conv.ledger.totals().unpriced == 2
    assert conv.ledger.totals().usage.prompt > 0


def test_bookkeeping_never_raises_after_a_paid_response() -> None:
    """A response that cannot be recorded is returned with a warning, and its cost is booked."""
    emulator = Emulator(
        [reply(tool_use("read_page", {}, id="toolu_1")), reply(tool_use("read_page", {}, id="toolu_1"))]
    )
    conv, client = a_conversation().user("Go"), emulator.client()
    conv.send(client)
    conv.tool_result("toolu_1", "x")
    with pytest.warns(BookkeepingWarning, match="used before"):
        message = conv.send(client)
    assert message.content[0].id == "toolu_1"
    assert conv.ledger.totals().calls == 2


def test_an_async_client_in_a_sync_call_is_named() -> None:
    """The error says which method to use."""
    conv = a_conversation().user("Go")
    with pytest.raises(ContextKitError, match="asend"):
        conv.send(Emulator(["Hi."]).async_client())


def test_an_empty_answer_leaves_no_empty_message() -> None:
    """The API may answer with nothing; the next request is valid all the same."""
    emulator = Emulator([reply(), reply("Now.")])
    conv, client = a_conversation().user("Hi"), emulator.client()
    conv.send(client)
    conv.user("Are you there?").send(client)
    assert [message["role"] for message in conv.messages] == ["user", "assistant"]


def test_context_says_what_is_in_the_window() -> None:
    """The parts are positive, add up to about the total, and fall after a fold."""
    conv, emulator = an_audit(pages=30, compaction=SMALL)
    window = conv.context
    assert window.tools > 0
    assert window.system > 0
    assert window.summaries > 0
    parts = window.tools + window.system + window.head + window.summaries + window.recent
    assert parts == pytest.approx(emulator.requests[-1].usage.prompt, rel=0.1)  # type: ignore[union-attr]
    assert window.budget == 12_000
    assert window.folded > 0


def test_steps_are_in_the_ledger() -> None:
    """A call's step name is in its row, and each row says what the call would have cost uncached."""
    emulator = Emulator(["One.", "Two."], clock=Clock())
    conv, client = a_conversation(), emulator.client()
    conv.user("a").send(client, step="greet")
    conv.user("b").send(client, step="part")
    rows = list(conv.ledger)
    assert [row.step for row in rows] == ["greet", "part"]
    assert rows[1].cost is not None
    assert rows[1].uncached is not None
    assert rows[1].cost < rows[1].uncached
    assert rows[1].estimate == pytest.approx(rows[1].usage.prompt, rel=0.01)


def test_params_are_sent_in_every_request() -> None:
    """Further arguments of `messages.create` go along unchanged; betas choose the beta resource."""
    conv = a_conversation(thinking={"type": "adaptive"}, metadata={"user_id": "u1"}).user("Hi")
    request = conv.request()
    assert request["thinking"] == {"type": "adaptive"}
    assert request["metadata"] == {"user_id": "u1"}


def test_one_hour_marks_are_written_for_an_hour() -> None:
    """`ttl="1h"` marks every place with an hour's lifetime, and the ledger books hour writes."""
    emulator = Emulator(["One.", "Two."], clock=Clock())
    conv, client = a_conversation(ttl="1h"), emulator.client()
    conv.user("a").send(client)
    emulator.clock.advance(3_000)
    conv.user("b").send(client)
    rows = list(conv.ledger)
    assert rows[0].usage.write_1h > 0
    assert rows[0].usage.write_5m == 0
    assert rows[1].usage.read == rows[0].usage.prompt


def test_prewarm_writes_the_shared_prefix_for_others() -> None:
    """One warm-up before a fan-out: every conversation with the same tools and system reads it at its first call."""
    emulator = Emulator(["One.", "Two."], clock=Clock())
    client = emulator.client()
    first = a_conversation(clock=lambda: emulator.clock.now)
    warmed = first.prewarm(client)
    assert warmed.content == []
    assert [row.purpose for row in first.ledger] == ["warm"]
    other = a_conversation().user("Hi")
    for conv in (first.user("Hi"), other):
        conv.send(client)
        assert list(conv.ledger)[-1].usage.read > 1_000


def test_prewarm_keeps_a_conversation_alive() -> None:
    """A keep-alive between two calls costs one read, and the next call reads everything although it comes late."""
    emulator = Emulator(["One.", "Two."], clock=Clock())
    conv, client = a_conversation(clock=lambda: emulator.clock.now), emulator.client()
    conv.user("Hi").send(client)
    emulator.clock.advance(280)
    conv.prewarm(client)
    emulator.clock.advance(280)
    conv.user("Again").send(client)
    first, alive, last = conv.ledger
    assert alive.usage.read == first.usage.prompt
    assert alive.usage.write_5m == alive.usage.output == 0
    assert last.usage.read == first.usage.prompt


def test_prewarm_says_what_the_api_would_refuse() -> None:
    """Manual thinking does not go with max_tokens=0: the error says so before anything is sent."""
    conv = a_conversation(model="claude-opus-4-6", thinking={"type": "enabled", "budget_tokens": 1_024})
    with pytest.raises(ConfigError, match="max_tokens=0"):
        conv.prewarm(Emulator().client())


def test_automatic_lifetime_follows_the_gaps() -> None:
    """A user who comes back every twenty minutes gets hour marks, and from then on reads what was written."""
    emulator = Emulator([f"Answer {n}." for n in range(8)], clock=Clock())
    conv, client = a_conversation(ttl="auto", clock=lambda: emulator.clock.now), emulator.client()
    for n in range(8):
        conv.user(f"Question {n}? " + "And more. " * 20).send(client)
        emulator.clock.advance(1_200)
    rows = list(conv.ledger)
    assert rows[0].usage.write_5m > 0
    assert rows[3].usage.write_1h > 0
    assert rows[-1].usage.read > 1_000
    advice = conv.ttl_advice
    assert advice is not None
    assert advice.usd_1h < advice.usd_5m
    assert advice.long_share == 1


def test_a_run_within_the_rules_has_no_violation_but_the_planned_ones() -> None:
    """Folds are the only losses of a long run, each with its tokens and price; the API's diagnosis agrees."""
    conv, emulator = an_audit(pages=40, compaction=SMALL, summarizer="extractive")
    folds = conv.context.folded
    assert folds
    assert {found.cause for found in conv.violations} == {"compaction"}
    assert all(found.blame == "planned" and found.tokens > 0 and found.usd for found in conv.violations)
    assert all(found.agrees for found in conv.violations)
    assert emulator.requests[0].body["diagnostics"] == {"previous_message_id": None}


def test_time_is_the_cause_where_time_passed() -> None:
    """A pause longer than the lifetime is reported as expired, with what it cost; the callback hears of it."""
    heard: list[Any] = []
    emulator = Emulator(["One.", "Two.", "Three."], clock=Clock())
    conv = a_conversation(clock=lambda: emulator.clock.now, on_violation=heard.append)
    client = emulator.client()
    conv.user("a").send(client)
    emulator.clock.advance(100)
    conv.user("b").send(client)
    assert not heard
    emulator.clock.advance(400)
    conv.user("c").send(client)
    assert [found.cause for found in heard] == ["expired"]
    assert heard[0].tokens == list(conv.ledger)[1].usage.prompt
    assert "expired" in str(conv.violations[0])


def test_an_entry_that_the_server_lost_is_the_providers_doing() -> None:
    """Nothing changed, no time passed, nothing was read: evicted, and not the caller's fault."""
    emulator = Emulator(["One.", "Two."], clock=Clock())
    other = Emulator(["Warm.", "Two."], clock=Clock())  # the same model elsewhere, where nothing was written
    other.client().messages.create(model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "x"}])
    conv = a_conversation(clock=lambda: emulator.clock.now)
    conv.user("a").send(emulator.client())
    conv.user("b").send(other.client())
    assert [(found.cause, found.blame) for found in conv.violations] == [("evicted", "provider")]


def test_stripped_thinking_is_expected() -> None:
    """On a model that drops older thinking, a new user turn loses what followed it, and says so."""
    emulator = Emulator(
        [
            reply(thinking("Hm. " * 400), tool_use("read_page", {"page": 1}, id="toolu_1")),
            reply(thinking("So. " * 400), text("Done.")),
            reply("Yes."),
        ],
        clock=Clock(),
    )
    conv = a_conversation(
        model="claude-haiku-4-5", system=SYSTEM * 6, clock=lambda: emulator.clock.now, max_tokens=8_000,
        thinking={"type": "enabled", "budget_tokens": 4_000},
    )  # fmt: skip
    client = emulator.client()
    conv.user("a").send(client)
    conv.tool_result("toolu_1", a_page(60)).send(client)
    conv.user("Sure?").send(client)
    assert [(found.cause, found.blame) for found in conv.violations] == [("thinking_stripped", "expected")]
    last = list(conv.ledger)[-1].usage
    assert last.read == next(iter(conv.ledger)).usage.prompt


def test_request_asks_for_no_diagnosis_unless_told() -> None:
    """Without a client nobody knows the platform: `request()` adds `diagnostics` only when it is switched on."""
    assert "diagnostics" not in a_conversation().user("a").request()
    assert a_conversation(diagnostics=True).user("a").request()["diagnostics"] == {"previous_message_id": None}
