"""`contextkit ledger`: files in, tables or JSON out."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from contextkit.api.usage import Usage
from contextkit.cli import COMMANDS, main
from contextkit.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "ledger", "what a ledger file says")


def a_file(path: Path, *names: str, first: float = 0.0) -> Ledger:
    """A ledger file with one call a step."""
    ledger = Ledger(conversation=path.stem).keep(path)
    for at, name in enumerate(names):
        usage = Usage(input=100 * (at + 1), output=10)
        ledger.add(at=first + at, purpose="turn", model="claude-opus-5", usage=usage, step=name)
    return ledger


def test_a_file_as_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Summary, groups and hot spots of what is in the file."""
    a_file(tmp_path / "a.jsonl", "plan", "read/page", "read/page")
    assert main(["ledger", str(tmp_path / "a.jsonl"), "--depth", "1"]) == 0
    out = capsys.readouterr().out
    assert "3 calls, 600 prompt tokens" in out
    assert "hot spots: 1 of 2 steps take 80%" in out
    assert "page" not in out


def test_several_files_are_one_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSONL and SQLite together, in the order of time; the JSON has the sums of both."""
    one = a_file(tmp_path / "a.jsonl", "x", "y", first=10)
    other = a_file(tmp_path / "b.db", "x")
    names = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.db")]
    assert main(["ledger", *names, "--by", "conversation", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["totals"]["calls"] == 3
    assert told["totals"]["cost"] == pytest.approx((one.totals().cost or 0) + (other.totals().cost or 0))
    assert set(told["groups"]) == {"a", "b"}
    assert main(["ledger", *names, "--rows"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["at"] for row in rows] == [0, 10, 11]


def test_wrong_use_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such file, no ledger, an impossible depth: status 2 and what to do; an empty one: status 1."""
    other = tmp_path / "other.txt"
    other.write_text("hello\n", encoding="utf-8")
    for words in ([str(tmp_path / "none")], [str(other)], [str(other), "--depth", "0"], [str(other), "--share", "2"]):
        assert main(["ledger", *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith("contextkit ledger: ")
        assert error.count("\n") == 1
    a_file(tmp_path / "empty.jsonl")
    assert main(["ledger", str(tmp_path / "empty.jsonl")]) == 1


def test_standard_input_and_pipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dash is standard input, JSON lines or a database; a pipe without a writer is refused and not waited for."""
    for name in ("a.jsonl", "b.db"):
        a_file(tmp_path / name, "plan", "read")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((tmp_path / name).read_bytes())))
        assert main(["ledger", "-"]) == 0
        assert "2 calls" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"hello\n")))
    assert main(["ledger", "-"]) == 2
    assert "(-, line 1)" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")
    assert main(["ledger", str(tmp_path / "pipe")]) == 2
    assert "a named pipe, no file" in capsys.readouterr().err
