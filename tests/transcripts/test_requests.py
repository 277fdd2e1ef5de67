from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.api.usage import Usage
from contextkit.errors import FormatError
from contextkit.transcripts import requests

if TYPE_CHECKING:
    from pathlib import Path

    from contextkit.transcripts import Session

Line = dict[str, Any]


def body(*texts: str, **more: Any) -> Line:
    """A request of alternating user and assistant texts."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": words} for i, words in enumerate(texts)]
    return {"model": "claude-opus-5", "max_tokens": 9, "messages": messages, **more}


def read(folder: Path, *lines: Any) -> list[Session]:
    """The conversations of a log with these lines."""
    path = folder / "log.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return requests.read(path)


def words(session: Session, index: int) -> list[str]:
    """The texts of a history."""
    return [block["text"] for message in session.history(index) for block in message["content"]]


def test_bodies_of_one_conversation_find_each_other(tmp_path: Path) -> None:
    """A longer body appends to the one whose messages it begins with, and holds only what is new."""
    (session,) = read(tmp_path, body("a"), body("a", "b", "c"), body("a", "b", "c", "d", "e"))
    assert [(call.follows, call.shared, len(call.added)) for call in session.calls] == [
        (None, 0, 1),
        (0, 1, 2),
        (1, 3, 2),
    ]
    assert words(session, 2) == ["a", "b", "c", "d", "e"]
    assert session.missing == {"times", "usage", "output_tokens", "replies"}


def test_interleaved_conversations_are_told_apart(tmp_path: Path) -> None:
    """Two conversations in one log are two sessions."""
    log = [body("a"), body("x"), body("a", "b", "c"), body("x", "y", "z")]
    assert [words(session, 1) for session in read(tmp_path, *log)] == [["a", "b", "c"], ["x", "y", "z"]]


def test_one_equal_message_under_another_system_is_another_conversation(tmp_path: Path) -> None:
    """A first message that repeats is no sign when model, system or tools differ."""
    assert len(read(tmp_path, body("go", system="one"), body("go", "b", "c", system="two"))) == 2
    assert len(read(tmp_path, body("a", "b", "c", system="one"), body("a", "b", "c", "d", "e", system="two"))) == 1


def test_spelling_and_marks_are_no_difference(tmp_path: Path) -> None:
    """Text or a list of one text block, marked or not: the same message; where marks stood is kept."""
    marked = body("a", "b", "c")
    mark = {"type": "ephemeral", "ttl": "1h"}
    marked["messages"][0] = {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": mark}]}
    marked["system"] = [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    (session,) = read(tmp_path, body("a", system="s") | {"system": marked["system"]}, marked)
    assert session.appends(1) is True
    assert session.calls[1].marks == ((("system", 0, 0), "5m"), (("messages", 0, 0), "1h"))


def test_a_rewritten_history_keeps_what_it_shares(tmp_path: Path) -> None:
    """A changed middle is a call that keeps fewer messages than there were."""
    (session,) = read(tmp_path, body("a", "b", "c"), body("a", "b", "c", "d", "e"), body("a", "b", "other", "d", "e"))
    assert (session.calls[2].shared, session.appends(2)) == (2, False)
    assert words(session, 2) == ["a", "b", "other", "d", "e"]


def test_a_side_call_on_the_same_head_does_not_cut_the_conversation(tmp_path: Path) -> None:
    """A fork (a summary of the history so far) stands beside the branch that goes on."""
    log = [body("a", "b", "c"), body("a", "b", "sum up"), body("a", "b", "c", "d", "e")]
    (session,) = read(tmp_path, *log)
    assert [(call.follows, call.shared) for call in session.calls] == [(None, 0), (0, 2), (0, 3)]
    assert words(session, 2) == ["a", "b", "c", "d", "e"]


def test_a_retry_adds_nothing(tmp_path: Path) -> None:
    """The same body again is a call of its own with the same history."""
    (session,) = read(tmp_path, body("a", "b", "c"), body("a", "b", "c"))
    assert [len(call.added) for call in session.calls] == [3, 0]
    assert words(session, 1) == ["a", "b", "c"]


def test_answers_times_and_bills_beside_the_body(tmp_path: Path) -> None:
    """An object that holds request and response gives both, with start and end."""
    usage = {"input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3, "output_tokens": 4}
    reply = {"role": "assistant", "content": [{"type": "text", "text": "b"}], "usage": usage}
    line = {"request": body("a"), "response": reply, "timestamp": "2026-01-01T00:00:00Z", "end_time": 1767225602}
    (session,) = read(tmp_path, line, {"body": body("a", "b", "c"), "at": 1767225610})
    first = session.calls[0]
    assert first.usage == Usage(input=1, read=2, write_5m=3, output=4)
    assert (first.at, first.ended) == (1767225600.0, 1767225602.0)
    assert first.reply == {"role": "assistant", "content": [{"type": "text", "text": "b"}]}
    assert (session.calls[1].shared, session.appends(1)) == (2, True)


def test_litellm_lines(tmp_path: Path) -> None:
    """OpenAI messages become Anthropic ones; cached tokens are taken out of its prompt_tokens."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ]
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "prompt_tokens_details": {
            "cached_tokens": 60,
            "cache_creation_tokens": 30,
            "cache_creation_token_details": {"ephemeral_1h_input_tokens": 10},
        },
    }
    response = {"choices": [{"message": {"role": "assistant", "content": "b"}}], "usage": usage}
    (session,) = read(tmp_path, {"model": "claude-opus-5", "messages": messages, "response": response})
    (only,) = session.calls
    assert only.usage == Usage(input=10, read=60, write_5m=20, write_1h=10, output=5)
    assert only.settings["system"] == "s"
    assert [message["role"] for message in session.history(0, reply=True)] == ["user", "assistant", "user", "assistant"]


def test_equal_settings_are_held_once(tmp_path: Path) -> None:
    """A hundred bodies with the same tools hold one copy of them."""
    tools = [{"name": "f", "input_schema": {}}]
    texts = [str(n) for n in range(101)]
    (session,) = read(tmp_path, *(body(*texts[: n + 1], tools=tools) for n in range(0, 100, 2)))
    assert len({id(call.settings) for call in session.calls}) == 1
    assert sum(len(call.added) for call in session.calls) == 99


def test_lines_without_a_body_are_counted(tmp_path: Path) -> None:
    """Other lines do not stop the reader; bodies of another API are counted, too."""
    converse = {"model": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    (session,) = read(tmp_path, {"level": "info"}, converse, body("a"), [1], 7)
    assert dict(session.skipped) == {"no request body": 1, "not in the Messages format": 1, "broken line": 2}


def test_a_log_without_bodies_is_refused(tmp_path: Path) -> None:
    """Nothing to read is an error that names the file."""
    with pytest.raises(FormatError, match=r"log\.jsonl"):
        read(tmp_path, {"level": "info"})


def test_one_body_as_a_document(tmp_path: Path) -> None:
    """A body printed over several lines, or a list of bodies, is read too."""
    for value, calls in ((body("a"), 1), ([body("a"), body("a", "b", "c")], 2)):
        path = tmp_path / "body.json"
        path.write_text(json.dumps(value, indent=2))
        (session,) = requests.read(path)
        assert len(session.calls) == calls
