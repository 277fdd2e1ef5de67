"""The files for CI say what the command understands."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from contextkit.commands import lint as command
from contextkit.lint.output import FORMATS

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    ROOT / ".pre-commit-hooks.yaml",
    ROOT / "examples" / "ci" / "prompt-cache.yml",
    ROOT / "examples" / "ci" / "pre-commit-config.yaml",
    ROOT / "docs" / "ci.md",
]
CALL = re.compile(r"(?:run: |entry: |^)contextkit lint((?: +[^\s#|>]+)*)", re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_call_of_the_linter_is_understood(file: Path) -> None:
    """Its options are options of the command."""
    calls = CALL.findall(file.read_text(encoding="utf-8"))
    assert calls
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    for call in calls:
        parser.parse_args([word.strip('"') for word in call.split()])


def test_the_hooks_have_their_ids() -> None:
    """Both are given the repository, not single files."""
    text = FILES[0].read_text(encoding="utf-8")
    assert re.findall(r"^- id: (\S+)$", text, re.MULTILINE) == ["contextkit-lint", "contextkit-lint-changed"]
    assert text.count("pass_filenames: false") == 2


def test_the_commands_formats_are_the_engines() -> None:
    """They are spelled twice, so that --help stays light."""
    assert command._FORMATS == FORMATS
