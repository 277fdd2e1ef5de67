"""What `contextkit replay` prints beside the tables: sums, savings, advice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.cli import main

if TYPE_CHECKING:
    from pathlib import Path

THINGS = ("a broken lamp", "a late parcel", "a lost invoice", "a kind word", "a wrong colour", "a double charge")


def a_log(path: Path, *, model: str = "claude-sonnet-4-5", usage: bool = True, letters: bool = False) -> str:
    """A log of requests: a loop of thirty large results, or six letters over one form."""
    asked = [f"Sort this letter: I write about {thing} of mine." for thing in THINGS] if letters else ["Read it."]
    messages: list[dict[str, Any]] = [{"role": "user", "content": asked[0]}]
    lines = []
    for at in range(len(asked) if letters else 30):
        answer = [{"type": "tool_use", "id": f"t{at}", "name": "read", "input": {"page": at}}]
        answer = [{"type": "text", "text": "A complaint."}] if letters else answer
        body = {"model": model, "max_tokens": 99, "system": "Be brief. " * 500, "messages": list(messages)}
        line: dict[str, Any] = {"at": 1_000.0 + 9 * at, "request": body, "response": {"content": answer}}
        if usage:
            line["response"]["usage"] = {"cache_read_input_tokens": 2_000 + 2_000 * at, "output_tokens": 40}
        lines.append(line)
        output = {"type": "tool_result", "tool_use_id": f"t{at}", "content": f"row {at} " * 700}
        following: Any = asked[min(at + 1, len(asked) - 1)] if letters else [output]
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": following}]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command prints."""
    assert main(["replay", *words]) == 0
    return capsys.readouterr().out


def test_the_saving_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In USD against automatic caching, and against what was billed."""
    said = told(capsys, a_log(tmp_path / "a.jsonl"), "--policy", "automatic", "--suggest", "--recall", "0.1")
    assert "with automatic caching alone" in said
    assert "USD was billed: it would have been" in said


def test_no_saving_is_said_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A short session is better left as it is."""
    said = told(capsys, a_log(tmp_path / "a.jsonl", letters=True), "--policy", "automatic", "--suggest")
    assert "do not fold" in said


@pytest.mark.filterwarnings("ignore::contextkit.api.usage.UnknownPriceWarning")
def test_without_a_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No sum is called USD; the note says which option helps."""
    file = a_log(tmp_path / "a.jsonl", model="gpt-4o", usage=False)
    said = told(capsys, file, "--policy", "automatic", "--suggest", "--recall", "0.1")
    assert "USD instead" not in said
    assert "--model" in said
    assert "less than automatic caching alone" in said


def test_sums_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several sessions have a table of all, and with --json one object each."""
    files = [a_log(tmp_path / f"{name}.jsonl") for name in "ab"]
    said = told(capsys, *files, "--policy", "threshold:budget=30000,keep=5000")
    assert "all 2 sessions: 60 calls" in said
    one = [json.loads(line) for line in told(capsys, *files, "--policy", "automatic", "--json").splitlines()]
    assert len(one) == 2
    assert all(report["independent"] == [] for report in one)


def test_independent_turns_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what they would have cost apart."""
    said = told(capsys, a_log(tmp_path / "a.jsonl", letters=True, usage=False), "--policy", "automatic")
    assert said.count("advice:") == 1
    assert "as a batch" in said
