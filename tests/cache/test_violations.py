"""Every cause once with a realistic pair of requests, and its silent twin: the harmless spelling of the same change."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.api.usage import Usage
from contextkit.cache.sent import Sent, remember
from contextkit.cache.spell import spell
from contextkit.cache.violations import Finding, Violation, check

if TYPE_CHECKING:
    from collections.abc import Callable

Body = dict[str, Any]

MARK = {"type": "ephemeral"}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}


def a_tool(name: str, **schema: Any) -> Body:
    """A tool definition."""
    properties = {"path": {"type": "string"}, "limit": {"type": "integer"}, **schema}
    return {
        "name": name,
        "description": f"{name}: " + "reads and writes. " * 20,
        "input_schema": {"type": "object", "properties": properties},
    }


def a_body(**changes: Any) -> Body:
    """A request in the middle of an agent's work, marked at its end."""
    body: Body = {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "tools": [a_tool("read"), a_tool("write"), a_tool("bash")],
        "system": [{"type": "text", "text": "You are a careful engineer. " * 100}],
        "messages": [
            {"role": "user", "content": "Find the bug in the parser. " * 20},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look at it."},
                    {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "src/parser.py", "limit": 200}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "def parse():\n" * 99}],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "It is in line 40."}]},
            {"role": "user", "content": [{"type": "text", "text": "Fix it.", "cache_control": MARK}]},
        ],
    }
    return {**body, **changes}


def next_turn(body: Body) -> Body:
    """The request that follows when everything goes well: the mark has moved to the new end."""
    body = deepcopy(body)
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            block.pop("cache_control", None)
    body["messages"] += [
        {"role": "assistant", "content": [{"type": "text", "text": "Done."}]},
        {"role": "user", "content": [{"type": "text", "text": "Thanks. Now the tests.", "cache_control": MARK}]},
    ]
    return body


def sent(body: Body, *, at: float = 0.0, cached: int = 9000, betas: tuple[str, ...] = ()) -> Sent:
    """The request as it is remembered when it was billed with so many cached tokens."""
    made = Sent(spell(body, betas))
    after = remember(None, made.spelled, at, Usage(write_5m=cached))
    after.kept = texts(after, body)
    return after


def texts(after: Sent, body: Body) -> list[Any]:
    """What windows are made from."""
    from contextkit.cache.texts import texts_of  # noqa: PLC0415  (only this builder needs it)

    return texts_of(None, after.spelled, body)


def found(first: Body, second: Body, *, at: float = 60.0, betas: tuple[str, ...] = (), **options: Any) -> Finding:
    """What the second request breaks of what the first has cached."""
    return check(sent(first), spell(second, betas), second, at, **options)


def changed(**values: Any) -> Callable[[Body], Body]:
    """The next turn with other parameters."""
    return lambda body: {**next_turn(body), **values}


def edited(edit: Callable[[Body], object]) -> Callable[[Body], Body]:
    """The next turn after something was done to it."""

    def make(body: Body) -> Body:
        body = next_turn(body)
        edit(body)
        return body

    return make


def no_marks(body: Body) -> None:
    """Take every mark off."""
    del body["messages"][-1]["content"][0]["cache_control"]


def many_blocks(body: Body) -> None:
    """Let the assistant say forty things, so that the new mark is far from the old one."""
    body["messages"][-2]["content"] = [{"type": "text", "text": f"Step {n}."} for n in range(40)]


def shorter_result(body: Body) -> None:
    """Trim a tool result that was sent in full before."""
    body["messages"][2]["content"][0]["content"] = "def parse():\n" * 9 + "[cut]"


CASES: list[tuple[str, str, Callable[[Body], Body], str]] = [
    ("tools_changed", "caller", edited(lambda b: b["tools"].__setitem__(1, a_tool("write", mode={}))), "write"),
    ("tools_changed", "caller", edited(lambda b: b["tools"].append(a_tool("grep"))), "grep (added)"),
    ("tools_changed", "caller", edited(lambda b: b["tools"].pop(0)), "read (removed)"),
    ("tools_reordered", "caller", edited(lambda b: b["tools"].reverse()), "bash"),
    ("system_changed", "caller", edited(lambda b: b["system"][0].update(text="It is 12:01. " * 200)), "/system/0/text"),
    ("model_changed", "caller", changed(model="claude-sonnet-5-5"), "model"),
    ("speed_changed", "caller", changed(speed="fast"), "speed"),
    ("thinking_changed", "caller", changed(thinking={"type": "adaptive"}), "thinking"),
    ("effort_changed", "caller", changed(output_config={"effort": "low"}), "output_config.effort"),
    ("format_changed", "caller", changed(output_config={"format": {"type": "json_schema"}}), "output_config.format"),
    ("tool_choice_changed", "caller", changed(tool_choice={"type": "tool", "name": "bash"}), "tool_choice"),
    ("tool_choice_changed", "caller", changed(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
     "disable_parallel_tool_use"),
    ("images_changed", "caller", edited(lambda b: b["messages"][-1]["content"].insert(0, PNG)), "messages"),
    ("web_tools_changed", "caller",
     edited(lambda b: b["tools"].append({"type": "web_search_20250305", "name": "web_search"})), "tools"),
    ("context_management_changed", "caller", changed(context_management={"edits": []}), "context_management"),
    ("message_changed", "caller", edited(shorter_result), "/messages/2/content/0/content/0/text"),
    ("message_changed", "caller", edited(lambda b: b["messages"][1]["content"][1]["input"].update(path="src/lexer.py")),
     "/messages/1/content/1/input/path"),
    ("message_removed", "caller", edited(lambda b: b["messages"].__delitem__(slice(0, 2))), "/messages/0"),
    ("message_inserted", "caller", edited(lambda b: b["messages"][0].update(
        content=[{"type": "text", "text": "Today is Sunday."}, {"type": "text", "text": b["messages"][0]["content"]}])),
     "/messages/0/content/0"),
    ("mark_lost", "caller", edited(no_marks), "cache_control"),
    ("out_of_reach", "caller", edited(many_blocks), "41 positions later"),
    ("compaction", "planned", edited(lambda b: b["messages"].insert(
        0, {"role": "assistant", "content": [{"type": "compaction", "content": "All so far: ..."}]})), "/messages/0"),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "blame", "change", "where"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES])
def test_a_change_before_the_last_mark_is_named(
    cause: str, blame: str, change: Callable[[Body], Body], where: str
) -> None:
    """A request that changes what was cached is reported with its cause, its place and whose doing it is."""
    body = a_body()
    violations = found(body, change(body)).violations
    assert [violation.cause for violation in violations] == [cause]
    assert violations[0].blame == blame
    assert where in violations[0].where
    assert 0 < violations[0].tokens <= 9000


def reordered_keys(body: Body) -> None:
    """Spell the blocks with their keys in another order."""
    for message in body["messages"]:
        if isinstance(message["content"], list):
            message["content"] = [dict(reversed(block.items())) for block in message["content"]]
    body["tools"] = [dict(reversed(tool.items())) for tool in body["tools"]]


def spelled_out(body: Body) -> None:
    """Spell text as a block, results as a list, and give empty fields."""
    body["messages"][0]["content"] = [{"type": "text", "text": body["messages"][0]["content"], "citations": None}]
    result = body["messages"][2]["content"][0]
    result["content"] = [{"type": "text", "text": result["content"]}]
    body["messages"][1]["content"][0]["citations"] = None
    body["system"] = body["system"][0]["text"]


def automatic(body: Body) -> None:
    """Let the API place the mark."""
    no_marks(body)
    body["cache_control"] = MARK


TWINS: list[tuple[str, Callable[[Body], Body]]] = [
    ("the mark moved", next_turn),
    ("keys in another order", edited(reordered_keys)),
    ("other spellings", edited(spelled_out)),
    ("automatic mark", edited(automatic)),
    ("a mark with a lifetime", edited(lambda b: b["messages"][-1]["content"][0].update(
        cache_control={"type": "ephemeral", "ttl": "1h"}))),
    ("a deferred tool", edited(lambda b: b["tools"].append({**a_tool("grep"), "defer_loading": True}))),
    ("another output bound", changed(max_tokens=2000)),
    ("stop sequences", changed(stop_sequences=["END"])),
    ("metadata", changed(metadata={"user_id": "u1"})),
    ("the model's own effort", changed(output_config={"effort": "medium"})),
    ("standard speed", changed(speed="standard")),
    ("tool choice auto", changed(tool_choice={"type": "auto"})),
    ("another spelling of the model", changed(model="anthropic/claude-opus-5-5")),
    ("no betas", changed(stream=True)),
    ("thirty parallel calls", edited(lambda b: b["messages"][-2].update(content=[
        {"type": "tool_use", "id": f"p{n}", "name": "bash", "input": {}} for n in range(30)]))),
    ("asked again", lambda body: body),
    ("less of it", lambda body: {**body, "messages": body["messages"][:1]}),
]  # fmt: skip


@pytest.mark.parametrize("change", [twin[1] for twin in TWINS], ids=[twin[0] for twin in TWINS])
def test_a_harmless_change_is_silent(change: Callable[[Body], Body]) -> None:
    """What the API does not hash, and what only adds, is no violation."""
    body = a_body()
    finding = found(body, change(body))
    assert finding.violations == []


def test_only_what_lies_before_the_last_mark_can_break() -> None:
    """A change behind the last mark costs nothing and is not reported."""
    body = a_body()
    body["messages"][0]["content"] = [{"type": "text", "text": "Find the bug. " * 50, "cache_control": MARK}]
    del body["messages"][-1]["content"][0]["cache_control"]
    assert found(body, edited(shorter_result)(body)).violations == []


def test_a_mark_in_system_survives_what_only_loses_the_messages() -> None:
    """With marks on system alone, a change of tool_choice loses nothing."""
    body = a_body()
    del body["messages"][-1]["content"][0]["cache_control"]
    body["system"][0]["cache_control"] = MARK
    later = {**deepcopy(body), "tool_choice": {"type": "any"}}
    assert found(body, later).violations == []


def test_a_change_loses_only_what_follows_it() -> None:
    """With a mark on system, a changed message loses the tokens behind system, not all."""
    body = a_body()
    body["system"][0]["cache_control"] = MARK
    violation = found(body, edited(shorter_result)(body)).violations[0]
    whole = found(a_body(), edited(shorter_result)(a_body())).violations[0]
    assert 0 < violation.tokens < whole.tokens == 9000


def test_the_order_of_keys_in_a_call_counts() -> None:
    """The server hashes a tool call's input with its keys in order, so another order is a change."""
    body = a_body()
    later = next_turn(body)
    call = later["messages"][1]["content"][1]
    call["input"] = dict(reversed(call["input"].items()))
    assert [violation.cause for violation in found(body, later).violations] == ["message_changed"]


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (1, True), (-1, -2), ("1", 1), (None, "None")])
def test_values_of_another_type_are_another_request(old: Any, new: Any) -> None:
    """Values that Python calls equal, or hashes alike, are told apart."""
    first, second = a_body(), next_turn(a_body())
    first["messages"][1]["content"][1]["input"]["limit"] = old
    second["messages"][1]["content"][1]["input"]["limit"] = new
    assert [violation.cause for violation in found(first, second).violations] == ["message_changed"]


def test_betas_are_part_of_the_prompt() -> None:
    """Another set of anthropic-beta values is named; the same set in another order is silent."""
    body = a_body()
    first = sent(body, betas=("a-2026", "b-2026"))
    later = next_turn(body)
    assert check(first, spell(later, ("b-2026", "a-2026")), later, 60).violations == []
    causes = [violation.cause for violation in check(first, spell(later, ("a-2026",)), later, 60).violations]
    assert causes == ["betas_changed"]


def test_time_is_a_cause_of_its_own() -> None:
    """After its lifetime an entry is expired; that is nobody's fault."""
    body = a_body()
    violation = found(body, next_turn(body), at=301.0).violations[0]
    assert (violation.cause, violation.blame, violation.tokens) == ("expired", "expected", 9000)
    assert found(body, next_turn(body), at=299.0).violations == []


def test_what_was_expired_anyway_costs_the_change_nothing() -> None:
    """A change after the lifetime is still shown, but the tokens go to the time."""
    body = a_body()
    violations = found(body, edited(shorter_result)(body), at=400.0).violations
    assert [(violation.cause, violation.tokens) for violation in violations] == [
        ("expired", 9000), ("message_changed", 0)
    ]  # fmt: skip


def test_several_causes_share_one_loss() -> None:
    """The earliest effect carries the tokens, so that sums over violations are not counted twice."""
    body = a_body()
    later = edited(shorter_result)(body)
    later["tools"].reverse()
    violations = found(body, later).violations
    assert [(violation.cause, violation.tokens > 0) for violation in violations] == [
        ("tools_reordered", True), ("message_changed", False)
    ]  # fmt: skip


def test_a_planned_compaction_is_not_the_callers_fault() -> None:
    """When a change of the history was planned, it is reported under its plan."""
    body = a_body()
    later = next_turn(body)
    later["messages"][:3] = [{"role": "user", "content": "Summary: the bug is in line 40."}]
    violation = found(body, later, planned="compaction").violations[0]
    assert (violation.cause, violation.blame) == ("compaction", "planned")


def test_thinking_that_the_api_drops_is_expected() -> None:
    """On models that drop earlier thinking, a new user turn loses the cache from its first block on."""
    body = a_body(model="claude-haiku-4-5")
    body["messages"][1]["content"].insert(0, {"type": "thinking", "thinking": "Hm.", "signature": "s"})
    body["messages"] = body["messages"][:3]
    body["messages"][2]["content"][0]["cache_control"] = MARK
    violation = found(body, next_turn(body)).violations[0]
    assert (violation.cause, violation.blame) == ("thinking_stripped", "expected")
    kept = {**body, "model": "claude-opus-5-5"}
    assert found(kept, next_turn(kept)).violations == []


def test_a_question_on_the_side_does_not_break_the_conversation() -> None:
    """A request that went off with one more user message is another branch; going on from before it is no change."""
    body = a_body()
    aside = deepcopy(body)
    aside["messages"][-1]["content"].append({"type": "text", "text": "By the way, summarise all this."})
    assert found(aside, next_turn(body)).violations == []


def test_a_window_shows_the_place_and_not_the_rest() -> None:
    """The report shows at most 80 characters on either side, and the byte where the difference begins."""
    body, later = a_body(), next_turn(a_body())
    body["system"][0]["text"] = "x" * 5000 + "The time is 12:00." + "y" * 5000
    later["system"][0]["text"] = "x" * 5000 + "The time is 12:01." + "y" * 5000
    violation = found(body, later).violations[0]
    assert violation.offset == 5016
    assert "12:00" in violation.before
    assert "12:01" in violation.after
    assert max(len(violation.before), len(violation.after)) <= 80


def test_redact_shows_lengths_only() -> None:
    """With redact no character of the content is in the report."""
    body, later = a_body(), next_turn(a_body())
    body["system"][0]["text"], later["system"][0]["text"] = "secret-one " * 300, "secret-two " * 300
    violation = found(body, later, redact=True).violations[0]
    assert "secret" not in str(violation) + json.dumps(violation.as_dict())
    assert (violation.before, violation.after) == ("3300 bytes", "3300 bytes")


def test_without_kept_text_the_place_is_still_named() -> None:
    """When the earlier text was not kept, the pointer and the new window remain."""
    body = a_body()
    before = sent(body)
    before.kept = []
    later = edited(shorter_result)(body)
    violation = check(before, spell(later), later, 60).violations[0]
    assert violation.where.startswith("/messages/2/content/0")
    assert (violation.offset, violation.before) == (None, "")
    assert "def parse" in violation.after


def test_nothing_cached_means_nothing_lost() -> None:
    """When the earlier request cached nothing, no change of it is a violation."""
    body = a_body()
    before = sent(body, cached=0)
    later = edited(shorter_result)(body)
    assert check(before, spell(later), later, 60).violations == []


def test_a_violation_reads_as_one_line() -> None:
    """`str()` says what happened, where, what it cost, whose fault it was and how sure that is, in one line."""
    violation = Violation(
        "tools_changed", "caller", "write", 12, "old", "new", 4100, 0.0123, confirmed=True, diagnosis="tools_changed"
    )
    text = str(violation)
    assert "\n" not in text
    for part in (
        "tools changed",
        "write",
        "byte 12",
        "'old'",
        "'new'",
        "4,100 tokens",
        "$0.0123",
        "caller",
        "confirms",
    ):
        assert part in text
