"""The command line's frame: help, wrong use, our errors, and a reader that goes away."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from contextkit import cli
from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def a_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], None]:
    """Puts a command in the place of a real one."""

    def put(run: Callable[[], int]) -> None:
        module = SimpleNamespace(arguments=lambda parser: parser.add_argument("--loud"), run=lambda _: run())
        monkeypatch.setattr(cli, "import_module", lambda _: module)

    return put


def status(*words: str) -> Any:
    """The exit status, also where argparse leaves by itself."""
    try:
        return cli.main(words)
    except SystemExit as left:
        return left.code


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its summary, without importing any of them."""
    assert status("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)
    words = " ".join(shown.split())
    assert all(" ".join(summary.split()) in words for summary in cli.COMMANDS.values())


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each listed command exists, and tells its arguments."""
    assert status(name, "--help") == 0
    assert f"usage: contextkit {name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("nonsense",), (), ("--nonsense",)])
def test_wrong_use_is_status_two(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command, none, an unknown option: a usage line on stderr, nothing on stdout."""
    assert status(*words) == 2
    shown = capsys.readouterr()
    assert "usage: contextkit" in shown.err
    assert shown.out == ""


def test_the_commands_status_is_the_exit_status(a_command: Callable[[Callable[[], int]], None]) -> None:
    """What a command returns is returned."""
    a_command(lambda: 1)
    assert status("demo") == 1
    assert status("demo", "--loud", "x") == 1


def test_our_errors_are_printed_and_are_status_two(
    a_command: Callable[[Callable[[], int]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What, where and what to do on stderr in one line, without a traceback."""

    def refuse() -> int:
        raise ConfigError("the port is taken", where="--port 80", fix="Give another one.")

    a_command(refuse)
    assert status("demo") == 2
    shown = capsys.readouterr()
    assert shown.err == "contextkit demo: the port is taken (--port 80). Give another one.\n"
    assert shown.out == ""


def test_an_interruption_is_status_130(a_command: Callable[[Callable[[], int]], None]) -> None:
    """Ctrl-C ends a command without a traceback, with the shell's status for it."""

    def interrupt() -> int:
        raise KeyboardInterrupt

    a_command(interrupt)
    assert status("demo") == 130


def test_other_errors_are_not_hidden(a_command: Callable[[Callable[[], int]], None]) -> None:
    """A fault of ours shows its traceback."""

    def fail() -> int:
        raise ZeroDivisionError

    a_command(fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["demo"])


PIPED = """
import sys
from types import SimpleNamespace
from contextkit import cli

def run(args):
    for _ in range({lines}):
        print("a line of output")
    return 0

cli.import_module = lambda name: SimpleNamespace(arguments=lambda parser: None, run=run)
sys.exit(cli.main(["demo"]))
"""


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_goes_away_is_no_error(lines: int) -> None:
    """As `| head` does: little output or much, status 0 and not a word on stderr."""
    code = PIPED.format(lines=lines)
    with subprocess.Popen(  # noqa: S603  (our own interpreter and text)
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(timeout=60), said) == (0, "")
