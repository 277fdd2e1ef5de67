from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from contextkit.errors import ConfigError
from contextkit.lint import baseline
from contextkit.lint.config import Config
from contextkit.lint.engine import lint, new_baseline

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """A prompt with two findings on equal lines."""
    file = tmp_path / "agent.prompt"
    file.write_text("You are kind.\nIt is {{ now }}.\nIt is {{ now }}.\n")
    return file


def test_known_findings_do_not_count_and_new_ones_do(tmp_path: Path, prompt: Path) -> None:
    """Lines above may come and go; one more of the same is new; one less is told."""
    known = tmp_path / "known.json"
    config = Config(tmp_path, baseline=known)
    new_baseline(known, lint([str(prompt)], config, known=False))
    assert lint([str(prompt)], config).findings == []
    prompt.write_text("Added.\n\n" + prompt.read_text() + "  It is   {{ now }}.\nOther {{ now }}.\n")
    outcome = lint([str(prompt)], config)
    assert [one.line for one in outcome.findings] == [6, 7]
    assert outcome.known == 2
    prompt.write_text("Nothing.\n")
    gone = lint([str(prompt)], config)
    assert gone.findings == []
    assert gone.notes == ["2 findings of the baseline are no longer there"]


def test_the_file_is_the_same_wherever_it_is_made(
    tmp_path: Path, prompt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths in it are relative to it, whatever the working folder."""
    known = tmp_path / "known.json"
    new_baseline(known, lint([str(prompt)], Config(tmp_path)))
    first = known.read_text()
    monkeypatch.chdir(tmp_path)
    new_baseline(known, lint(["agent.prompt"], Config(tmp_path)))
    assert known.read_text() == first
    assert json.loads(first)["findings"][0]["path"] == "agent.prompt"


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}'])
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    """The error names the file."""
    file = tmp_path / "known.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"known\.json"):
        baseline.read(file)
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        baseline.read(tmp_path / "nowhere.json")


def test_entries_survive_the_file(tmp_path: Path) -> None:
    """What is written is read."""
    entries = Counter({("CK101", "a.py", "00ff"): 2, ("CK201", "b.md", "11"): 1})
    baseline.write(tmp_path / "known.json", entries)
    assert baseline.read(tmp_path / "known.json") == entries
