from __future__ import annotations

import argparse
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.commands import count as command
from contextkit.errors import FormatError
from contextkit.tokens import count

if TYPE_CHECKING:
    from pathlib import Path

BODY: dict[str, Any] = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "hello there"}]}


def run(*words: str) -> int:
    """The command as the command line calls it."""
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    return command.run(parser.parse_args(words))


def test_a_body_is_counted_as_a_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON body gives what `count` gives, with exactly the promised keys."""
    file = tmp_path / "body.json"
    file.write_text(json.dumps(BODY))
    assert run(str(file), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    wanted = count(BODY)
    assert shown == {
        "model": "claude-haiku-4-5", "counter": "estimate",
        "tokens": wanted.tokens, "low": wanted.low, "high": wanted.high,
    }  # fmt: skip


def test_a_text_is_counted_without_a_message_around_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard input is a text unless it is a body; nothing costs nothing."""
    for given, least, most in (("", 0, 0), ("one two three four", 3, 7), ('{"a": 1}', 3, 12)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        assert run("-", "--model", "claude-sonnet-4-5", "--json") == 0
        shown = json.loads(capsys.readouterr().out)
        assert least <= shown["tokens"] <= most
        assert shown["model"] == "claude-sonnet-4-5"


def test_the_model_of_the_option_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--model counts a body as if it were sent to that model, and the plain line says so."""
    file = tmp_path / "body.json"
    file.write_text(json.dumps(BODY))
    assert run(str(file), "--model", "claude-opus-5-5") == 0
    line = capsys.readouterr().out
    assert line.endswith("estimate, claude-opus-5-5\n")
    assert line.startswith(f"{count(BODY, 'claude-opus-5-5').tokens} tokens (")


def test_bytes_that_are_no_text_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not UTF-8 is counted as far as it can be read."""
    file = tmp_path / "odd.bin"
    file.write_bytes(b"\xff\xfe abc")
    assert run(str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["tokens"] > 0


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    """The path and the reason stand in the error."""
    with pytest.raises(FormatError, match=r"nowhere\.txt"):
        run(str(tmp_path / "nowhere.txt"))
