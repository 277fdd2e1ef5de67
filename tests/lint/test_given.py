"""Pipes, devices and standard input: nothing hangs, and what is not read is said."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contextkit.errors import FormatError
from contextkit.lint import given
from contextkit.lint.config import Config
from contextkit.lint.engine import lint
from contextkit.lint.given import handed_over, irregular, read_limited, walked
from contextkit.lint.outcome import CLEAN, FOUND, NOT_ANALYSED

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCK = (
    b"import anthropic, datetime\nclient = anthropic.Anthropic()\n"
    b'client.messages.create(model="claude-opus-5-5", max_tokens=1, messages=[],\n'
    b'    system=[{"type": "text", "text": f"{datetime.datetime.now()}", "cache_control": {"type": "ephemeral"}}])\n'
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Gives bytes to standard input."""

    def put(raw: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return put


def test_what_is_no_file_is_named(folder: Path) -> None:
    """A pipe, a socket, a device; a file and a folder are neither, and a missing path is the system's error."""
    os.mkfifo("pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("sock.jsonl")
        assert irregular("sock.jsonl") == "a socket"
    assert irregular("pipe.jsonl") == "a named pipe"
    assert irregular("/dev/null") == "a device"
    assert irregular(folder) == ""
    with pytest.raises(FileNotFoundError):
        irregular("gone")


def test_a_pipe_of_the_shell_may_be_read(folder: Path) -> None:
    """What `<(command)` hands over has a writer: it is read like a file."""
    reads, writes = os.pipe()
    try:
        name = f"/dev/fd/{reads}"
        assert irregular(name) == ""
        assert handed_over(name)
        os.write(writes, CLOCK)
        os.close(writes)
        outcome = lint([name], Config(folder), workers=1)
        assert [one.code for one in outcome.findings] == ["CK101"]
    finally:
        os.close(reads)


def test_a_named_pipe_does_not_hang_the_linter(folder: Path) -> None:
    """Named by the user it is a problem; met in a folder it is counted; the files beside it are analysed."""
    os.mkfifo("pipe.py")
    os.mkfifo("pipe.jsonl")
    (folder / "app.py").write_bytes(CLOCK)
    named = lint(["pipe.py", "app.py"], Config(folder), workers=1)
    assert [(one.path, one.message) for one in named.problems] == [("pipe.py", "the path is a named pipe, no file")]
    assert len(named.findings) == 1
    assert named.status() == NOT_ANALYSED
    met = lint(["."], Config(folder), workers=1)
    assert met.notes == ["2 pipes, sockets or devices were not opened"]
    assert (met.problems, met.status()) == ([], FOUND)


@pytest.mark.parametrize(
    ("raw", "name", "kind"),
    [
        (CLOCK, "", "source"),
        (CLOCK, "app/main.py", "source"),
        (b'{"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "hi"}]}', "", "requests"),
        (b"You are kind. It is {{ now }}.", "agent.prompt", "prompt"),
    ],
)
def test_standard_input_is_what_its_name_or_content_says(
    feed: Callable[[bytes], None], raw: bytes, name: str, kind: str
) -> None:
    """Python source where nothing says otherwise; findings stand under the name that was given, or a dash."""
    feed(raw)
    outcome = lint(["-"], Config(Path.cwd()), workers=1, stdin_name=name)
    assert dict(outcome.evaluated) == {kind: 1}
    assert {one.path for one in outcome.findings} <= {name or "-"}
    assert bool(outcome.findings) == (kind != "requests")


def test_standard_input_that_is_broken_is_a_problem(feed: Callable[[bytes], None]) -> None:
    """With its place; and what has a name that no rule reads is said to be unread."""
    feed(b"def x(:\n")
    broken = lint(["-"], Config(Path.cwd()), workers=1)
    assert [(one.path, one.line) for one in broken.problems] == [("-", 1)]
    feed(b"x")
    assert lint(["-"], Config(Path.cwd()), workers=1, stdin_name="a.png").unread == ["a.png"]


def test_comments_and_the_shown_line_are_those_of_standard_input(feed: Callable[[bytes], None]) -> None:
    """A file of the same name on the disk is not looked at."""
    Path("app.py").write_bytes(b"x = 1\n" * 9)
    feed(CLOCK[:-1] + b"  # contextkit: ignore[CK101] a test\n")
    outcome = lint(["-"], Config(Path.cwd()), workers=1, stdin_name="app.py")
    assert (outcome.findings, outcome.suppressed, outcome.status()) == ([], 1, CLEAN)


def test_standard_input_is_held_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than that is refused with what to do."""
    monkeypatch.setattr(given, "_LIMIT", 3)
    assert read_limited(io.BytesIO(b"abc"), "-") == b"abc"
    with pytest.raises(FormatError, match="file"):
        read_limited(io.BytesIO(b"abcd"), "-")


def test_a_folder_is_walked_without_links_and_with_its_troubles(folder: Path) -> None:
    """Files by their endings, in order; no loop; what cannot be entered and what is no file is told."""
    (folder / "b").mkdir()
    (folder / "b" / "two.jsonl").write_text("{}")
    (folder / "one.jsonl").write_text("{}")
    (folder / "other.txt").write_text("")
    (folder / "b" / "loop").symlink_to(folder)
    os.mkfifo("pipe.jsonl")
    failed: dict[str, str] = {}
    odd: dict[str, str] = {}
    found = list(walked(folder, frozenset({".jsonl"}), failed, odd))
    assert [path.name for path in found] == ["two.jsonl", "one.jsonl"]
    assert odd == {str(folder / "pipe.jsonl"): "it is a named pipe, no file"}
    list(walked(folder / "gone", frozenset({".jsonl"}), failed, odd))
    assert failed == {str(folder / "gone"): "No such file or directory"}
