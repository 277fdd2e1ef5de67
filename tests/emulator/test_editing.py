"""Context editing on the server (context-editing page)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contextkit.emulator import Emulator, Options, reply, text, thinking

Body = Callable[..., dict[str, Any]]

EDITING = "context-management-2025-06-27"
USES = "clear_tool_uses_20250919"
THOUGHTS = "clear_thinking_20251015"
OUTPUT = "a long tool output " * 100


@pytest.fixture
def worked(a_body: Body) -> Callable[..., dict[str, Any]]:
    """A request whose history holds five tool calls of two tools, and some edits to apply."""

    def build(*edits: dict[str, Any], **fields: Any) -> dict[str, Any]:
        messages: list[dict[str, Any]] = [{"role": "user", "content": "Begin."}]
        for at in range(5):
            name = "read" if at % 2 == 0 else "list"
            call = {"type": "tool_use", "id": f"t{at}", "name": name, "input": {"path": f"file {at}"}}
            result = {"type": "tool_result", "tool_use_id": f"t{at}", "content": f"{at} {OUTPUT}"}
            messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("read", "list")]
        return a_body(*messages, tools=tools, context_management={"edits": list(edits)}, **fields)

    return build


def low(**options: Any) -> dict[str, Any]:
    """The tool-use edit with a trigger that is reached at once."""
    return {"type": USES, "trigger": {"type": "input_tokens", "value": 100}, **options}


def prompt(answer: dict[str, Any]) -> int:
    """Prompt tokens of a response."""
    usage = answer["usage"]
    return int(usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"])


def test_old_results_are_cleared_and_reported(worked: Body, post: Any) -> None:
    """All but the newest three pairs lose their results; the report and the bill agree on how much went."""
    emulator = Emulator(lambda _: "ok")
    _, whole = post(emulator, worked(), EDITING)
    _, edited = post(emulator, worked(low()), EDITING)
    (report,) = edited["context_management"]["applied_edits"]
    assert whole["context_management"] == {"applied_edits": []}
    assert (report["type"], report["cleared_tool_uses"]) == (USES, 2)
    assert abs(prompt(whole) - prompt(edited) - report["cleared_input_tokens"]) <= 2
    assert report["cleared_input_tokens"] > 500


def test_below_the_trigger_nothing_happens(worked: Body, post: Any) -> None:
    """The default trigger is 100,000 input tokens; a count of tool uses may be the trigger instead."""
    emulator = Emulator(lambda _: "ok")
    assert post(emulator, worked({"type": USES}), EDITING)[1]["context_management"]["applied_edits"] == []
    for value, applied in ((5, 0), (4, 1)):
        edit = {"type": USES, "trigger": {"type": "tool_uses", "value": value}}
        assert len(post(emulator, worked(edit), EDITING)[1]["context_management"]["applied_edits"]) == applied


@pytest.mark.parametrize(
    ("options", "cleared"),
    [
        ({"keep": {"type": "tool_uses", "value": 0}}, 5),
        ({"keep": {"type": "tool_uses", "value": 9}}, None),
        ({"keep": {"type": "tool_uses", "value": 1}, "exclude_tools": ["read"]}, 2),
        ({"clear_at_least": {"type": "input_tokens", "value": 100}}, 2),
        ({"clear_at_least": {"type": "input_tokens", "value": 50_000}}, None),
    ],
)
def test_the_options_are_honoured(worked: Body, post: Any, options: dict[str, Any], cleared: int | None) -> None:
    """Pairs to keep, tools to leave alone, and the least that must go, each have their effect."""
    _, answer = post(Emulator(["ok"]), worked(low(**options)), EDITING)
    counts = [report["cleared_tool_uses"] for report in answer["context_management"]["applied_edits"]]
    assert counts == ([] if cleared is None else [cleared])


def test_inputs_go_only_when_asked(worked: Body, post: Any) -> None:
    """`clear_tool_inputs` takes the arguments of cleared calls too, of all or of named tools."""
    emulator = Emulator(lambda _: "ok")
    gone = []
    for inputs in (False, ["list"], True):
        edit = low(clear_tool_inputs=inputs, keep={"type": "tool_uses", "value": 0})
        report = post(emulator, worked(edit), EDITING)[1]["context_management"]["applied_edits"][0]
        gone.append(report["cleared_input_tokens"])
    assert gone[0] < gone[1] < gone[2]


def test_clearing_breaks_the_cache_where_it_cleared(worked: Body, post: Any) -> None:
    """What stands before the first cleared result is still read, and nothing after it."""
    emulator = Emulator(lambda _: "ok")
    marked = {"cache_control": {"type": "ephemeral"}}
    _, first = post(emulator, worked(**marked), EDITING)
    _, again = post(emulator, worked(**marked), EDITING)
    _, edited = post(emulator, worked(low(), **marked), EDITING)
    head = post(emulator, worked(messages=[{"role": "user", "content": "x"}]), EDITING)[1]["usage"]
    assert again["usage"]["cache_read_input_tokens"] == first["usage"]["cache_creation_input_tokens"]
    assert edited["usage"]["cache_read_input_tokens"] == head["cache_read_input_tokens"]  # tools and system


def test_counting_gives_both_figures(worked: Body, post: Any) -> None:
    """`count_tokens` applies the edits and tells the original count beside."""
    body = worked(low())
    del body["max_tokens"]
    _, answer = post(Emulator(), body, EDITING, path="/v1/messages/count_tokens")
    assert answer["context_management"]["original_input_tokens"] > answer["input_tokens"]


def test_old_thinking_is_cleared_by_turns(a_body: Body, post: Any) -> None:
    """The newest turns keep their thinking; a tool loop is one turn; "all" keeps everything."""
    emulator = Emulator(lambda _: reply(thinking("a thought of some length " * 20), text("answer")))
    body = a_body("Begin.")
    for _ in range(3):
        content = post(emulator, body)[1]["content"]
        body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": "More."}]

    def cleared(**options: Any) -> list[int]:
        body["context_management"] = {"edits": [{"type": THOUGHTS, **options}]}
        applied = post(emulator, body, EDITING)[1]["context_management"]["applied_edits"]
        return [report["cleared_thinking_turns"] for report in applied]

    assert cleared(keep={"type": "thinking_turns", "value": 1}) == [2]
    assert cleared(keep={"type": "thinking_turns", "value": 3}) == []
    assert cleared(keep="all") == []
    assert cleared() == []  # the default of a model that keeps its thinking
    body["model"] = "claude-haiku-4-5"
    assert cleared() == [2]  # and of one that keeps the last turn's


@pytest.mark.parametrize(
    ("config", "betas", "text_"),
    [
        ({"edits": []}, (), "context_management: Extra inputs are not permitted"),
        ({"edits": [{"type": USES}]}, ("compact-2026-01-12",), "does not match any of the expected tags"),
        ({"edits": [{"type": "clear_everything"}]}, (EDITING,), "Input tag 'clear_everything'"),
        ({"edits": [{"type": USES, "kepp": 3}]}, (EDITING,), "edits.0.kepp: Extra inputs"),
        ({"edits": [{"type": USES, "keep": 3}]}, (EDITING,), "edits.0.keep"),
        ({"edits": [{"type": USES}, {"type": THOUGHTS}]}, (EDITING,), "must be the first edit"),
        ({"edits": [{"type": THOUGHTS, "keep": {"type": "thinking_turns", "value": 0}}]}, (EDITING,), "keep"),
        ({"edits": {"type": USES}}, (EDITING,), "valid list"),
        ("all", (EDITING,), "context_management"),
        ({"edits": [3]}, (EDITING,), "edits.0"),
    ],
)
def test_what_is_not_known_is_refused(worked: Body, post: Any, config: Any, betas: tuple[str, ...], text_: str) -> None:
    """No option, edit or missing header is ignored."""
    status, answer = post(Emulator(["ok"]), {**worked(), "context_management": config}, *betas)
    assert status == 400
    assert text_ in answer["error"]["message"]


def test_editing_leaves_thinking_valid(worked: Body, post: Any) -> None:
    """Editing by the server is no edit of the conversation: later thinking stays valid (preserved-thinking page)."""
    emulator = Emulator([reply(thinking("t"), "ok"), "ok"], options=Options())
    body = worked(low())
    _, made = post(emulator, body, EDITING)
    body["messages"] += [{"role": "assistant", "content": made["content"]}, {"role": "user", "content": "More."}]
    assert post(emulator, body, EDITING)[0] == 200
