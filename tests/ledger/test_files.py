"""Ledger files: what was written comes back, whatever happened to the file in between."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contextkit.api.usage import Price, Usage
from contextkit.errors import FormatError, StoreError
from contextkit.ledger import Ledger, Row
from contextkit.ledger.files import JSONLSink, from_dict, opened, read

if TYPE_CHECKING:
    from pathlib import Path

KINDS = pytest.mark.parametrize("name", ["calls.jsonl", "calls.db"])
COUNTS = st.integers(0, 10**9)
RATES = st.floats(0, 1)
# What JSON and SQLite can hold: no lone surrogates.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
ROWS = st.builds(
    Row,
    st.floats(0, 1e11),
    TEXTS,
    st.sampled_from(["turn", "summary", "warm", "route", "side"]),
    TEXTS,
    st.builds(Usage, *[COUNTS] * 5),
    st.none() | st.builds(Price, TEXTS, *[RATES] * 5, note=TEXTS),
    COUNTS,
    *[TEXTS] * 4,
)


def a_row(at: float = 0.0, **said: Any) -> Row:
    """A row as `Ledger.add` makes it."""
    return Ledger().add(at=at, purpose="turn", model="claude-opus-5", usage=Usage(input=int(at) + 1), **said)


@KINDS
@given(rows=st.lists(ROWS, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_rows_come_back_as_they_were(name: str, rows: list[Row], tmp_path: Path) -> None:
    """Every field of every row, in order, whatever is in the texts."""
    path = tmp_path / name
    path.unlink(missing_ok=True)
    with opened(path, durable=False) as sink:
        for row in rows:
            sink(row)
    assert read(path) == rows


@KINDS
def test_a_ledger_keeps_itself(name: str, tmp_path: Path) -> None:
    """`keep` writes what is there and every further row; `read` gives a ledger with the same sums."""
    path = tmp_path / name
    ledger = Ledger(rows=[a_row(1), a_row(2)]).keep(path)
    ledger.add(at=3, purpose="summary", model="haiku", usage=Usage(input=9), step="fold")
    again = Ledger.read(path)
    assert again.rows == ledger.rows
    assert again.totals() == ledger.totals()
    assert list(again.by("step")) == list(ledger.by("step"))


@KINDS
def test_the_file_is_private_and_is_added_to(name: str, tmp_path: Path) -> None:
    """Only the user can read it, whatever the umask; opened again, it goes on."""
    path = tmp_path / name
    before = os.umask(0)
    try:
        for at in range(3):
            with opened(path) as sink:
                sink(a_row(at))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [row.at for row in read(path)] == [0, 1, 2]


@KINDS
def test_two_writers_share_a_file(name: str, tmp_path: Path) -> None:
    """Rows of both are whole and all there."""
    path = tmp_path / name
    one, other = opened(path, durable=False), opened(path, durable=False)
    for at in range(50):
        (one if at % 2 else other)(a_row(at))
    assert [row.at for row in read(path)] == list(range(50))
    one.close()
    other.close()


@KINDS
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.long)])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(name: str, kills: int, tmp_path: Path) -> None:
    """`kill -9` at any moment: every row that the writer said was kept is read back, and the next one goes on."""
    path = tmp_path / name
    code = (
        "import sys\nfrom contextkit.ledger import Ledger\nfrom contextkit.api.usage import Usage\n"
        "ledger = Ledger().keep(sys.argv[1])\n"
        "for at in range(int(sys.argv[2]), 10**9):\n"
        "    ledger.add(at=at, purpose='turn', model='claude-opus-5', usage=Usage(input=1))\n"
        "    print(at, flush=True)\n"
    )
    told, first = list[float](), 0
    for kill in range(kills):
        command = [sys.executable, "-c", code, str(path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: S603  (our own interpreter)
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * (kill % 10))
            writer.send_signal(signal.SIGKILL)
            said = [first, *(int(line) for line in writer.stdout.read().split(b"\n")[:-1])]
        told += said
        first += 1_000_000
    found = {row.at for row in read(path)}
    assert set(told) <= found
    assert len(found) <= len(told) + kills  # at most the one row that was written and not yet said


def test_a_torn_or_foreign_line_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A crash tears a line, somebody edits another: both are counted, the rest is whole, and rows go on after them."""
    path = tmp_path / "calls.jsonl"
    with JSONLSink(path) as sink:
        sink(a_row(1))
    with path.open("ab") as file:
        file.write(b'[1]\n\n{"usage": 7, "purpose": "turn"}\n' + b"[" * 100_000 + b"\n" + b'{"at": 2, "mod')
    with JSONLSink(path) as sink:
        sink(a_row(3))
    assert [row.at for row in read(path)] == [1, 3]
    assert "4 lines are no rows of a ledger (lines 2, 4, 5, 6)" in caplog.text


def test_an_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A line of 30 MB is passed over in pieces."""
    path = tmp_path / "calls.jsonl"
    with JSONLSink(path) as sink:
        sink(a_row(1))
    with path.open("ab") as file:
        file.write(b'"' + b"x" * 30_000_000 + b'"\n')
    with JSONLSink(path) as sink:
        sink(a_row(2))
    assert [row.at for row in read(path)] == [1, 2]


def test_a_huge_row_of_a_table_is_refused(tmp_path: Path) -> None:
    """A hostile file cannot make the reader hold 50 MB for one row."""
    path = tmp_path / "calls.db"
    Ledger(rows=[a_row(1)]).keep(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE calls SET note = hex(zeroblob(25000000))")
    db.commit()
    db.close()
    with pytest.raises(FormatError, match="no ledger"):
        read(path)


def test_a_full_disk_tears_one_line_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a part of a row could be written: the sink says so, and the next row stands on a line of its own."""
    path = tmp_path / "calls.jsonl"
    sink = JSONLSink(path)
    whole = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: whole(file, data[:20]))
        with pytest.raises(StoreError, match="cannot be written"):
            sink(a_row(1))
    sink(a_row(2))
    sink.close()
    assert [row.at for row in read(path)] == [2]


@pytest.mark.parametrize(
    "change",
    [
        {"usage": {"input": -1}}, {"usage": {"input": True}}, {"usage": {"input": 1e400}}, {"usage": []}, {"price": []},
        {"at": "1"}, {"at": float("nan")}, {"purpose": "fun"}, {"purpose": ["turn"]}, {"model": None},
        {"price": {"model": "m"}}, {"note": 7}, {"estimate": 1 << 70},
    ],
)  # fmt: skip
def test_a_row_has_to_be_one(change: dict[str, Any]) -> None:
    """Wrong types, negative counts and endless numbers are no rows."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_dict(a_row().as_dict() | change)


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """No folder, no permission, another kind of file: an error with the path, not a traceback of SQLite."""
    foreign = tmp_path / "other.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE things (x)")
    db.close()
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database at all" * 100)
    for path in (tmp_path / "none" / "a.jsonl", tmp_path / "none" / "a.db", foreign, garbage):
        with pytest.raises(StoreError, match="ledger file cannot be") as caught:
            opened(path)
        assert caught.value.where == str(path)
    empty = tmp_path / "text.jsonl"
    empty.write_text("hello\n", encoding="utf-8")
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    for path in (tmp_path / "none.jsonl", empty, damaged, foreign):
        with pytest.raises(FormatError) as refused:
            read(path)
        assert refused.value.where.startswith(str(path))


def test_a_closed_sink_raises_a_clear_error(tmp_path: Path) -> None:
    """Both kinds; and closing twice is nothing."""
    for name in ("a.jsonl", "a.db"):
        sink = opened(tmp_path / name)
        sink.close()
        sink.close()
        with pytest.raises(StoreError):
            sink(a_row())


def test_an_empty_file_is_an_empty_ledger(tmp_path: Path) -> None:
    """A sink that got nothing yet left nothing to complain about."""
    for name in ("a.jsonl", "a.db"):
        opened(tmp_path / name).close()
        assert read(tmp_path / name) == []


def test_the_table_answers_questions_in_sql(tmp_path: Path) -> None:
    """Columns are the fields of a record."""
    path = tmp_path / "calls.db"
    ledger = Ledger(rows=[a_row(1, step="a"), a_row(2, step="b"), a_row(3, step="b")]).keep(path)
    db = sqlite3.connect(path)
    found = dict(db.execute("SELECT step, SUM(cost) FROM calls GROUP BY step").fetchall())
    db.close()
    assert found == {name: pytest.approx(total.cost) for name, total in ledger.by("step").items()}


def test_lines_are_plain_json(tmp_path: Path) -> None:
    """Any tool can read them: one object a line, with the price that made the cost."""
    path = tmp_path / "calls.jsonl"
    Ledger(rows=[a_row(1, note="attempt 2")]).keep(path)
    (told,) = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert told["note"] == "attempt 2"
    assert told["cost"] == pytest.approx(2 * told["price"]["input"])
