"""`contextkit emulate` as a user runs it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.cli import main
from contextkit.commands import emulate

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello."}]}


@contextmanager
def running(*options: str, cwd: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address that it printed."""
    code = "import sys; from contextkit.cli import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(  # noqa: S603  (our own command)
        [sys.executable, "-c", code, "emulate", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        try:
            yield process, line.removeprefix("ANTHROPIC_BASE_URL=")
        finally:
            process.kill()


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """One messages call."""
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    request = urllib.request.Request(f"{url}/v1/messages", json.dumps(body).encode(), headers)  # noqa: S310  (loopback)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  (loopback)
        found: dict[str, Any] = json.loads(answer.read())
    return found


def test_it_prints_the_address_answers_and_stops_on_ctrl_c() -> None:
    """Without a script every request is answered with its own bill; Ctrl-C ends it with status 0."""
    with running() as (process, url):
        assert url.startswith("http://127.0.0.1:")
        answer = ask(url, BODY)
        assert f"{answer['usage']['input_tokens']} tokens (estimated)" in answer["content"][0]["text"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "Traceback" not in errors


def test_a_json_script_can_repeat(tmp_path: Path) -> None:
    """Replies come in order, and begin again where it is asked for."""
    script = tmp_path / "lines.json"
    script.write_text(json.dumps(["one", {"content": ["two"]}]), encoding="utf-8")
    with running("--script", str(script), "--repeat") as (_, url):
        assert [ask(url, BODY)["content"][0]["text"] for _ in range(3)] == ["one", "two", "one"]


def test_a_function_of_the_users_own_plays(tmp_path: Path) -> None:
    """`module:function` is found where the command is run."""
    (tmp_path / "my_script.py").write_text("def play(body):\n    return body['model']\n", encoding="utf-8")
    with running("--script", "my_script:play", "--clock", "virtual", cwd=tmp_path) as (_, url):
        assert ask(url, BODY)["content"][0]["text"] == "claude-opus-5-5"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("missing.json", "cannot be read"),
        ("broken.json", "not JSON"),
        ("wrong.json", "a script file is a list"),
        ("no_such_module:play", "cannot be imported"),
        ("json:no_such_function", "has no function"),
        ("json", "names no script"),
        (":", "names no script"),
    ],
)
def test_a_wrong_script_is_refused_before_serving(
    script: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and one line that says what is wrong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("[", encoding="utf-8")
    (tmp_path / "wrong.json").write_text("{}", encoding="utf-8")
    assert main(["emulate", "--port", "0", "--script", script]) == 2
    assert words in capsys.readouterr().err


def test_there_is_no_way_to_serve_other_machines() -> None:
    """No option names a host."""
    parser = argparse.ArgumentParser()
    emulate.arguments(parser)
    assert "host" not in parser.format_help().replace("localhost", "")
