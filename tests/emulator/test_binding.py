"""Thinking stays with its conversation (preserved-thinking page; facts sheet 4.9)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from contextkit.emulator import Emulator, Options, redacted, reply, text, thinking, tool_use

Body = Callable[..., dict[str, Any]]
Edit = Callable[[dict[str, Any]], None]

CONTROLS = "thinking-binding-controls-2026-08-01"
BOUND = "Invalid `signature` in `thinking` block. The block is bound to a different conversation"
TOOLS = [
    {"name": "read", "description": "Read a file", "input_schema": {"type": "object", "properties": {}}},
    {"name": "list", "description": "List files", "input_schema": {"type": "object", "properties": {}}},
]


@pytest.fixture
def played(a_body: Body, post: Any) -> Callable[..., tuple[Emulator, dict[str, Any]]]:
    """A conversation of three turns with thinking in each, as the client would send it next."""

    def play(**options: Any) -> tuple[Emulator, dict[str, Any]]:
        lines = [
            reply(thinking(f"thought {number}"), text(f"answer {number}"), tool_use("read", {"a": 1, "b": 2}))
            for number in range(3)
        ]
        emulator = Emulator([*lines, *["ok"] * 5], options=Options(**options))
        body = a_body("Begin.", tools=TOOLS)
        for number in range(3):
            status, message = post(emulator, body)
            assert status == 200, message
            call = message["content"][-1]["id"]
            result = {"type": "tool_result", "tool_use_id": call, "content": f"result {number}"}
            body["messages"] = [
                *body["messages"],
                {"role": "assistant", "content": message["content"]},
                {"role": "user", "content": [result, {"type": "text", "text": "Go on."}]},
            ]
        return emulator, copy.deepcopy(body)

    return play


def thought(body: dict[str, Any], turn: int) -> dict[str, Any]:
    """The thinking block of a turn."""
    block: dict[str, Any] = body["messages"][1 + 2 * turn]["content"][0]
    assert block["type"] == "thinking"
    return block


def drop(*turns: int) -> Edit:
    """Remove the thinking of some turns."""

    def edit(body: dict[str, Any]) -> None:
        for turn in turns:
            assert body["messages"][1 + 2 * turn]["content"].pop(0)["type"] == "thinking"

    return edit


def reorder_tools(body: dict[str, Any]) -> None:
    """The other order of tools."""
    body["tools"] = body["tools"][::-1]


def move_marks(body: dict[str, Any]) -> None:
    """Another place for the mark."""
    del body["system"][0]["cache_control"]
    body["messages"][-1]["content"][-1]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}


def spell_otherwise(body: dict[str, Any]) -> None:
    """Other spellings of the same content: text as a block, keys in another order."""
    body["messages"][0]["content"] = [{"text": "Begin.", "type": "text"}]
    call = body["messages"][1]["content"][2]
    call["input"] = dict(reversed(call["input"].items()))
    body["system"] = [dict(reversed(block.items())) for block in body["system"]]


def defer_one_more(body: dict[str, Any]) -> None:
    """A deferred tool that nobody has referred to."""
    body["tools"] = [*body["tools"], {**TOOLS[0], "name": "rare", "defer_loading": True}]


def append(body: dict[str, Any]) -> None:
    """A longer conversation."""
    body["messages"] += [{"role": "assistant", "content": "Done."}, {"role": "user", "content": "Thanks."}]


@pytest.mark.parametrize(
    "edit",
    [
        lambda _: None,
        reorder_tools,
        move_marks,
        spell_otherwise,
        defer_one_more,
        append,
        drop(0),
        drop(0, 1),
        drop(2),
        drop(1, 2),
        drop(0, 1, 2),
    ],
)
def test_what_is_not_an_edit_is_accepted(played: Any, post: Any, edit: Edit) -> None:
    """Marks, tool order, spelling, deferred tools, appending, and a run of thinking gone at an end are no edits."""
    emulator, body = played()
    edit(body)
    status, answer = post(emulator, body)
    assert status == 200, answer


def trim_result(body: dict[str, Any]) -> None:
    """A shorter tool result in the past."""
    body["messages"][2]["content"][0]["content"] = "res"


def change_system(body: dict[str, Any]) -> None:
    """Another system prompt."""
    body["system"][0]["text"] += "."


def change_tool(body: dict[str, Any]) -> None:
    """Another description."""
    body["tools"] = [{**TOOLS[0], "description": "Reads"}, TOOLS[1]]


def fold_the_head(body: dict[str, Any]) -> None:
    """A summary in place of the first turn, with later thinking kept."""
    body["messages"] = [{"role": "user", "content": "Summary: begun."}, *body["messages"][3:]]


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (trim_result, "messages.3.content.0"),
        (change_system, "messages.1.content.0"),
        (change_tool, "messages.1.content.0"),
        (fold_the_head, "messages.1.content.0"),
        (drop(1), "messages.5.content.0"),
    ],
)
def test_an_edit_before_thinking_is_refused(played: Any, post: Any, edit: Edit, where: str) -> None:
    """The first block that no longer fits is named in the API's own words, and nothing is billed."""
    emulator, body = played()
    edit(body)
    status, answer = post(emulator, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert answer["error"]["message"].startswith(f"{where}: {BOUND}")
    assert emulator.requests[-1].bill is None


def test_thinking_that_was_left_out_cannot_come_back(a_body: Body, post: Any) -> None:
    """A block that was made without its predecessor does not stand behind it later."""
    emulator = Emulator([reply(thinking("one"), "1"), reply(thinking("two"), "2"), "3"])
    _, first = post(emulator, a_body("a"))
    without = [{"role": "assistant", "content": first["content"][1:]}, {"role": "user", "content": "b"}]
    _, second = post(emulator, a_body("a", *without))
    tail = [{"role": "assistant", "content": second["content"]}, {"role": "user", "content": "c"}]
    back = [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": "b"}]
    status, answer = post(emulator, a_body("a", *back, *tail))
    assert status == 400
    assert BOUND in answer["error"]["message"]
    assert post(emulator, a_body("a", *without, *tail))[0] == 200


def test_drop_block_drops_and_reports(played: Any, post: Any) -> None:
    """With the control, blocks that no longer fit are left out of the prompt, unbilled, and reported."""
    emulator, body = played()
    whole = post(emulator, body)[1]["usage"]
    trim_result(body)
    body["thinking"] = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    status, answer = post(emulator, body, CONTROLS)
    assert status == 200, answer
    assert answer["input_transformations"] == [
        {"type": "thinking_dropped", "path": f"messages.{index}.content.0", "reason": "prefix_binding_mismatch"}
        for index in (3, 5)
    ]
    assert total(answer["usage"]) < total(whole)


def total(usage: dict[str, Any]) -> int:
    """The whole prompt."""
    return int(usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"])


def test_the_control_needs_its_header_and_adaptive_thinking(a_body: Body, post: Any) -> None:
    """Without the beta header the field is unknown; with other thinking it is refused."""
    emulator = Emulator(["ok"])
    control = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    adaptive = a_body(thinking={"type": "adaptive", **control})
    assert "Extra inputs" in post(emulator, adaptive)[1]["error"]["message"]
    disabled = a_body(model="claude-opus-5", thinking={"type": "disabled", **control})
    assert "adaptive" in post(emulator, disabled, CONTROLS)[1]["error"]["message"]
    assert post(emulator, adaptive, CONTROLS)[1]["input_transformations"] == []


def test_older_accounts_are_told_only(played: Any, post: Any) -> None:
    """Where the check is not enforced the block is shown all the same, and the report says so."""
    emulator, body = played(binding="allow")
    trim_result(body)
    status, answer = post(emulator, body, CONTROLS)
    assert status == 200
    assert {entry["type"] for entry in answer["input_transformations"]} == {"thinking_mismatch_allowed"}


def test_models_that_do_not_bind_take_any_history(played: Any, post: Any) -> None:
    """On Opus 4.8 an edited past is accepted."""
    emulator, body = played()
    trim_result(body)
    assert post(emulator, {**body, "model": "claude-opus-4-8"})[0] == 200


def test_thinking_that_a_model_cannot_read_is_dropped(played: Any, post: Any) -> None:
    """Fable's thinking is invisible to Opus 5.5: dropped without an error, and not billed."""
    emulator, body = played()
    status, answer = post(emulator, {**body, "model": "claude-fable-5-1"}, CONTROLS)
    assert status == 200  # Fable reads Opus
    assert answer["input_transformations"] == []
    other = Emulator([reply(thinking("a long thought " * 30), "x"), "y", "z"])
    _, made = post(other, {**body, "model": "claude-fable-5-2", "messages": body["messages"][:1]})
    follow = [*body["messages"][:1], {"role": "assistant", "content": made["content"]}, body["messages"][0]]
    status, answer = post(other, {**body, "messages": follow}, CONTROLS)
    assert status == 200
    assert [entry["reason"] for entry in answer["input_transformations"]] == ["model_binding_mismatch"]
    del follow[1]["content"][0]
    assert total(answer["usage"]) == total(post(other, {**body, "messages": follow})[1]["usage"])


def test_a_modified_block_is_refused_everywhere(played: Any, post: Any, a_body: Body) -> None:
    """Changed words break the signature; in a running tool loop the API has its own text for it."""
    emulator, body = played()
    thought(body, 1)["thinking"] = "other words"
    assert "messages.3.content.0: Invalid `signature`" in post(emulator, body)[1]["error"]["message"]
    loop = Emulator([reply(thinking("t"), tool_use("read")), "ok"])
    opened = a_body(tools=TOOLS, model="claude-opus-4-8")
    _, made = post(loop, opened)
    result = {"type": "tool_result", "tool_use_id": made["content"][1]["id"], "content": "r"}
    made["content"][0]["thinking"] = "changed"
    answers = [{"role": "assistant", "content": made["content"]}, {"role": "user", "content": [result]}]
    _, answer = post(loop, {**opened, "messages": opened["messages"] + answers})
    assert "blocks in the latest assistant message cannot be modified" in answer["error"]["message"]
    del answers[0]["content"][0]
    assert post(loop, {**opened, "messages": opened["messages"] + answers})[0] == 200  # removed is not modified


@pytest.mark.parametrize("signature", ["EqQBCkYICBgC", "emu1.AAAA", "emu1.%%%", "emu1." + "A" * 60, "emu1.é"])
def test_foreign_signatures_follow_the_switch(a_body: Body, post: Any, signature: str) -> None:
    """Thinking that was not made here is accepted by default, and refused where the test wants it."""
    foreign = {"role": "assistant", "content": [thinking("t", signature=signature), redacted("xx"), text("a")]}
    body = a_body("a", foreign, "b")
    assert post(Emulator(["ok"]), body)[0] == 200
    strict = Emulator(["ok"], options=Options(foreign_signatures="refuse"))
    assert "messages.1.content.0: Invalid `signature`" in post(strict, body)[1]["error"]["message"]


def test_count_tokens_runs_the_same_check(played: Any, post: Any) -> None:
    """A history that `messages` would refuse is refused when it is counted."""
    emulator, body = played()
    trim_result(body)
    del body["max_tokens"]
    assert post(emulator, body, path="/v1/messages/count_tokens")[0] == 400
