from __future__ import annotations

import os
from pathlib import Path

import pytest

from contextkit.lint import joined
from contextkit.lint.memo import FOLDER, Memo
from contextkit.lint.outcome import Problem

APP = """\
import anthropic
from prompts import system_prompt

client = anthropic.Anthropic()


def ask(messages):
    return client.messages.create(
        model="claude-opus-5-5", max_tokens=100, system=system_prompt(), messages=messages
    )
"""
PROMPTS = """\
from datetime import datetime


def system_prompt():
    return f"You are kind. It is {datetime.now()}."
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A program of two files, in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(APP)
    Path("prompts.py").write_text(PROMPTS)
    return ["app.py", "prompts.py"]


def places(paths: list[str], memo: Memo, workers: int = 1) -> list[tuple[str, str, int]]:
    """Codes and places of the findings."""
    found, problems, _ = joined.lint_source(paths, memo, workers)
    assert problems == []
    return [(one.code, one.path, one.line) for one in found]


WANTED = ("CK101", "prompts.py", 5)


def test_files_are_joined(program: list[str]) -> None:
    """A clock in one file reaches the request in another."""
    assert WANTED in places(program, Memo(None))
    assert WANTED not in places(["prompts.py"], Memo(None))


def test_the_cache_changes_nothing_but_the_time(program: list[str], tmp_path: Path) -> None:
    """Without it, filling it, from it, with any of its entries broken, and after a change: the same answers."""
    fresh = places(program, Memo(None))
    assert places(program, Memo(tmp_path)) == places(program, Memo(tmp_path)) == fresh
    entries = [file for file in (tmp_path / FOLDER / "lint").glob("*/*") if file.is_file()]
    assert len(entries) >= 3
    for file in entries:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert places(program, Memo(tmp_path)) == fresh
        file.write_bytes(whole)
    Path("prompts.py").write_text("def system_prompt():\n    return 'You are kind.'\n")
    assert WANTED not in places(program, Memo(tmp_path))
    Path("prompts.py").write_text("\n" + PROMPTS)
    assert ("CK101", "prompts.py", 6) in places(program, Memo(tmp_path))


def test_an_unchanged_program_is_not_analysed_again(
    program: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run takes summaries and findings from the cache; a run with one new file makes one summary."""
    first = places(program, Memo(tmp_path))
    made: list[str] = []
    summarised = joined._summarised

    def counted(path: str, raw: bytes) -> object:
        made.append(path)
        return summarised(path, raw)

    monkeypatch.setattr(joined, "_summarised", counted)
    assert places(program, Memo(tmp_path)) == first
    assert made == []
    Path("new.py").write_text("x = 1\n")
    assert places([*program, "new.py"], Memo(tmp_path)) == first
    assert made == ["new.py"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_processes_find_what_one_does(program: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order, problems too."""
    Path("broken.py").write_text("def x(:\n")
    paths = [*program, "broken.py"]
    alone = joined.lint_source(paths, Memo(None), 1)
    monkeypatch.setattr(joined, "_WORTH", 0)
    assert joined.lint_source(paths, Memo(None), 2) == alone
    assert [problem.path for problem in alone[1]] == ["broken.py"]


def _fatal(path: str, raw: bytes) -> object:
    """Ends its process, as a parser out of stack does, when the file says so."""
    if b"fatal" in raw:
        os._exit(11)
    return Problem(path, "seen")


@pytest.mark.skipif("fork" not in __import__("multiprocessing").get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_file_that_kills_its_process_is_a_problem_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All others are still analysed."""
    monkeypatch.setattr(joined, "_WORTH", 0)
    monkeypatch.setattr(joined, "_summarised", _fatal)
    paths = []
    for number in range(20):
        file = tmp_path / f"{number:02}.py"
        file.write_text("fatal" if number == 7 else "x = 1\n")
        paths.append(str(file))
    _, problems, _ = joined.lint_source(paths, Memo(None), 2)
    said = {Path(problem.path).name: problem.message for problem in problems}
    assert len(said) == 20
    assert [name for name, message in said.items() if message != "seen"] == ["07.py"]
    assert "ended its process" in said["07.py"]


def test_a_group_that_cannot_be_followed_is_a_problem(program: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on, says so, and does not keep it as an answer."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("contextkit.lint.source.findings", fail)
    found, problems, _ = joined.lint_source(program, Memo(None), 1)
    assert found == []
    assert [(one.path, "ZeroDivisionError: by zero" in one.message) for one in problems] == [("app.py", True)]
