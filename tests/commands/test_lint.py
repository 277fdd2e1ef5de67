from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from contextkit.commands import lint as command
from contextkit.errors import ConfigError

APP = """\
import json
import anthropic

client = anthropic.Anthropic()


def ask(messages, rules: dict):
    return client.messages.create(
        model="claude-opus-5-5",
        max_tokens=100,
        system=[{"type": "text", "text": json.dumps(rules), "cache_control": {"type": "ephemeral"}}],
        messages=messages,
    )
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one prompt that has an error, a warning and an info."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "agent.md").write_text("It is {{ now }}.\nFor {{ user_id }} of {{ company }}.\n")
    return tmp_path


def run(*words: str) -> int:
    """The command as the command line calls it."""
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    return command.run(parser.parse_args(words))


def codes(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The codes it reports."""
    run(*words, "--format", "json")
    return [row["code"] for row in json.loads(capsys.readouterr().out)]


def test_the_status_says_what_was_found(folder: Path) -> None:
    """0 clean or infos alone, 1 findings, 2 not analysed, 3 nothing."""
    assert run() == 1
    assert run("--select", "CK204") == 0
    assert run("--select", "CK204", "--strict") == 1
    (folder / "empty").mkdir()
    assert run("empty") == 3
    assert run("empty", "--allow-empty") == 0
    assert run(".", "nowhere.py") == 2


def test_codes_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """Commas and repeats; an unknown one is refused."""
    assert codes(capsys) == ["CK201", "CK203", "CK204"]
    assert codes(capsys, "--select", "CK201,CK203", "--ignore", "CK203") == ["CK201"]
    assert codes(capsys, "--select", "CK201", "--select", "CK204") == ["CK201", "CK204"]
    with pytest.raises(ConfigError, match=r"'CK9'.*--select"):
        run("--select", "CK9")
    for empty in ("", " , "):
        with pytest.raises(ConfigError, match=r"''.*--select"):
            run("--select", empty)


def test_settings_of_the_file_and_of_the_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest pyproject.toml counts, the line wins; a typo in it is an error that names the key."""
    file = folder / "pyproject.toml"
    file.write_text("[tool.contextkit.lint]\nselect = ['CK203']\n")
    assert codes(capsys) == ["CK203"]
    assert codes(capsys, "--select", "CK201") == ["CK201"]
    assert codes(capsys, "--isolated") == ["CK201", "CK203", "CK204"]
    file.write_text("[tool.contextkit.lint]\nselct = []\n")
    with pytest.raises(ConfigError, match=r"'selct'.*Did you mean 'select'"):
        run()


def test_a_baseline_is_written_and_used(capsys: pytest.CaptureFixture[str]) -> None:
    """What is in it does not count; what is new does."""
    assert run("--write-baseline", "known.json") == 0
    capsys.readouterr()
    assert run("--baseline", "known.json") == 0
    assert "3 findings known from the baseline" in capsys.readouterr().out
    Path("prompts/agent.md").write_text("\nIt is {{ now }}.\nNew: {{ now }}.\n")
    assert codes(capsys, "--baseline", "known.json") == ["CK201"]
    with pytest.raises(ConfigError, match="nowhere"):
        run("--baseline", "nowhere.json")


def test_output_goes_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """The report is in it, the summary on standard error, nothing on standard output."""
    assert run("--format", "sarif", "--output", "out.sarif") == 1
    assert len(json.loads(Path("out.sarif").read_text())["runs"][0]["results"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Found 1 error, 1 warning, 1 info in 1 prompt file." in shown.err
    with pytest.raises(ConfigError, match="nowhere"):
        run("--output", "nowhere/out.txt")


def test_problems_are_told_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    """A format for machines has them too, and standard error has them for people."""
    Path("bad.py").write_text("def x(:\n")
    for form in ("text", "json", "sarif", "github", "markdown"):
        assert run("--format", form) == 2
        shown = capsys.readouterr()
        assert "bad.py" in shown.out
        assert form == "text" or "1 file could not be analysed" in shown.err


def test_fix_makes_what_is_safe_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The serialisation gets an order, the file still parses, the finding is gone, and a second run changes nothing."""
    Path("app.py").write_text(APP)
    assert "CK110" in codes(capsys, "app.py")
    run("app.py", "--fix")
    assert "fixed app.py:11:" in capsys.readouterr().err
    assert Path("app.py").read_text() == APP.replace("json.dumps(rules)", "json.dumps(rules, sort_keys=True)")
    assert "CK110" not in codes(capsys, "app.py")
    run("app.py", "--fix")
    assert "fixed" not in capsys.readouterr().err


def test_the_cache_is_kept_beside_the_settings_or_not_at_all(folder: Path) -> None:
    """--no-cache leaves nothing behind."""
    Path("a.py").write_text("x = 1\n")
    run("--no-cache")
    assert not (folder / ".contextkit_cache").exists()
    run()
    assert (folder / ".contextkit_cache").is_dir()


def test_statistics_replace_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts and the summary; a format without counts is refused before any work."""
    run("--statistics")
    shown = capsys.readouterr().out
    assert "      1  CK201  error    clock-placeholder" in shown
    assert "{{ now }}" not in shown
    with pytest.raises(ConfigError, match="statistics"):
        run("--statistics", "--format", "sarif")


def test_help_imports_no_engine() -> None:
    """`contextkit lint --help` reads neither the rules nor any heavy library."""
    code = (
        "import argparse, sys\nfrom contextkit.commands import lint\nlint.arguments(argparse.ArgumentParser())\n"
        "print([name for name in sys.modules if name.startswith('contextkit.lint') or name == 'anthropic'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A dash is read like a file of the name that is given; what needs a file on the disk refuses it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(APP.encode())))
    assert run("-", "--stdin-filename", "app/main.py") == 1
    shown = capsys.readouterr().out
    assert shown.startswith("app/main.py:11:")
    assert 'json.dumps(rules), "cache_control"' in shown
    for words in (("-", "--fix"), ("-", "--diff", "HEAD"), (".", "--stdin-filename", "x.py")):
        with pytest.raises(ConfigError, match="standard input"):
            run(*words)
