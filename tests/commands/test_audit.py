"""`contextkit audit`: money first, the bill's own figures, and nothing that a file holds reaches the terminal raw."""

from __future__ import annotations

import argparse
import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.commands import audit
from contextkit.errors import ConfigError
from tests.lint.requests.logs import SYSTEM, a_body, a_log, encoded

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str) -> int:
    """The command with these arguments; its exit status."""
    parser = argparse.ArgumentParser()
    audit.arguments(parser)
    return audit.run(parser.parse_args(list(words)))


def written(path: Path, lines: list[Any]) -> str:
    """A log on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(encoded(lines)))
    return str(path)


def healthy() -> list[Any]:
    """A conversation that only grows, billed."""
    return a_log([a_body(n) for n in range(1, 5)], billed=True)


def broken() -> list[Any]:
    """One whose system prompt changes once, and whose entry expires once."""
    bodies = [a_body(1), a_body(2), a_body(3, system="At 7. " + SYSTEM), a_body(4, system="At 7. " + SYSTEM)]
    lines = a_log(bodies, billed=True)
    late = a_log([a_body(1, first="Other."), a_body(2, first="Other.")], every=400, billed=True)
    return [*lines, *late]


def test_a_healthy_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing lost is status 0, and the sums are there all the same."""
    assert run(written(tmp_path / "log.jsonl", healthy())) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 files, 1 conversations, 4 calls")
    assert "Lost and avoidable: nothing." in said


def test_losses_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Losses by cause, day and conversation have the same sum, which is the bill's; the fix stands beside them."""
    lines = broken()
    assert run(written(tmp_path / "log.jsonl", lines), "--format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    bills = [line["response"]["usage"] for line in lines]
    written_before = [one["cache_creation_input_tokens"] + one["cache_read_input_tokens"] for one in bills]
    direct = sum(
        max(0, before - now["cache_read_input_tokens"])
        for before, now, at in zip(written_before, bills[1:], range(1, 6), strict=False)
        if at != 4  # where the other conversation begins
    )
    assert sum(one["tokens"] for one in told["lost"].values()) == direct
    for rows in ("by_cause", "by_day", "by_conversation"):
        assert sum(row["tokens"] for row in told[rows]) == direct, rows
        assert sum(row["usd"] for row in told[rows]) == pytest.approx(told["lost"]["avoidable"]["usd"])
    assert {row["cause"] for row in told["by_cause"]} == {"system_changed", "expired"}
    assert told["worst"][0]["usd"] >= told["worst"][1]["usd"]
    (change,) = [one for one in told["worst"] if one["cause"] == "system_changed"]
    assert (change["request"], change["pointer"], change["offset"]) == (2, "/system", 0)
    assert change["after"].startswith("At 7.")
    assert change["confirmed"] is True


def test_what_would_have_helped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The advice counts its own cost: an hour's lifetime or a keep-alive where it pays, and no more than was lost."""
    lines = a_log([a_body(n) for n in range(1, 9)], every=400, billed=True)
    assert run(written(tmp_path / "log.jsonl", lines), "--format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    (advice,) = told["advice"]
    assert "keep-alive" in advice["text"] or "hour" in advice["text"]
    assert 0 < advice["usd"] < told["lost"]["avoidable"]["usd"]


def test_since(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls before the day are read for what they left in the cache, and not counted."""
    path = written(tmp_path / "log.jsonl", broken())
    assert run(path, "--since", "2026-11-23") == 3
    assert "Nothing to evaluate" in capsys.readouterr().out
    assert run(path, "--since", "2026-11-22T12:00:30", "--format", "json") == 1
    assert json.loads(capsys.readouterr().out)["calls"] == 3
    with pytest.raises(ConfigError, match="is no date"):
        run(path, "--since", "yesterday")


def test_claude_codes_folder_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without arguments the sessions below Claude Code's folder are read; none is status 3."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert run() == 3
    written(tmp_path / "projects" / "a" / "one.jsonl", healthy())
    written(tmp_path / "projects" / "b" / "two.jsonl", broken())
    assert run() == 1
    assert "2 files" in capsys.readouterr().out


def test_copied_calls_count_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that stands in two files, as in a resumed session, is counted where it is met first."""
    first, second = written(tmp_path / "a.jsonl", broken()), written(tmp_path / "b.jsonl", broken())
    run(first, "--format", "json")
    alone = json.loads(capsys.readouterr().out)
    run(first, second, "--format", "json")
    both = json.loads(capsys.readouterr().out)
    assert both["copied_calls"] == alone["calls"]
    assert (both["lost"], both["spent_usd"]) == (alone["lost"], alone["spent_usd"])


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is status 2 and does not hide the others; broken lines are listed; garbage alone is status 2."""
    path = tmp_path / "log.jsonl"
    written(path, healthy())
    path.write_bytes(path.read_bytes() + b'{"request": {\n')
    assert run(str(path), str(tmp_path / "gone.jsonl")) == 2
    said = capsys.readouterr().out
    assert "4 calls" in said
    assert "gone.jsonl: No such file" in said
    assert "log.jsonl:5:" in said
    (tmp_path / "x.jsonl").write_bytes(b"\x00\x01\n\xff")
    assert run(str(tmp_path / "x.jsonl")) == 2
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert run(str(tmp_path / "empty.jsonl")) == 3
    with pytest.raises(ConfigError):
        run(str(path), "--top", "-1")


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_recorded_text_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Escape sequences and markup in a recording do not reach the terminal or the page."""
    nasty = "\x1b[31m<script>|`x` "
    lines = a_log([a_body(1), a_body(2, system=nasty + SYSTEM)], billed=True)
    run(written(tmp_path / "log.jsonl", lines), "--format", form)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "script" in said
    if form == "markdown":
        assert "<script>" not in said
        assert said.startswith("# Prompt cache audit")
        assert "| cause | breaks |" in said


@pytest.mark.parametrize("name", ["claude_code_entireio_cli", "pi_mono"])
def test_recorded_sessions(data: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The recorded sessions are read whole: every call priced, every loss with a cause and a fix."""
    assert run(str(data / name), "--format", "json", "--top", "3") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["calls"] == {"claude_code_entireio_cli": 2554, "pi_mono": 439}[name]
    assert told["unpriced_calls"] == told["copied_calls"] == 0
    assert told["unreadable"] == []
    assert len(told["worst"]) == 3
    assert all(row["fix"] for row in told["by_cause"])
    if name == "pi_mono":
        assert sum(row["breaks"] for row in told["by_cause"]) == 37


def test_nothing_readable_is_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of broken lines, or of bodies that are no requests, is status 2, with or without bills."""
    body = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": [{"text": "no type"}]}]}
    usage = {"input_tokens": 5, "output_tokens": 5, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 9}
    forms: dict[str, list[Any]] = {
        "bodies": [body, body],
        "billed": [{"request": body, "response": {"usage": usage}}],
        "half": [*healthy(), body],
    }
    for name, lines in forms.items():
        written(tmp_path / name / "log.jsonl", lines)
        assert run(str(tmp_path / name)) == 2, name
        assert "messages.0.content.0.type" in capsys.readouterr().out
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "a.jsonl").write_text('{"request": \nnot json\n')
    assert run(str(tmp_path / "garbage")) == 2


def test_a_loss_beside_a_broken_line_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 goes before 1; the money is there all the same, and the broken line with its place."""
    path = tmp_path / "log.jsonl"
    written(path, broken())
    path.write_bytes(b"{broken\n" + path.read_bytes())
    assert run(str(path)) == 2
    said = capsys.readouterr().out
    assert "system_changed" in said or "system-changed" in said
    assert "log.jsonl:1:" in said


def test_standard_input_and_pipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dash is standard input; a pipe without a writer is told and not waited for."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"".join(encoded(broken())))))
    assert run("-", "--format", "json") == 1
    assert json.loads(capsys.readouterr().out)["worst"][0]["path"] == "-"
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert run(str(tmp_path / "pipe.jsonl")) == 2
    assert "pipe.jsonl: it is a named pipe, no file" in capsys.readouterr().out
    written(tmp_path / "log.jsonl", healthy())
    assert run(str(tmp_path)) == 0
    assert "pipe.jsonl: it is a named pipe, no file" in capsys.readouterr().out


def test_unknown_prices_are_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No path of the program's own and no source line: the model, once."""
    lines = a_log([a_body(n, model="claude-nova-9") for n in (1, 2, 3)], billed=True)
    run(written(tmp_path / "log.jsonl", lines))
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("contextkit audit: ")
    assert "claude-nova-9" in said
