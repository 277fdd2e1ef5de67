"""`contextkit shape`: try a shape on samples, and ask them what to drop."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest

from contextkit.commands import shape
from contextkit.errors import FormatError, ShapeError

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = [
    {"id": number, "object": "order", "url": f"https://example.com/{number}", "items": [{"sku": f"s{number}"}]}
    for number in range(5)
]


@pytest.fixture
def sample(tmp_path: Path) -> str:
    """A file with one JSON document."""
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(ORDERS, indent=2))
    return str(path)


def called(*words: str) -> int:
    """Run the command with these words."""
    parser = argparse.ArgumentParser()
    shape.arguments(parser)
    return shape.run(parser.parse_args(words))


def test_before_and_after_are_printed_with_the_share_saved(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One look shows the output, what enters, and what it saves."""
    assert called(sample, "--select", "$[*].id", "--select", "$[*].items[*].sku") == 0
    out = capsys.readouterr().out
    assert '[{"id":0,"items":[{"sku":"s0"}]},' in out
    assert "% saved" in out
    assert "estimated" in out


def test_figures_as_json(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one object a sample with characters and tokens before and after."""
    assert called(sample, "--drop", "$..url", "--json", "--family", "classic") == 0
    row = json.loads(capsys.readouterr().out)
    assert row["chars_after"] < row["chars_before"]
    assert row["tokens_after"] < row["tokens_before"]
    assert 0 < row["saved"] < 1


def test_a_selection_that_matches_nothing_is_status_1(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A script can tell that a path went stale."""
    assert called(sample, "--select", "$[*].nothing") == 1
    assert "no selection matched" in capsys.readouterr().out


def test_declared_shapes_can_be_tried(sample: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--shapes FILE --shape NAME` tries what a file declares; an unknown name lists the known ones."""
    declared = tmp_path / "shapes.json"
    declared.write_text(json.dumps({"ids": {"select": ["$[*].id"]}}))
    assert called(sample, "--shapes", str(declared), "--shape", "ids") == 0
    assert '[{"id":0},' in capsys.readouterr().out
    with pytest.raises(ShapeError, match="Declared are: ids"):
        called(sample, "--shapes", str(declared), "--shape", "other")


def test_every_option_of_a_shape_that_fits_a_command_line_is_there(sample: str) -> None:
    """Fields, caps, values and text options are options of the command."""
    assert called(sample, "--fields", "ids=$[*].id", "--max-chars", "200", "--dates", "day", "--drop-empty") == 0
    with pytest.raises(ShapeError, match="NAME=PATH"):
        called(sample, "--fields", "ids")


def test_suggestions_name_reason_and_saving(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--suggest` lists what could go, and what all of it would save."""
    assert called(sample, "--suggest") == 0
    out = capsys.readouterr().out
    assert "constant   $[*].object" in out
    assert "url        $[*].url" in out
    assert "saved" in out
    assert called(sample, "--suggest", "--json") == 0
    assert {json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()} == {"constant", "url"}


def test_lines_of_a_jsonl_are_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of a .jsonl file is a sample of its own."""
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(json.dumps(order) for order in ORDERS))
    assert called(str(path), "--select", "$.id", "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """An absent file, or text where JSON is needed, is an error with the name of the file."""
    with pytest.raises(FormatError, match=r"gone\.json"):
        called(str(tmp_path / "gone.json"))
    path = tmp_path / "page.html"
    path.write_text("<p>")
    with pytest.raises(FormatError, match="not JSON"):
        called(str(path), "--suggest")
