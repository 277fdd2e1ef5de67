from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.errors import FormatError
from contextkit.transcripts import swe_agent

if TYPE_CHECKING:
    from pathlib import Path

HISTORY: list[dict[str, Any]] = [
    {"role": "system", "content": "You are an agent.", "agent": "main"},
    {"role": "user", "content": "fix it", "agent": "main", "is_demo": False},
    {
        "role": "assistant",
        "content": "look",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command":"ls"}'}}],
    },
    {"role": "tool", "content": "a.py", "tool_call_ids": ["c1"]},
    {"role": "assistant", "content": "done"},
]


def write(folder: Path, value: Any) -> Path:
    """A trajectory."""
    path = folder / "run.traj"
    path.write_text(json.dumps(value, indent=1))
    return path


def test_each_answer_is_a_call(tmp_path: Path) -> None:
    """The history is cut into calls; the system message is a setting, the tool's output a tool_result."""
    model = {"agent": {"model": {"name": "claude-opus-4-5"}}}
    (session,) = swe_agent.read(write(tmp_path, {"history": HISTORY, "replay_config": json.dumps(model)}))
    assert [len(session.history(i)) for i in range(2)] == [1, 3]
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "a.py"}]}
    assert session.calls[1].added == ({"role": "user", "content": [result]},)
    assert session.calls[0].settings == {"system": "You are an agent."}
    assert {call.model for call in session.calls} == {"claude-opus-4-5"}
    assert session.missing == {"tools", "times", "usage", "output_tokens"}


def test_without_a_configuration_the_model_is_missing(tmp_path: Path) -> None:
    """A broken configuration is as none."""
    (session,) = swe_agent.read(write(tmp_path, {"history": HISTORY, "replay_config": "{"}))
    assert "model" in session.missing


@pytest.mark.parametrize("value", [{"history": 1}, [], "x", {}])
def test_other_documents_are_refused(tmp_path: Path, value: Any) -> None:
    """A document without a history is an error that names the file."""
    with pytest.raises(FormatError, match=r"run\.traj"):
        swe_agent.read(write(tmp_path, value))
