from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.errors import FormatError
from contextkit.transcripts import tau

if TYPE_CHECKING:
    from pathlib import Path

CALL = {"id": "c1", "function": {"name": "find", "arguments": '{"email": "a@b"}'}, "type": "function"}
FLAT = {"id": "c1", "name": "find", "arguments": {"email": "a@b"}, "requestor": "assistant"}


def run(call: dict[str, Any], result: dict[str, Any], **times: Any) -> list[dict[str, Any]]:
    """One run: a greeting, a question, a tool call and an answer."""
    return [
        {"role": "system", "content": "policy"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "who am I", **times},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "you", **result},
        {"role": "assistant", "content": "You are you."},
    ]


@pytest.mark.parametrize(
    ("key", "call", "result"),
    [("traj", CALL, {"tool_call_id": "c1", "name": "find"}), ("messages", FLAT, {"id": "c1", "error": False})],
)
def test_both_benches(tmp_path: Path, key: str, call: dict[str, Any], result: dict[str, Any]) -> None:
    """Tau's nested calls and tau2's flat ones become the same messages; the greeting is no call."""
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(json.dumps({"task_id": n, key: run(call, result)}) for n in range(3)))
    sessions = tau.read(path)
    assert [session.id for session in sessions] == ["task 0", "task 1", "task 2"]
    assert [len(session.calls) for session in sessions] == [2, 2, 2]
    assert sessions[0].history(1)[2:] == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "find", "input": {"email": "a@b"}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "you"}]}],
        },
    ]
    assert sessions[0].calls[0].settings == {"system": "policy"}
    assert "times" in sessions[0].missing


def test_times_are_kept(tmp_path: Path) -> None:
    """A call starts when the message before it was there."""
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps({"messages": run(FLAT, {"id": "c1"}, timestamp="2026-01-01T00:00:05")}))
    (session,) = tau.read(path)
    assert session.calls[0].at == 1767225605.0
    assert "times" not in session.missing


def test_a_document_of_simulations(tmp_path: Path) -> None:
    """tau2's own result file holds its runs in one document."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"simulations": [{"id": "x", "messages": run(FLAT, {"id": "c1"})}]}, indent=1))
    assert [session.id for session in tau.read(path)] == ["x"]


def test_files_without_messages_are_refused(tmp_path: Path) -> None:
    """Lines without a list of messages are an error that names the file."""
    path = tmp_path / "runs.jsonl"
    path.write_text('{"messages_display": "user: hi"}')
    with pytest.raises(FormatError, match=r"runs\.jsonl"):
        tau.read(path)
