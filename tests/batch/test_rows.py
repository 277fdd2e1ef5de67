"""Results as rows, and a bar for those who look."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from contextkit.batch import Progress, Result
from contextkit.batch.progress import telling
from contextkit.batch.rows import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Label:
    """A value that is no JSON."""

    name: str


def test_values_of_any_kind_have_a_row(tmp_path: Path) -> None:
    """Objects become JSON, what has no form there its text; not-a-number does not break the file."""
    values = [Label("x"), {1, 2}, float("nan"), object, None, b"\xff"]
    assert write([Result(str(at), "succeeded", value) for at, value in enumerate(values)], tmp_path / "o.jsonl") == 6
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert lines[0]["value"] == {"name": "x"}
    assert lines[4]["value"] is None


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """What breaks off while it is written leaves the old file as it was, and nothing beside it."""
    (tmp_path / "o.jsonl").write_text("old")

    def broken() -> Iterator[Result]:
        yield Result("a", "succeeded", 1)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write(broken(), tmp_path / "o.jsonl")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("o.jsonl", "old")]


def test_a_bar_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands on standard error, and the user's function is called too."""
    told: list[Progress] = []
    progress = Progress("collecting", 10, 5, 1, 0.25)
    with telling(told.append, bar=True) as tell:
        tell(progress)
    with telling(None, bar=False) as tell:
        tell(progress)
    assert told == [progress]
    out, err = capsys.readouterr()
    assert out == ""
    assert "5/10" in err
