"""The demo: four runs, one table, figures that come from what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contextkit.cli import main
from contextkit.demo.runs import NAMES

KEYS = [
    "name", "calls", "read", "write_5m", "write_1h", "uncached", "output", "cost_usd", "hit_rate", "breaks", "folds",
    "largest_prompt", "own_seconds",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs() -> dict[str, dict[str, Any]]:
    """A short demo, as its JSON says."""
    import contextlib  # noqa: PLC0415
    import io  # noqa: PLC0415

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["demo", "--calls", "30", "--budget", "12000", "--json"]) == 0
    said = json.loads(out.getvalue())
    assert said["model"] == "claude-sonnet-5-5"
    return {run["name"]: run for run in said["runs"]}


def test_json_has_the_promised_form(runs: dict[str, dict[str, Any]]) -> None:
    """Four runs by name, each with the promised keys."""
    assert list(runs) == list(NAMES)
    assert all(list(run) == KEYS for run in runs.values())


def test_the_runs_are_what_they_are_called(runs: dict[str, dict[str, Any]]) -> None:
    """No cache in the first, no break in the append-only ones, a break a turn in the sliding one."""
    assert runs["none"]["read"] == runs["none"]["write_5m"] == 0
    assert runs["automatic"]["breaks"] == 0
    assert runs["automatic"]["uncached"] == 0
    assert runs["sliding"]["breaks"] == runs["sliding"]["folds"] > 15
    assert runs["contextkit"]["breaks"] == runs["contextkit"]["folds"] > 0


def test_contextkit_is_several_times_cheaper(runs: dict[str, dict[str, Any]]) -> None:
    """Than nothing, than automatic caching alone, and than the sliding recipe; within its budget."""
    own = runs["contextkit"]["cost_usd"]
    assert runs["none"]["cost_usd"] > 5 * own
    assert runs["automatic"]["cost_usd"] > 2 * own
    assert runs["sliding"]["cost_usd"] > 3 * own
    assert runs["contextkit"]["largest_prompt"] < 13_500


def test_the_table_says_that_the_bill_is_emulated(capsys: pytest.CaptureFixture[str]) -> None:
    """The printed form names the runs, the ratio, and where the bill comes from."""
    assert main(["demo", "--calls", "6"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(name in out for name in NAMES)
    assert "The bill is emulated" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--calls", "2"], "--calls is 2"),
        (["--model", "x"], "not in the table"),
        (["--yes"], "--yes agrees to nothing"),
    ],
)
def test_wrong_options_are_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A clear error on stderr and exit status 2."""
    assert main(["demo", *words]) == 2
    assert said in capsys.readouterr().err
