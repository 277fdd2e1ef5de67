"""Logs of requests: what never broke is no finding, and every break stands at its request and place."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.lint.requests import Billed, Break, examine
from tests.lint.requests.logs import (
    HOUR,
    MARK,
    SYSTEM,
    TOOLS,
    Body,
    a_body,
    a_log,
    a_result,
    encoded,
    found,
    marked_by_hand,
    told,
)


def as_text_blocks(body: Body) -> Body:
    """The same request in the other spelling: text as a list of blocks, keys of a block in another order."""
    made = deepcopy(body)
    made["system"] = [{"text": body["system"], "type": "text"}]
    for message in made["messages"]:
        if isinstance(message["content"], str):
            message["content"] = [{"text": message["content"], "type": "text"}]
        for block in message["content"]:
            if block["type"] == "tool_result":
                block["content"] = [{"type": "text", "text": block["content"]}]
    return made


HEALTHY: dict[str, list[Body]] = {
    "automatic marks": [a_body(n) for n in range(1, 8)],
    "marks moved by hand": [marked_by_hand(a_body(n)) for n in range(1, 8)],
    "spelled now so, now so": [as_text_blocks(a_body(n)) if n % 2 else a_body(n) for n in range(1, 8)],
    "a question asked on the side": [
        a_body(3),
        a_body(
            3,
            messages=[
                *a_body(3)["messages"],
                {"role": "assistant", "content": "All read."},
                {"role": "user", "content": "A title for this, please."},
            ],
        ),
        a_body(4),
    ],
    "a retry of the same request": [a_body(2), a_body(2), a_body(3)],
    "settings that are no part of the prompt": [
        a_body(1, max_tokens=5, stream=True),
        a_body(2, max_tokens=9, temperature=0.2),
        a_body(3, metadata={"user_id": "7"}, stop_sequences=["END"]),
    ],
    "dates and uuids that never change": [
        a_body(n, system=SYSTEM + "Now: 2026-11-22T12:00:00Z, 6f1c2c1e-8d4e-4d4e-9a51-0a4f6f3a1c11.") for n in (1, 2, 3)
    ],
    "two agents in turns": [a_body(n, first=f"Task of agent {k}.", who=k) for n in range(1, 5) for k in (1, 2)],
    "a model of its own for a side task": [a_body(1), a_body(0, "Name it.", model="haiku", tools=None), a_body(2)],
}


@pytest.mark.parametrize("billed", [True, False], ids=["billed", "unbilled"])
@pytest.mark.parametrize("bodies", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_log_is_silent(bodies: list[Body], billed: bool) -> None:
    """A conversation that only grows gives no finding, however its requests are spelled and marked."""
    assert found(a_log(bodies, billed=billed)) == []


def without(body: Body, start: int, stop: int) -> Body:
    """The body without messages `start` to `stop`."""
    return {**body, "messages": [*body["messages"][:start], *body["messages"][stop:]]}


def replaced(body: Body, at: int, message: Body) -> Body:
    """The body with one message in the place of another."""
    return {**body, "messages": [*body["messages"][:at], message, *body["messages"][at + 1 :]]}


def summed_up(text: str, turns: int, kept: int = 2) -> Body:
    """A request whose history begins with a summary."""
    full = a_body(turns)["messages"]
    return a_body(0, messages=[{"role": "user", "content": text}, *full[-2 * kept :]])


LATE = a_body(9)["messages"]
BREAKS: dict[str, tuple[list[Body], tuple[str, int, str]]] = {
    "system string": ([a_body(1), a_body(2, system=SYSTEM + "12:01")], ("CK310", 1, "/system")),
    "system block": (
        [
            a_body(1, system=[{"type": "text", "text": "Be brief."}, {"type": "text", "text": SYSTEM}]),
            a_body(2, system=[{"type": "text", "text": "Be brief."}, {"type": "text", "text": "At 7." + SYSTEM}]),
        ],
        ("CK310", 1, "/system/1/text"),
    ),
    "tool description": (
        [a_body(1), a_body(2, tools=[TOOLS[0], {**TOOLS[1], "description": "Edits 5 files."}, TOOLS[2]])],
        ("CK311", 1, "/tools/1/description"),
    ),
    "tool added": ([a_body(1), a_body(2, tools=[*TOOLS, {**TOOLS[0], "name": "web"}])], ("CK311", 1, "/tools/3")),
    "tools in another order": ([a_body(1), a_body(2, tools=TOOLS[::-1])], ("CK312", 1, "/tools/0")),
    "model": ([a_body(1), a_body(2, model="claude-sonnet-5-5")], ("CK313", 1, "/model")),
    "thinking": ([a_body(1), a_body(2, thinking={"type": "adaptive"})], ("CK314", 1, "/thinking")),
    "effort": ([a_body(1), a_body(2, output_config={"effort": "low"})], ("CK314", 1, "/output_config/effort")),
    "tool choice": ([a_body(1), a_body(2, tool_choice={"type": "none"})], ("CK314", 1, "/tool_choice")),
    "an early message": (
        [a_body(3), replaced(a_body(4), 0, {"role": "user", "content": "Find the bug in the lexer."})],
        ("CK315", 1, "/messages/0/content"),
    ),
    "a clock in the only message": (
        [a_body(0, "At 12:01: " + SYSTEM), a_body(1, "At 12:02: " + SYSTEM)],
        ("CK315", 1, "/messages/0/content"),
    ),
    "a call's input": (
        [
            a_body(3),
            replaced(
                a_body(4),
                3,
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "ls"}}],
                },
            ),
        ],
        ("CK315", 1, "/messages/3/content/0/input/command"),
    ),
    "window without the first message": ([a_body(0, messages=LATE[:9]), a_body(0, messages=LATE[2:11])],
                                         ("CK316", 1, "/messages/0")),
    "window behind the first message": (
        [a_body(0, messages=LATE[:9]), a_body(0, messages=[LATE[0], *LATE[3:11]])],
        ("CK316", 1, "/messages/1"),
    ),
    "removed in the middle": ([a_body(8), without(a_body(9), 7, 9)], ("CK317", 1, "/messages/7")),
    "put in between": (
        [a_body(3), a_body(0, messages=[{"role": "user", "content": "Memory: likes tea."}, *a_body(4)["messages"]])],
        ("CK318", 1, "/messages/0/content"),
    ),
    "a summary written anew": (
        [summed_up("Summary of the conversation so far: a", 6), summed_up("Summary of the conversation so far: b", 7)],
        ("CK319", 1, "/messages/0/content"),
    ),
    "a summary nobody declared": (
        [a_body(9), summed_up("Summary of the conversation so far: all was read.", 9, kept=1)],
        ("CK320", 1, "/messages/0/content"),
    ),
    "a trimmed result": (
        [a_body(5), replaced(a_body(6), 2, {"role": "user", "content": [a_result(0, 2)]})],
        ("CK321", 1, "/messages/2/content/0/content"),
    ),
    "the mark is gone": (
        [a_body(2), a_body(3, cache_control=None)],
        ("CK322", 1, "/messages/4/content/0"),
    ),
    "out of the mark's reach": ([a_body(1), a_body(30)], ("CK323", 1, "/cache_control")),
}  # fmt: skip


@pytest.mark.parametrize("billed", [True, False], ids=["billed", "unbilled"])
@pytest.mark.parametrize(("bodies", "expected"), BREAKS.values(), ids=BREAKS)
def test_a_break_is_named_at_its_place(bodies: list[Body], expected: tuple[str, int, str], billed: bool) -> None:
    """Each way to lose the cache is found once, by its own rule, at the request and the place that did it."""
    lines = a_log(bodies, billed=billed)
    assert told(lines) == [expected]


@pytest.mark.parametrize(("bodies", "expected"), BREAKS.values(), ids=BREAKS)
def test_a_break_has_its_price(bodies: list[Body], expected: tuple[str, int, str]) -> None:
    """With a bill the loss is the billed difference; without one it is an estimate within a third of it."""
    billed = [one for one in found(a_log(bodies, billed=True)) if one.severity != "info"]
    guessed = [one for one in found(a_log(bodies)) if one.severity != "info"]
    lines = a_log(bodies, billed=True)
    before, after = (line["response"]["usage"] for line in lines)
    written = before["cache_creation_input_tokens"]
    assert billed[0].tokens == written - after["cache_read_input_tokens"], expected
    assert billed[0].usd is not None
    assert billed[0].usd > 0
    assert guessed[0].tokens == pytest.approx(billed[0].tokens, rel=0.34)


def test_the_message_shows_byte_and_window() -> None:
    """A change is shown with the byte where it begins and with what stood there before and after."""
    bodies = [a_body(1, system="It is 12:00. " + SYSTEM), a_body(2, system="It is 12:01. " + SYSTEM)]
    (one,) = found(a_log(bodies))
    assert "at byte 10" in one.message
    assert "It is 12:00" in one.message
    assert "It is 12:01" in one.message
    assert one.flow[0].line == 1


def test_an_expired_entry_is_told_by_the_times() -> None:
    """A request after the lifetime is a finding; with an hour's lifetime the same gap is none."""
    assert told(a_log([a_body(1), a_body(2)], every=400)) == [("CK324", 1, "")]
    assert told(a_log([a_body(1, cache_control=HOUR), a_body(2, cache_control=HOUR)], every=400)) == []


def test_without_times_nothing_expires() -> None:
    """A log of bare bodies has no clock, so that nothing is said of lifetimes."""
    assert found([a_body(1), a_body(2), a_body(3)]) == []


def planned(form: str) -> list[Any]:
    """A log whose second request goes on from a summary, declared in one of several ways."""
    texts = {
        "contextkit": '<conversation_summary messages="1-9">\nEarlier messages, condensed.\n</conversation_summary>',
        "claude code": "This session is being continued from a previous conversation that ran out of context.",
    }
    after = a_body(0, messages=[{"role": "user", "content": texts.get(form, "All that was read.")}, *LATE[-4:]])
    first, second = a_log([a_body(9), after], billed=True)
    if form == "the line":
        second["planned"] = "compaction"
    if form == "an event before it":
        return [first, {"event": "compaction"}, second]
    if form == "metadata":
        second["request"] = {**after, "metadata": {"contextkit": {"planned": "compaction"}}}
    return [first, second]


@pytest.mark.parametrize("form", ["contextkit", "claude code", "the line", "an event before it", "metadata"])
def test_a_declared_compaction_is_planned(form: str) -> None:
    """A compaction that the log declares, or that has a known form, is a hint and no break."""
    (one,) = found(planned(form))
    assert (one.code, one.severity, one.request) == ("CK326", "info", 1)


def test_broken_lines_are_told_and_do_not_stop_the_reading() -> None:
    """Broken lines are reported with their number, and the conversation around them stays whole."""
    lines = encoded(a_log([a_body(1), a_body(2), a_body(3, system="New. " + SYSTEM)]))
    broken = [lines[0], b'{"request": {"mod\n', b"\n", lines[1], b"\xff\xfe\x00\n", b"[" * 90_000 + b"\n", lines[2]]
    given = [one for one in examine("log.jsonl", broken) if not isinstance(one, Billed)]
    unread = [(one.code, one.line) for one in given if not isinstance(one, Break)]
    assert unread == [("CK300", 2), ("CK300", 5), ("CK300", 6)]
    assert [(one.line, one.request) for one in given if isinstance(one, Break)] == [(7, 2)]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "claude-opus-5-5", "messages": [1, 2]},
        {"model": 5, "messages": [{"role": "user"}]},
        {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": [{"text": "no type"}]}]},
        {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": {"a": 1}}], "tools": 7},
        {"messages": []},
    ],
)
def test_what_is_no_request_is_told(body: Body) -> None:
    """An object that only resembles a request is reported, or silent when empty; the next one is read."""
    codes = [one.code for one in found([body, *a_log([a_body(1), a_body(2, system="x" + SYSTEM)])])]
    assert codes in (["CK300", "CK310"], ["CK310", "CK329"])


def test_an_unknown_model_has_tokens_and_no_price() -> None:
    """A model that is not in the table is judged all the same; its losses have no USD."""
    bodies = [a_body(1, model="claude-nova-9"), a_body(2, model="claude-nova-9", system="x" + SYSTEM)]
    one, model = found(a_log(bodies))
    assert (model.code, model.severity, model.request, model.pointer) == ("CK329", "info", 0, "/model")
    assert "2 requests to 'claude-nova-9'" in model.message
    assert one.code == "CK310"
    assert one.tokens
    assert one.usd is None


def test_conversations_are_told_apart_without_ids() -> None:
    """Interleaved agents with one first message each have their own label, and a break is the right one's."""
    bodies = [a_body(n, first=f"Task of agent {k}.", who=k) for n in (1, 2, 3) for k in (1, 2)]
    bodies[5] = {**bodies[5], "system": "Changed. " + SYSTEM}
    (one,) = found(a_log(bodies))
    assert (one.request, one.conversation) == (5, "#2")


def test_a_failed_request_wrote_nothing() -> None:
    """A request that was refused is forgotten: its retry is compared with what was there before."""
    lines = a_log([a_body(1), a_body(2, system="Other. " + SYSTEM), a_body(2)])
    lines[1] |= {"status": 529, "error": {"type": "overloaded_error"}}
    assert found(lines) == []


def test_heads_that_differ_between_conversations() -> None:
    """A name in front of a long marked system prompt keeps conversations from sharing it; behind it, it does not."""

    def asked(name: str, *, front: bool) -> Body:
        shared = {"type": "text", "text": SYSTEM, "cache_control": MARK}
        hello = {"type": "text", "text": f"You help {name}."}
        one = {**shared, "text": f"You help {name}. {SYSTEM}"}
        return a_body(0, f"Question of {name}.", system=[one] if front else [shared, hello], cache_control=None)

    names = ("Ada", "Bob", "Cid")
    assert told(a_log([asked(name, front=True) for name in names])) == [
        ("CK309", 1, "/system/0/text"),
        ("CK309", 2, "/system/0/text"),
    ]
    assert told(a_log([asked(name, front=False) for name in names])) == []


def test_a_conversation_without_marks() -> None:
    """Three requests without any mark are a finding where the bill shows it, and a hint where a proxy may mark."""
    bodies = [a_body(n, cache_control=None) for n in (1, 2, 3)]
    assert told(a_log(bodies, billed=True)) == [("CK306", 0, "")]
    assert [(one.code, one.severity) for one in found(a_log(bodies))] == [("CK306", "info")]
    assert found(a_log(bodies[:2])) == []


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_growth_is_never_a_break(steps: list[int], by_hand: bool, spelled: bool) -> None:
    """However many turns are appended at a time (within the lookback), nothing is found."""
    turns, bodies = 1, [a_body(1)]
    for step in steps:
        turns += step
        bodies.append(a_body(turns))
    made = [marked_by_hand(body) if by_hand else body for body in bodies]
    made = [as_text_blocks(body) if spelled and n % 2 else body for n, body in enumerate(made)]
    assert found(a_log(made)) == []


@given(st.lists(st.binary(max_size=40) | st.sampled_from(encoded([a_body(0), {"messages": [{}]}, [], 3])), max_size=12))
def test_nothing_in_a_file_stops_the_reading(lines: list[bytes]) -> None:
    """Whatever the lines hold, the check ends without an exception, and a request among them is counted."""
    requests = sum(line == encoded([a_body(0)])[0] for line in lines)
    items = list(examine("log.jsonl", [line + b"\n" for line in lines]))
    whole = [one for one in items if isinstance(one, Billed) and one.body]
    assert len(whole) >= requests or b"".join(lines).lstrip()[:1] == b"["


def test_a_document_is_a_log_too() -> None:
    """A body written over several lines, a list of bodies, and an object that holds a list are read alike."""
    broken = [a_body(1), a_body(2, system="Changed. " + SYSTEM)]
    for text in (json.dumps(broken, indent=1), json.dumps({"requests": broken}, indent=1), json.dumps(broken)):
        codes = [
            one.violation.cause
            for one in examine("log.json", text.encode().splitlines(keepends=True))
            if isinstance(one, Break)
        ]
        assert codes == ["system_changed"]
