"""Bad input, and how the parts of a run work together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contextkit.lint.config import Config
from contextkit.lint.engine import lint
from contextkit.lint.outcome import CLEAN, FOUND, NOT_ANALYSED, NOTHING, Outcome, Problem, from_data, to_data
from contextkit.lint.rule import Edit, Finding, Place, Severity

BODY = {"model": "claude-opus-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: str | bytes) -> str:
    """A file in the working folder."""
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def run(*paths: str, **more: Any) -> Outcome:
    """A run over paths with the default settings."""
    return lint(paths or ["."], more.pop("config", None) or Config(Path.cwd()), workers=1, **more)


PROBLEMS = [
    ("a.py", "def x(:\n", 1),
    ("a.py", "x = 1\ny = 'open\n", 2),
    ("a.py", "x = " + "(" * 5_000 + ")" * 5_000, 1),
    ("a.py", "x = " + "-" * 100_000 + "1", 1),
    ("a.py", b"x = 1\n\x00", 2),
    ("a.py", b"# coding: nonsense\n", 1),
    ("a.py", "é = 1\n".encode("utf-16"), 1),
    ("a.py", b"x = 1\ny = '\xff'\n", 2),
    ("a.prompt", b"You are\n\xff kind", 2),
    ("a.prompt", b"You are\n\n\x00 kind", 3),
    ("a.json", json.dumps(BODY)[:-4], 1),
    ("a.json", json.dumps(BODY, indent=1)[:-4], 9),
    ("a.jsonl", f"{json.dumps(BODY)}\n{{broken\n{json.dumps(BODY)}\n", 2),
    ("a.jsonl", "[" * 200_000 + "\n", 1),
]


@pytest.mark.parametrize(("name", "content", "line"), PROBLEMS, ids=[str(at) for at in range(len(PROBLEMS))])
def test_what_cannot_be_analysed_is_said_with_its_place(name: str, content: str | bytes, line: int) -> None:
    """Never a traceback, never a silent pass: status 2, the file and the line; the good file beside it is analysed."""
    write("good.prompt", "It is {{ now }}.\n")
    write(name, content)
    outcome = run(name, "good.prompt")
    assert outcome.status() == NOT_ANALYSED
    assert outcome.problems[0].path == name
    assert outcome.problems[0].line == line
    assert [one.code for one in outcome.findings if one.path == "good.prompt"] == ["CK201"]


@pytest.mark.timeout(60)
def test_lines_of_ten_megabytes_are_read() -> None:
    """In source, prompts and logs."""
    long = "x" * 10_000_000
    write("a.prompt", f"You are kind. {long} {{{{ now }}}}\n")
    write("a.json", json.dumps({**BODY, "messages": [{"role": "user", "content": long}]}))
    write("a.py", f"x = 1\n#{long}\n")
    outcome = run("a.prompt", "a.json", "a.py")
    assert {problem.path for problem in outcome.problems} <= {"a.py", "a.prompt"}  # larger than is read, and said so
    assert outcome.evaluated.total() + len(outcome.problems) == 3


def test_cyclic_imports_end() -> None:
    """Two modules may import each other, and themselves."""
    write("a.py", "import a\nfrom b import g\nimport anthropic\ndef f(): return g()\n")
    write("b.py", "from a import f\ndef g(): return f()\n")
    outcome = run()
    assert (outcome.problems, outcome.evaluated["source"]) == ([], 2)


def test_nothing_to_evaluate_is_its_own_status() -> None:
    """An empty folder, a file that no rule reads, JSON that is no request."""
    assert run().status() == NOTHING
    assert run().status(allow_empty=True) == CLEAN
    named = run(write("x.png", b"\x89PNG"))
    assert (named.status(), named.unread) == (NOTHING, ["x.png"])
    other = run(write("data.json", '{"a": 1}'))
    assert (other.status(), other.unread) == (NOTHING, ["data.json"])
    assert run().status() == NOTHING


def test_json_that_is_merely_met_is_not_judged() -> None:
    """Settings with comments are no broken requests; a cut request is one."""
    write("good.prompt", "Be kind.\n")
    write("settings.json", '{"system": true, // why\n "a": 1}')
    assert run().status() == CLEAN
    write("body.json", json.dumps(BODY)[:-4])
    outcome = run()
    assert [problem.path for problem in outcome.problems] == ["body.json"]


def test_a_request_is_evaluated() -> None:
    """A clean body counts, though it gives no finding above info."""
    outcome = run(write("body.json", json.dumps(BODY)))
    assert outcome.evaluated["requests"] == 1
    assert outcome.status() == CLEAN


def test_severity_decides_the_status() -> None:
    """Infos alone are clean, unless strict; a warning is found."""
    outcome = run(write("a.prompt", "For {{ company }}.\n"))
    assert [one.severity for one in outcome.findings] == [Severity.INFO]
    assert (outcome.status(), outcome.status(strict=True)) == (CLEAN, FOUND)
    assert run(write("b.prompt", "For {{ user_id }}.\n")).status() == FOUND


def test_settings_are_obeyed() -> None:
    """Select, ignore and per-file ignores, and comments; each leaves the rest."""
    write("prompts/a.md", "{{ now }} {{ user_id }}\n")
    write("prompts/old/b.md", "{{ now }} {{ user_id }}\n")
    root = Path.cwd()

    def found(config: Config) -> list[str]:
        return [f"{one.path[8:]}:{one.code}" for one in run(config=config).findings]

    assert found(Config(root, select=("CK203",))) == ["a.md:CK203", "old/b.md:CK203"]
    assert found(Config(root, ignore=("CK203",))) == ["a.md:CK201", "old/b.md:CK201"]
    assert found(Config(root, per_file_ignores=(("**/old/", ("CK2",)),))) == ["a.md:CK201", "a.md:CK203"]
    assert found(Config(root, exclude=("prompts/old/",))) == ["a.md:CK201", "a.md:CK203"]
    write("prompts/a.md", "{{ now }} {{ user_id }} {# contextkit: ignore[CK201, CK204] why #}\n")
    assert found(Config(root, exclude=("prompts/old/",))) == ["a.md:CK203", "a.md:CK001"]


def test_findings_survive_json() -> None:
    """What is kept between runs is what was found."""
    finding = Finding(
        "CK101", "n", Severity.WARNING, "a.py", 1, 2, "m", "h", 3, 4, 5, "/p",
        (Place("b.py", 1, 2, "x"),), (Edit("a.py", 1, 2, "t"),), 6, 0.5, "c",
    )  # fmt: skip
    again = from_data(json.loads(json.dumps(to_data(finding))))
    assert to_data(again) == to_data(finding)
    assert list(again.flow) == list(finding.flow)


def test_a_problem_has_the_place_of_its_error() -> None:
    """Lines are read from what the error says of this file."""
    from contextkit.errors import FormatError  # noqa: PLC0415

    error = FormatError("no", where="a:9/x.py:12:7", fix="Do.")
    assert Problem.of("a:9/x.py", error) == Problem("a:9/x.py", "no", 12, 7, "Do.")
    assert Problem.of("b", FormatError("no", where="b, line 4")).line == 4
    assert Problem.of("b", FormatError("no", where="b")).line == 1


def test_notebooks_and_stubs_are_said_to_be_unread() -> None:
    """Met in a folder they are counted in the summary; named they are no request, and alone nothing to evaluate."""
    write("app.py", "x = 1\n")
    for name in ("a.ipynb", "b.ipynb", "c.pyi"):
        write(name, '{"cells": []}')
    outcome = run(".")
    assert outcome.notes == ["2 notebooks were not read (.ipynb)", "1 stub file was not read (.pyi)"]
    assert outcome.status() == CLEAN
    named = run("a.ipynb", "c.pyi")
    assert (named.unread, named.status()) == (["a.ipynb", "c.pyi"], NOTHING)
