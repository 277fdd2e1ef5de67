"""`contextkit replay`: policies side by side on recorded sessions."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.commands import replay
from contextkit.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> str:
    """A log of requests: a tool loop that grows."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Read all pages."}]
    lines = []
    for at in range(30):
        answer = [{"type": "tool_use", "id": f"t{at}", "name": "read", "input": {"page": at}}]
        body = {"model": "claude-sonnet-5-5", "max_tokens": 99, "system": "Be brief.", "messages": list(messages)}
        usage = {"input_tokens": 0, "cache_read_input_tokens": 2_000 + 2_000 * at, "output_tokens": 40}
        lines.append({"at": 1_000.0 + 9 * at, "request": body, "response": {"content": answer, "usage": usage}})
        output = {"type": "tool_result", "tool_use_id": f"t{at}", "content": f"row {at} " * 700}
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": [output]}]
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return str(file)


def called(*words: str) -> int:
    """Run the command with these words."""
    parser = argparse.ArgumentParser()
    replay.arguments(parser)
    return replay.run(parser.parse_args(words))


def test_a_table_of_policies(session: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without options: what was billed, and a line for each policy that people use."""
    assert called(session) == 0
    told = capsys.readouterr().out
    for name in ("billed", "none", "automatic", "sliding:turns=8", "threshold:", "break-even:", "USD"):
        assert name in told
    assert "30 calls, claude-sonnet-5-5" in told


def test_json(session: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a session, with what was billed and every policy's figures."""
    words = ("--policy", "threshold:budget=30000,keep=5000", "--policy", "break-even:budget=30000,keep=5000")
    assert called(session, *words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["calls"] == 30
    assert told["billed"]["read"] == sum(2_000 + 2_000 * at for at in range(30))
    fixed, ours = told["policies"]
    assert fixed["folds"] > 0
    assert ours["folds"] == ours["breaks"] > 0
    assert ours["recall_archive"] == 1
    assert ours["largest_prompt"] <= 30_000


def test_a_suggestion(session: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The cheapest settings and what they save; 1 when none keeps enough."""
    assert called(session, "--policy", "automatic", "--suggest", "--recall", "0.5", "--json") == 0
    advice = json.loads(capsys.readouterr().out.splitlines()[-1])["suggestion"]
    assert advice["policy"].startswith("break-even:")
    assert 0 < advice["saved"] < 1
    assert called(session, "--policy", "automatic", "--suggest") in {0, 1}
    assert "settings" in capsys.readouterr().out


def test_another_models_prices(session: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--model` prices the session as another model's and says so."""
    assert called(session, "--model", "claude-opus-5-5", "--policy", "automatic") == 0
    assert "priced as claude-opus-5-5" in capsys.readouterr().out


def test_wrong_use(session: str, tmp_path: Path) -> None:
    """A wrong policy, a wrong recall and a file of no known format are refused."""
    for words in ((session, "--policy", "often"), (session, "--recall", "7")):
        with pytest.raises(ConfigError):
            called(*words)
    other = tmp_path / "notes.txt"
    other.write_text("nothing")
    with pytest.raises(FormatError):
        called(str(other))
