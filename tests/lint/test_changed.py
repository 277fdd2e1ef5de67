from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from contextkit.errors import ConfigError
from contextkit.lint.changed import changed_since
from contextkit.lint.config import Config
from contextkit.lint.engine import lint
from contextkit.lint.rule import Finding, Place, Severity

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> None:
    """Run git in a folder, as nobody in particular."""
    subprocess.run(  # noqa: S603  (our own words)
        ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=n@example.com", *words],  # noqa: S607
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one committed prompt, on the branch main."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.prompt").write_text("One.\nIt is {{ now }}.\nThree.\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def found(folder: Path, revision: str = "main") -> list[tuple[str, int]]:
    """Names and lines of the findings on changed lines."""
    outcome = lint([str(folder)], Config(folder), diff=revision)
    return [(one.path.rsplit("/", 1)[-1], one.line) for one in outcome.findings]


def test_only_changed_lines_count(repository: Path) -> None:
    """Nothing changed, nothing found; a new line counts, an old one that moved does not."""
    file = repository / "a.prompt"
    assert found(repository) == []
    file.write_text("Zero.\nOne.\nIt is {{ now }}.\nThree.\n{{ today }}\n")
    assert found(repository) == [("a.prompt", 5)]
    file.write_text("Zero.\nOne.\nIt is really {{ now }}.\nThree.\n")
    assert found(repository) == [("a.prompt", 3)]


def test_files_that_git_does_not_know_are_new(repository: Path) -> None:
    """From end to end, also with odd names."""
    odd = 'b "q"\té.prompt'
    (repository / odd).write_text("{{ now }}\n")
    assert found(repository) == [(odd, 1)]
    git(repository, "add", ".")
    assert found(repository) == [(odd, 1)]


def test_what_others_changed_meanwhile_does_not_count(repository: Path) -> None:
    """The comparison starts where the branch left the revision."""
    git(repository, "checkout", "-q", "-b", "mine")
    (repository / "b.prompt").write_text("{{ now }}\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "mine")
    git(repository, "checkout", "-q", "main")
    (repository / "a.prompt").write_text("One.\nThree.\n")
    git(repository, "commit", "-q", "-a", "-m", "theirs")
    git(repository, "checkout", "-q", "mine")
    assert found(repository) == [("b.prompt", 1)]


def test_a_place_of_the_flow_counts(repository: Path) -> None:
    """A new call that sends an old value is new."""
    (repository / "a.prompt").write_text("One.\nIt is {{ now }}.\nThree, changed.\n")
    changed = changed_since("main", repository)
    path = str(repository / "a.prompt")
    flow = [Place(path, 2, 1), Place(path, 3, 1)]
    old = Finding("CK101", "n", Severity.ERROR, path, 2, 1, "m")
    assert not changed.touches(old)
    assert changed.touches(Finding("CK101", "n", Severity.ERROR, path, 2, 1, "m", flow=flow))
    assert changed.touches(Finding("CK101", "n", Severity.ERROR, path, 1, 1, "m", end_line=3))


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "-x", "main..main"])
def test_what_is_no_revision_is_refused(repository: Path, revision: str) -> None:
    """Also what looks like an option of git."""
    with pytest.raises(ConfigError, match="--diff"):
        changed_since(revision, repository)
    assert not (repository / "x").exists()


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    """The error says what git said."""
    with pytest.raises(ConfigError, match="git refuses"):
        changed_since("main", tmp_path)
