from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from contextkit.api.usage import Usage
from contextkit.transcripts import pi

if TYPE_CHECKING:
    from pathlib import Path

    from contextkit.transcripts import Session

Line = dict[str, Any]
START = {"type": "session", "id": "s", "timestamp": "2026-01-01T10:00:00Z", "cwd": "/x", "thinkingLevel": "off"}


def message(role: str, content: Any, **more: Any) -> Line:
    """A line with a message; lines end one second after their message begins."""
    inner = {"role": role, "content": content, "timestamp": 1767261600000, **more}
    return {"type": "message", "timestamp": "2026-01-01T10:00:01Z", "message": inner}


def answer(*blocks: Line, read: int = 10, **more: Any) -> Line:
    """An assistant line with a bill."""
    usage = {"input": 3, "output": 7, "cacheRead": read, "cacheWrite": 5}
    return message("assistant", list(blocks), usage=usage, model="claude-sonnet-4-5", stopReason="stop", **more)


def text(words: str) -> Line:
    """A text block."""
    return {"type": "text", "text": words}


def read(folder: Path, *lines: Line) -> Session:
    """The session of a file with these lines."""
    path = folder / "pi.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in (START, *lines)))
    (session,) = pi.read(path)
    return session


def test_a_turn_with_a_tool(tmp_path: Path) -> None:
    """Tool calls and results come in the API's spelling, usage in ours, times as start and end."""
    call = {"type": "toolCall", "id": "t1", "name": "bash", "arguments": {"command": "ls"}}
    session = read(
        tmp_path,
        message("user", [text("list")]),
        answer(text("ok"), call),
        message("toolResult", [text("a")], toolCallId="t1", toolName="bash", isError=True),
        answer(text("done")),
    )
    use = {"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}}
    found = {"type": "tool_result", "tool_use_id": "t1", "content": [text("a")], "is_error": True}
    assert session.history(1) == [
        {"role": "user", "content": [text("list")]},
        {"role": "assistant", "content": [text("ok"), use]},
        {"role": "user", "content": [found]},
    ]
    first = session.calls[0]
    assert first.usage == Usage(input=3, read=10, write_5m=5, output=7)
    assert (first.at, first.ended, first.settings) == (1767261600.0, 1767261601.0, {"thinking_level": "off"})
    assert session.appends(1)


def test_an_aborted_answer_without_a_bill_is_no_call(tmp_path: Path) -> None:
    """The next call notes it and has both prompts."""
    nothing = message("assistant", [], usage={"input": 0, "output": 0}, stopReason="aborted")
    session = read(tmp_path, message("user", [text("a")]), nothing, message("user", [text("b")]), answer(text("c")))
    (call,) = session.calls
    assert call.notes == ("aborted",)
    assert call.added == ({"role": "user", "content": [text("a"), text("b")]},)


def test_thinking_level_changes_are_noted_and_hold(tmp_path: Path) -> None:
    """A change of level is a note on the next call and a setting from then on."""
    change = {"type": "thinking_level_change", "thinkingLevel": "high"}
    think = {"type": "thinking", "thinking": "hm", "thinkingSignature": "s"}
    session = read(tmp_path, message("user", [text("a")]), change, answer(think, text("b")))
    (call,) = session.calls
    assert (call.notes, call.settings) == (("thinking level high",), {"thinking_level": "high"})
    assert call.reply is not None
    assert call.reply["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "s"}


def test_a_compaction_keeps_what_it_names(tmp_path: Path) -> None:
    """The history becomes the summary and the entries from `firstKeptEntryId` on."""
    session = read(
        tmp_path,
        message("user", [text("old")]) | {"id": "e1"},
        answer(text("x")) | {"id": "e2"},
        message("user", [text("kept")]) | {"id": "e3"},
        answer(text("y")) | {"id": "e4"},
        {"type": "compaction", "summary": "the story", "firstKeptEntryId": "e3"},
        message("user", [text("next")]),
        answer(text("z")),
    )
    call = session.calls[2]
    assert (call.follows, call.notes) == (None, ("compaction",))
    assert [block["text"] for part in call.added for block in part["content"]] == ["the story", "kept", "y", "next"]


def test_unknown_lines_and_roles_are_counted(tmp_path: Path) -> None:
    """What the reader does not know is neither guessed nor fatal."""
    session = read(tmp_path, {"type": "label"}, message("bashExecution", "ls"), message("user", "a"), answer(text("b")))
    assert dict(session.skipped) == {"label": 1, "role bashExecution": 1}
    assert len(session.calls) == 1
