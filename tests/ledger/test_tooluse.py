"""What tool caches did, counted beside the calls."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.api.usage import Usage
from contextkit.cli import main
from contextkit.ledger import Ledger, ToolUses
from contextkit.report import summary
from contextkit.toolcache import CacheEvent, cached

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("hit", "stale", "shared", "miss", "refresh", "bypass", "refused", "failed")


def test_a_cached_tool_tells_the_ledger() -> None:
    """Every call of a cached tool is counted under its name: runs, answers from the cache, and what they saved."""
    ledger = Ledger()

    @cached(ttl=60, on_event=ledger.tools.note, name="weather")
    def weather(city: str) -> str:
        return f"fine in {city}"

    for city in ("Oslo", "Lyon", "Oslo", "Oslo"):
        weather(city)
    found = ledger.tools.tools["weather"]
    assert (found.served, found.ran, found.hit_rate) == (2, 2, 0.5)
    assert found.saved_seconds >= 0.0
    assert json.loads(json.dumps(found.as_dict()))["ran"] == 2
    assert "tool weather: 2 of 4 calls from the cache" in summary(ledger)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from("ab"), st.floats(0, 9), st.integers(0, 9))))
def test_sums_are_those_of_the_events(events: list[tuple[str, str, float, int]]) -> None:
    """Every event is either served or run, and its savings are in its tool's sums."""
    uses = ToolUses()
    for kind, name, seconds, tokens in events:
        uses.note(CacheEvent(kind, name, "", "", 0.0, 1.0, seconds, tokens))  # type: ignore[arg-type]  # drawn text
    for name, found in uses.tools.items():
        own = [event for event in events if event[1] == name]
        assert found.served + found.ran == len(own) == found.seconds
        assert found.served == sum(event[0] in {"hit", "stale", "shared"} for event in own)
        assert found.saved_seconds == pytest.approx(sum(event[2] for event in own))
        assert found.saved_tokens == sum(event[3] for event in own)


def test_threads_count_together() -> None:
    """No event is lost between threads."""
    uses = ToolUses()
    event = CacheEvent("hit", "a", "", "", 0.0, saved_tokens=1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: uses.note(event), range(2_000)))
    assert uses.tools["a"].served == uses.tools["a"].saved_tokens == 2_000


def test_a_file_of_an_older_contextkit_has_no_tools(tmp_path: Path) -> None:
    """A ledger's table that was made before tools were booked is read, and takes them from now on."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        Ledger().keep(tmp_path / "old.db")
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'tools'").fetchall() == []
    assert Ledger.read(tmp_path / "old.db").tools.rows == []
    ledger = Ledger().keep(tmp_path / "old.db")
    row = ledger.note_tool(CacheEvent("hit", "a", "", "", 1.0, 0.0, 2.0, 3, "why"), step="s", conversation="c")
    assert Ledger.read(tmp_path / "old.db").tools.rows == [row]
    assert ledger.lost == 0


def test_a_line_that_is_no_row_of_a_tool_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A foreign line costs itself; a sink that fails at a tool's row is counted, and the tool goes on."""
    path = tmp_path / "calls.jsonl"
    ledger = Ledger().keep(path)
    ledger.note_tool(CacheEvent("hit", "a", "", "", 1.0))
    with path.open("a") as file:
        file.write('{"tool": 7, "at": 1, "kind": "hit"}\n{"tool": "b", "kind": "hit"}\n')
    assert [row.tool for row in Ledger.read(path).tools.rows] == ["a"]
    assert "2 lines" in caplog.text
    ledger.sinks[0].close()  # type: ignore[attr-defined]  # a sink of ours
    ledger.note_tool(CacheEvent("hit", "a", "", "", 2.0))
    assert (ledger.lost, len(ledger.tools.rows)) == (1, 2)


def test_a_ledger_that_is_taken_brings_its_tools() -> None:
    """`take` of a ledger books its tools' rows here too, under the name that is given where they have none."""
    one, main = Ledger(), Ledger()
    one.note_tool(CacheEvent("hit", "a", "", "", 1.0))
    main.take(one, "first")
    assert [(row.tool, row.conversation) for row in main.tools.rows] == [("a", "first")]
    main.take(one.rows)
    assert len(main.tools.rows) == 1


def test_the_command_shows_what_tools_caches_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`contextkit ledger FILE`: a line a cached tool, of several files together; sums by tool as JSON."""
    for at, kind in enumerate(("miss", "hit")):
        ledger = Ledger().keep(tmp_path / f"{at}.db")
        ledger.add(at=1.0, purpose="turn", model="claude-opus-5", usage=Usage(input=5))
        ledger.note_tool(CacheEvent(kind, "weather", "", "", 1.0, saved_seconds=2.0 * at, saved_tokens=at))  # type: ignore[arg-type]
    files = [str(tmp_path / f"{at}.db") for at in range(2)]
    assert main(["ledger", *files]) == 0
    assert "tool weather: 1 of 2 calls from the cache, 2.0 s and 1 tokens saved" in capsys.readouterr().out
    assert main(["ledger", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tools"]["weather"]["hit_rate"] == 0.5
