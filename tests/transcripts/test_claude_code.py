from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contextkit.api.usage import Usage
from contextkit.transcripts import claude_code

if TYPE_CHECKING:
    from pathlib import Path

    from contextkit.transcripts import Session

Line = dict[str, Any]


def at(second: int) -> str:
    """An hour of 2026, so many seconds in."""
    return f"2026-01-01T10:{second // 60:02}:{second % 60:02}.000Z"


def user(uuid: str, parent: str | None, content: Any, second: int = 0, **more: Any) -> Line:
    """A user line."""
    message = {"role": "user", "content": content}
    return {"type": "user", "uuid": uuid, "parentUuid": parent, "timestamp": at(second), "message": message, **more}


def answer(uuid: str, parent: str | None, name: str, block: Line, second: int = 0, **more: Any) -> Line:
    """One line of a call: one block, and the usage that every line of the call repeats."""
    usage = {
        "input_tokens": 4,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 0},
        "output_tokens": 3,
    }
    message = {"id": name, "role": "assistant", "model": "claude-opus-4-5", "content": [block], "usage": usage}
    kind = {"type": "assistant", "requestId": f"req_{name}"}
    return {**kind, "uuid": uuid, "parentUuid": parent, "timestamp": at(second), "message": message, **more}


def text(words: str) -> Line:
    """A text block."""
    return {"type": "text", "text": words}


def tool(name: str) -> Line:
    """A tool call."""
    return {"type": "tool_use", "id": name, "name": "Read", "input": {"path": name}}


def result(name: str) -> Line:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": name, "content": f"of {name}"}


def read(folder: Path, *lines: Line | str) -> Session:
    """The session of a file with these lines."""
    path = folder / "session.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    (session,) = claude_code.read(path)
    return session


def test_lines_of_one_message_are_one_call(tmp_path: Path) -> None:
    """Several lines with one message id are one call with one bill and all its blocks."""
    session = read(
        tmp_path,
        user("u1", None, "hello", 1),
        answer("a1", "u1", "m1", text("on it"), 3),
        answer("a2", "a1", "m1", tool("t1"), 5),
    )
    (call,) = session.calls
    assert call.reply == {"role": "assistant", "content": [text("on it"), tool("t1")]}
    assert call.usage == Usage(input=4, read=100, write_1h=20, output=3)
    assert (call.ended or 0) - (call.at or 0) == 4
    assert call.model == "claude-opus-4-5"
    assert session.missing >= {"system", "tools", "output_tokens"}


def test_the_next_call_appends_its_answers(tmp_path: Path) -> None:
    """A call names the one before it and holds only what is new: tool results and texts in one user message."""
    session = read(
        tmp_path,
        user("u1", None, "hello"),
        answer("a1", "u1", "m1", tool("t1")),
        user("r1", "a1", [result("t1")], 7),
        user("u2", "r1", [text("a reminder")], 8, isMeta=True),
        answer("a2", "u2", "m2", text("done"), 9),
    )
    second = session.calls[1]
    assert (second.follows, second.shared) == (0, 2)
    assert second.added == ({"role": "user", "content": [result("t1"), text("a reminder")]},)
    assert session.appends(1)
    assert session.history(1, reply=True) == [
        {"role": "user", "content": [text("hello")]},
        {"role": "assistant", "content": [tool("t1")]},
        second.added[0],
        {"role": "assistant", "content": [text("done")]},
    ]


def test_results_that_come_while_the_answer_streams_stand_after_it(tmp_path: Path) -> None:
    """A result between two lines of one call belongs to the next call; parallel results on side branches too."""
    session = read(
        tmp_path,
        user("u1", None, "hello"),
        answer("a1", "u1", "m1", tool("t1")),
        user("r1", "a1", [result("t1")]),
        answer("a2", "r1", "m1", tool("t2")),
        user("r2", "a2", [result("t2")]),
        answer("a3", "r2", "m2", text("done")),
    )
    assert len(session.calls) == 2
    assert session.history(1)[1] == {"role": "assistant", "content": [tool("t1"), tool("t2")]}
    assert session.calls[1].added == ({"role": "user", "content": [result("t1"), result("t2")]},)


def test_a_rewind_follows_the_call_it_goes_back_to(tmp_path: Path) -> None:
    """Two prompts on one parent are two branches; each sees only its own."""
    session = read(
        tmp_path,
        user("u1", None, "one"),
        answer("a1", "u1", "m1", text("1")),
        user("u2", "a1", "two"),
        answer("a2", "u2", "m2", text("2")),
        user("u3", "a1", "instead"),
        answer("a3", "u3", "m3", text("3")),
    )
    assert [call.follows for call in session.calls] == [None, 0, 0]
    assert [block["text"] for message in session.history(2) for block in message["content"]] == ["one", "1", "instead"]


def test_a_compaction_begins_afresh_and_says_so(tmp_path: Path) -> None:
    """After a boundary the history is the summary; the call carries the note."""
    boundary = {"type": "system", "subtype": "compact_boundary", "uuid": "b", "parentUuid": None, "timestamp": at(5)}
    session = read(
        tmp_path,
        user("u1", None, "one"),
        answer("a1", "u1", "m1", text("1")),
        boundary | {"logicalParentUuid": "a1"},
        user("s", "b", "the story so far", 6, isCompactSummary=True, isVisibleInTranscriptOnly=True),
        user("u2", "s", "go on", 7),
        answer("a2", "u2", "m2", text("2"), 8),
    )
    call = session.calls[1]
    assert (call.follows, call.notes) == (None, ("compaction",))
    assert [block["text"] for block in call.added[0]["content"]] == ["the story so far", "go on"]
    assert not session.appends(1)


def test_a_microcompaction_is_noted_on_the_next_call(tmp_path: Path) -> None:
    """Its boundary stands in the chain and changes nothing else that the file shows."""
    boundary = {"type": "system", "subtype": "microcompact_boundary", "uuid": "b", "parentUuid": "r1"}
    session = read(
        tmp_path,
        user("u1", None, "one"),
        answer("a1", "u1", "m1", tool("t1")),
        user("r1", "a1", [result("t1")]),
        boundary,
        answer("a2", "b", "m2", text("2")),
    )
    assert session.calls[1].notes == ("microcompaction",)
    assert session.appends(1)


def test_sidechains_are_calls_of_their_own(tmp_path: Path) -> None:
    """A subagent's lines have their own history and their own kind."""
    session = read(
        tmp_path,
        user("u1", None, "one"),
        answer("a1", "u1", "m1", tool("t1")),
        user("x1", None, "search", isSidechain=True),
        answer("x2", "x1", "m2", text("found"), isSidechain=True),
        user("r1", "a1", [result("t1")]),
        answer("a2", "r1", "m3", text("done")),
    )
    assert [(call.kind, call.follows) for call in session.calls] == [("main", None), ("sidechain", None), ("main", 0)]


def test_an_unknown_parent_hangs_on_the_line_before(tmp_path: Path) -> None:
    """Lines that were cut from the file do not cut the conversation."""
    session = read(
        tmp_path,
        user("u1", None, "one"),
        answer("a1", "u1", "m1", text("1")),
        user("u2", "gone", "two"),
        answer("a2", "u2", "m2", text("2")),
    )
    assert session.appends(1)


def test_synthetic_answers_are_no_calls(tmp_path: Path) -> None:
    """What Claude Code writes in the place of an answer is counted, noted, and not billed."""
    fake = answer("a1", "u1", "m1", text("API Error"))
    fake["message"]["model"] = "<synthetic>"
    session = read(
        tmp_path, user("u1", None, "one"), fake, user("u2", "a1", "two"), answer("a2", "u2", "m2", text("2"))
    )
    (call,) = session.calls
    assert call.notes == ("error",)
    assert session.skipped["synthetic answer"] == 1
    assert [block["text"] for block in call.added[0]["content"]] == ["one", "two"]


def test_other_lines_are_counted_not_guessed(tmp_path: Path) -> None:
    """Unknown kinds and broken lines are skipped and counted; progress lines only carry the chain on."""
    session = read(
        tmp_path,
        {"type": "file-history-snapshot", "messageId": "x"},
        {"type": "brand-new", "sessionId": "s"},
        "{broken",
        user("u1", None, "one"),
        {"type": "progress", "uuid": "p", "parentUuid": "u1"},
        answer("a1", "p", "m1", text("1")),
    )
    assert dict(session.skipped) == {"file-history-snapshot": 1, "brand-new": 1, "broken line": 1}
    assert session.history(0) == [{"role": "user", "content": [text("one")]}]
    assert session.id == "s"


def test_time_is_linear_in_a_hostile_chain(tmp_path: Path) -> None:
    """Calls that all hang at the end of one long chain are each cut off, not walked for ever."""
    lines: list[Line] = [{"type": "system", "uuid": f"s{n}", "parentUuid": f"s{n - 1}"} for n in range(20_000)]
    lines[0]["parentUuid"] = None
    lines += [answer(f"a{n}", "s19999", f"m{n}", text("x")) for n in range(20)]
    assert len(read(tmp_path, *lines).calls) == 20
