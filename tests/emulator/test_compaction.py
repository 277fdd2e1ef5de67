"""Compaction on the server, automatic and on demand (compaction pages; facts sheet 4.2 and 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from contextkit.api.usage import Usage
from contextkit.emulator import Emulator, Options, reply, text, thinking, tool_use

Body = Callable[..., dict[str, Any]]

AUTO = "compact-2026-01-12"
NOW = "compact-2026-09-04"
WORDS = "one two three four five six seven eight nine ten " * 40


def edits(value: int | None = 50_000, **options: Any) -> dict[str, Any]:
    """The automatic edit with its threshold."""
    trigger = {} if value is None else {"trigger": {"type": "input_tokens", "value": value}}
    return {"edits": [{"type": "compact_20260112", **trigger, **options}]}


@pytest.fixture
def long(a_body: Body) -> Callable[..., dict[str, Any]]:
    """A conversation of well over 50,000 tokens."""

    def build(**fields: Any) -> dict[str, Any]:
        messages = []
        for at in range(80):
            messages += [
                {"role": "user", "content": f"{at} {WORDS}"},
                {"role": "assistant", "content": f"{at} {WORDS}"},
            ]
        return a_body(*messages[:-1], **{"context_management": edits(), **fields})

    return build


def test_over_the_threshold_a_summary_comes_first(long: Body, post: Any) -> None:
    """The response begins with a compaction block; its cost stands in `iterations`, not in the top-level sums."""
    emulator = Emulator([reply("The answer.")], options=Options(summarize=lambda body: f"{len(body['messages'])} said"))
    status, answer = post(emulator, long(), AUTO)
    assert status == 200, answer
    assert [block["type"] for block in answer["content"]] == ["compaction", "text"]
    assert answer["content"][0]["content"] == "159 said"
    compaction, message = answer["usage"]["iterations"]
    assert (compaction["type"], message["type"]) == ("compaction", "message")
    passed = compaction["input_tokens"] + compaction["cache_creation_input_tokens"]
    assert passed > 50_000
    assert message["input_tokens"] < 1000
    assert message["cache_read_input_tokens"] > 0  # the marked system survives the compaction
    assert answer["usage"]["input_tokens"] == message["input_tokens"]
    (seen,) = emulator.requests
    assert seen.usage == Usage.of(answer["usage"])
    assert seen.usage is not None
    assert seen.usage.prompt > 50_000


def test_below_the_threshold_there_is_one_pass(a_body: Body, post: Any) -> None:
    """Nothing is summarised, and `iterations` has the one message pass."""
    _, answer = post(Emulator(["ok"]), a_body(context_management=edits(None)), AUTO)
    assert [entry["type"] for entry in answer["usage"]["iterations"]] == ["message"]
    assert answer["content"][0]["type"] == "text"


def test_a_pause_gives_the_block_alone(long: Body, post: Any) -> None:
    """`pause_after_compaction` stops with reason "compaction"; the script keeps its reply for the next call."""
    emulator = Emulator(["The answer."])
    body = long(context_management=edits(pause_after_compaction=True))
    _, paused = post(emulator, body, AUTO)
    assert paused["stop_reason"] == "compaction"
    assert [block["type"] for block in paused["content"]] == ["compaction"]
    assert paused["usage"]["input_tokens"] == 0
    body["messages"].append({"role": "assistant", "content": paused["content"]})
    _, answer = post(emulator, body, AUTO)
    assert answer["content"][0]["text"] == "The answer."


def test_what_stands_before_the_newest_block_is_ignored(long: Body, post: Any) -> None:
    """Keeping or dropping the summarised messages gives the same bill, and later thinking stays valid."""
    emulator = Emulator([reply(thinking("t"), "The answer."), "a", "b"])
    body = long()
    _, answer = post(emulator, body, AUTO)
    tail = [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": "Go on."}]
    _, kept = post(emulator, {**body, "messages": body["messages"] + tail}, AUTO)
    status, dropped = post(emulator, {**body, "messages": tail}, AUTO)
    assert status == 200, dropped
    assert Usage.of(kept["usage"]).prompt == Usage.of(dropped["usage"]).prompt < 20_000
    assert len(kept["usage"]["iterations"]) == 1


def test_the_stream_carries_the_summary_in_one_delta(long: Body) -> None:
    """The SDK's beta stream puts the block together and knows the iterations at the end."""
    client = Emulator(["The answer."]).client()
    body = long()
    with client.beta.messages.stream(betas=[AUTO], **body) as stream:
        deltas = [event.delta.type for event in stream if event.type == "content_block_delta"]
        final = stream.get_final_message()
    assert deltas[0] == "compaction_delta"
    assert final.content[0].type == "compaction"
    assert final.content[0].content
    assert final.context_management is not None


@pytest.mark.parametrize(
    ("fields", "betas", "words"),
    [
        ({}, (), "Extra inputs"),
        ({"context_management": edits(49_999)}, (AUTO,), "greater than or equal to 50000"),
        ({"model": "claude-haiku-4-5"}, (AUTO,), "not supported on this model"),
        ({"context_management": edits(pause=True)}, (AUTO,), "edits.0.pause: Extra inputs"),
    ],
)
def test_automatic_compaction_is_refused_where_the_api_refuses(
    a_body: Body, post: Any, fields: dict[str, Any], betas: tuple[str, ...], words: str
) -> None:
    """Missing header, threshold under 50,000, older models and unknown options are refused."""
    status, answer = post(Emulator(["ok"]), a_body(**{"context_management": edits(), **fields}), *betas)
    assert status == 400
    assert words in answer["error"]["message"]


def demand(**more: Any) -> dict[str, Any]:
    """The on-demand parameter."""
    return {"compaction": {"type": "summarize", **more}}


def test_on_demand_gives_one_signed_block(long: Body, post: Any) -> None:
    """The reply's text is the summary; top-level usage is 0 and the cost stands in `iterations`."""
    emulator = Emulator(["All that was said."])
    body = long(context_management=None, **demand())
    body["messages"].append({"role": "assistant", "content": "Done."})
    status, answer = post(emulator, body, NOW)
    assert status == 200, answer
    (block,) = answer["content"]
    assert (block["type"], block["content"], answer["stop_reason"]) == (
        "compaction",
        "All that was said.",
        "compaction",
    )
    assert block["signature"]
    assert Usage.of({**answer["usage"], "iterations": []}) == Usage()
    assert [entry["type"] for entry in answer["usage"]["iterations"]] == ["compaction"]


def test_the_kept_tail_keeps_its_thinking(a_body: Body, post: Any) -> None:
    """Thinking that was made after the summarised range stays valid behind the block (keep-recent-turns page)."""
    emulator = Emulator([reply(text("one")), reply(thinking("t"), "two"), "the summary", "three"])
    head = [{"role": "user", "content": "a"}]
    _, one = post(emulator, a_body(*head))
    head.append({"role": "assistant", "content": one["content"]})
    tail = [{"role": "user", "content": "b"}]
    _, two = post(emulator, a_body(*head, *tail))
    tail.append({"role": "assistant", "content": two["content"]})
    _, folded = post(emulator, a_body(*head, **demand()), NOW)
    block = {"role": "assistant", "content": folded["content"]}
    status, answer = post(emulator, a_body(block, *tail, "c"), NOW)
    assert status == 200, answer


def test_a_block_must_come_back_as_it_was(a_body: Body, post: Any) -> None:
    """Each way of sending a signed block wrongly has the API's own error code."""
    emulator = Emulator(lambda _: "the summary")
    block = post(emulator, a_body("a", **demand()), NOW)[1]["content"][0]
    first = {"role": "assistant", "content": [block]}

    def code(*messages: Any, betas: tuple[str, ...] = (NOW,)) -> str | None:
        status, answer = post(emulator, a_body(*messages), *betas)
        return None if status == 200 else answer["error"].get("details", {}).get("error_code", "")

    assert code(first, "b") is None
    assert code("b", first, "c") == "compaction_block_misplaced"
    assert code(first, "b", first, "c") == "compaction_block_ambiguous"
    assert code({"role": "assistant", "content": [{**block, "content": "other"}]}, "b") == "compaction_content_mismatch"
    assert code({"role": "assistant", "content": [{**block, "signature": "x"}]}, "b") == "compaction_signature_invalid"
    assert code(first, "b", betas=()) == ""


def test_an_open_call_cannot_be_summarised(a_body: Body) -> None:
    """The SDK raises its own error class for an unfinished turn."""
    client = Emulator(["s"]).client()
    call = {"role": "assistant", "content": [tool_use("read", id="t1")]}
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.beta.messages.create(betas=[NOW], **a_body("a", call), compaction={"type": "summarize"})
    assert caught.value.error_code == "compaction_incomplete_turn"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stop_sequences": ["x"]}, "stop_sequences"),
        ({"tool_choice": {"type": "any"}, "model": "claude-opus-5"}, "tool_choice"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format"),
        ({"context_management": {"edits": []}}, "context_management"),
        (demand(instructions="x" * 16_385), "16384 characters"),
        ({"compaction": {"type": "fold"}}, "summarize"),
        ({"compaction": []}, "summarize"),
    ],
)
def test_what_compaction_does_not_go_with(a_body: Body, post: Any, fields: dict[str, Any], words: str) -> None:
    """The combinations that its page excludes are refused."""
    tools = [{"name": "read", "input_schema": {"type": "object"}}]
    status, answer = post(Emulator(["s"]), a_body(**{**demand(), "tools": tools, **fields}), NOW, AUTO)
    assert status == 400
    assert words in answer["error"]["message"]


def test_a_summary_that_does_not_fit_fails_softly(a_body: Body, post: Any) -> None:
    """200 with no content and reason max_tokens, and it is billed all the same."""
    status, answer = post(Emulator([WORDS]), a_body(max_tokens=5, **demand()), NOW)
    assert (status, answer["content"], answer["stop_reason"]) == (200, [], "max_tokens")
    assert answer["usage"]["iterations"][0]["output_tokens"] == 5
