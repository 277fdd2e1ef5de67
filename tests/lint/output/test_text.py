from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contextkit.lint.outcome import Outcome, Problem
from contextkit.lint.output import render
from contextkit.lint.output.clean import plain, width, window
from contextkit.lint.rule import Finding, Place, Severity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of three lines in the working folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.py"
    file.write_text("import time\n\tnow = time.time()\nsend(f'{now}')\n")
    return file


def a_finding(**more: Any) -> Finding:
    """A finding on the second line of a.py."""
    fields: dict[str, Any] = {"path": "a.py", "line": 2, "column": 8, "end_line": 2, "end_column": 19, **more}
    return Finding(code="CK101", name="clock", severity=Severity.ERROR, message="m", help="do it later", **fields)


def test_place_line_caret_flow_and_help_are_shown(source: Path) -> None:
    """The caret stands under the marked text; the flow says what happened where."""
    flow = [Place("a.py", 2, 8), Place("a.py", 3, 6, "into the text"), Place("a.py", 3, 1)]
    shown = render(Outcome([a_finding(flow=flow)], evaluated=_one()), "text")
    assert shown == (
        "a.py:2:8: CK101 error m [clock]\n"
        "    2 | now = time.time()\n"
        "      |       ^^^^^^^^^^^\n"
        "      made here   a.py:2:8  now = time.time()\n"
        "      passed here a.py:3:6  into the text\n"
        "      sent here   a.py:3:1  send(f'{now}')\n"
        "      help: do it later\n"
        "\n"
        "Found 1 error in 1 Python file.\n"
    )


def test_a_request_is_told_by_its_index_and_pointer(source: Path) -> None:
    """A line of a log is not shown; where in it is."""
    shown = render(Outcome([a_finding(request=3, pointer="/system/0", conversation="c1")], evaluated=_one()), "text")
    assert "request 3, /system/0, conversation c1" in shown
    assert "time.time()" not in shown


def test_problems_and_counts_stand_in_the_summary(source: Path) -> None:
    """What was not analysed, ignored, known or unchanged is counted."""
    outcome = Outcome(
        problems=[Problem("a.py", "the file does not parse", 3, 5, "Repair it.")],
        unread=["x.png"], notes=["1 link to a folder was not followed"], suppressed=1, known=2, unchanged=1_000,
    )  # fmt: skip
    shown = render(outcome, "text")
    assert "a.py:3:5: not analysed: the file does not parse\n    3 | send(f'{now}')\n      |     ^\n" in shown
    assert shown.endswith(
        "Nothing to evaluate. 1 file could not be analysed. 1 finding ignored by comments. 2 findings known from the "
        "baseline. 1,000 findings on lines that did not change. 1 file that no rule reads: x.png. 1 link to a folder "
        "was not followed.\n"
    )


def test_colours_only_when_asked(source: Path) -> None:
    """Without them there is no escape at all."""
    outcome = Outcome([a_finding()], evaluated=_one())
    assert "\x1b[1;31m" in render(outcome, "text", colour=True)
    assert "\x1b" not in render(outcome, "text")


HOSTILE = "\x1b[2J\x07\u202eevil\u2066\u200b\ud800\r::error::x"


@pytest.mark.parametrize("form", ["text", "github", "markdown", "sarif", "json"])
def test_hostile_text_stays_text(form: str, tmp_path: Path) -> None:
    """No control character, direction mark, invisible sign or half pair leaves any format."""
    finding = a_finding(
        path=f"{tmp_path}/{HOSTILE}.py", flow=[Place(HOSTILE, 1, 1, HOSTILE)], pointer=HOSTILE, request=1
    )
    hostile = Finding(**{**{name: getattr(finding, name) for name in Finding.__slots__}, "message": HOSTILE})
    shown = render(Outcome([hostile], [Problem("p", HOSTILE)], notes=[HOSTILE], evaluated=_one()), form)
    assert all(sign == "\n" or sign.isprintable() for sign in shown)
    assert "\n::error::x" not in shown
    shown.encode("utf-8")


def test_a_long_line_is_a_window() -> None:
    """Of ten megabytes about 160 characters are shown, with the caret under the right ones."""
    text, carets = window("x" * 5_000_000 + "BAD" + "y" * 5_000_000, 5_000_000, 5_000_003)
    assert len(text) < 200
    assert text[carets.index("^") : carets.rindex("^") + 1] == "BAD"


@pytest.mark.parametrize(("line", "start"), [("\tdoc = '漢字' + x", 14), ("e\u0301 = x", 5)])
def test_the_caret_counts_columns(line: str, start: int) -> None:
    """Wide characters take two columns, combining ones none."""
    text, carets = window(line, start, start + 1)
    assert line[start] == "x"
    assert width(text[: text.index("x")]) == carets.index("^")


def test_plain_says_what_it_hides() -> None:
    """An escape stands for each sign that is not shown."""
    assert plain("a\x00\u202e\U000e0001é") == "a\\x00\\u202e\\U000e0001é"
    assert len(plain("a" * 10_000)) == 2_000


def _one() -> Any:
    from collections import Counter  # noqa: PLC0415

    return Counter(source=1)
