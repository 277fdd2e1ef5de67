"""The example of ten lines: the plugin, the hook, the linter and the audit each fail, for the right reason."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pytest

EXAMPLE: Final = Path(__file__).resolve().parents[3] / "examples" / "ten_lines"
COMMAND: Final = """
import argparse, importlib, sys
command = importlib.import_module(f"contextkit.commands.{sys.argv.pop(1)}")
parser = argparse.ArgumentParser()
command.arguments(parser)
sys.exit(command.run(parser.parse_args()))
"""
CONTEXTKIT: Final = (sys.executable, "-c", COMMAND)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the example, away from this project's own settings."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "ten_lines", ignore=shutil.ignore_patterns("__pycache__")))


def called(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in the repository."""
    return subprocess.run(words, cwd=repository, capture_output=True, text=True, check=False)  # noqa: S603


def stable(repository: Path) -> None:
    """Move the time out of the system prompt, to the end of the question, as the README says."""
    source = (repository / "app.py").read_text()
    source = source.replace('f"It is {datetime.now(UTC):%H:%M:%S.%f}. {RULES}"', "RULES")
    asked = 'f"{question} (It is {datetime.now(UTC):%H:%M}.)"'
    source = source.replace('"content": question', f'"content": {asked}')
    (repository / "app.py").write_text(source)


def pytest_here(repository: Path) -> subprocess.CompletedProcess[str]:
    """A test run in the repository, with the plugin where it is not installed."""
    wired = any(point.name == "contextkit" for point in entry_points(group="pytest11"))
    plugin = () if wired else ("-p", "contextkit.pytest_plugin")
    return called(repository, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, "--rootdir=.")


def test_the_plugin_fails_the_test(repository: Path) -> None:
    """The test fails at the byte where the system prompts part, and passes when the time has moved."""
    done = pytest_here(repository)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"request 1 at /system, byte 1\d of the block: system-changed \(CK310\)", done.stdout)
    assert "was: It is " in done.stdout
    stable(repository)
    assert pytest_here(repository).returncode == 0


def test_the_hook_fails_on_the_source(repository: Path) -> None:
    """The hook's own command finds the clock on its line, and nothing when the time has moved."""
    config = (repository / ".pre-commit-config.yaml").read_text()
    found = re.search(r"entry: contextkit (.+)", config)
    assert found is not None
    words = (*CONTEXTKIT, *found.group(1).split(), "app.py", "--no-cache")
    done = called(repository, *words)
    line = next(at for at, text in enumerate((repository / "app.py").read_text().splitlines(), 1) if "It is" in text)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"app.py:{line}:" in done.stdout
    assert "CK101" in done.stdout
    stable(repository)
    assert called(repository, *words).returncode == 0


def test_the_linter_and_the_audit_fail_on_the_log(repository: Path) -> None:
    """Both find the two requests that paid again, and the audit says what they cost."""
    done = called(repository, *CONTEXTKIT, "lint", "requests.jsonl", "--format", "json", "--no-cache")
    assert done.returncode == 1, done.stderr
    told = [(one["code"], one["request"], one["pointer"]) for one in json.loads(done.stdout)]
    assert told == [("CK310", 1, "/system"), ("CK310", 2, "/system")]
    done = called(repository, *CONTEXTKIT, "audit", "requests.jsonl", "--format", "json")
    assert done.returncode == 1, done.stderr
    account = json.loads(done.stdout)
    assert [row["cause"] for row in account["by_cause"]] == ["system_changed"]
    assert 0 < account["lost"]["avoidable"]["usd"] < account["spent_usd"]
