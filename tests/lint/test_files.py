from __future__ import annotations

from pathlib import Path

import pytest

from contextkit.lint.config import Config
from contextkit.lint.files import collect


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with things to find and things to leave out."""
    for name in (
        "app/main.py", "app/gen/made.py", "app/keep/made.py", ".venv/lib/x.py", "node_modules/x.py", ".hidden.py",
        "prompts/agent.md", "docs/guide.md", "build/x.py",
    ):  # fmt: skip
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("made.py\n!app/keep/made.py\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*given: str, config: Config | None = None) -> list[str]:
    """The paths that are found."""
    return [file.path for file in collect(given, config or Config(Path.cwd())).files]


def test_a_folder_is_walked_without_what_is_not_source(tree: Path) -> None:
    """Tools' folders, hidden files, what .gitignore names and documents are left out; exceptions are kept."""
    assert paths(".") == ["app/keep/made.py", "app/main.py", "prompts/agent.md"]


def test_what_is_named_is_looked_at(tree: Path) -> None:
    """A named file or folder counts, ignored or not; and a file is looked at once."""
    assert paths("app/gen/made.py") == ["app/gen/made.py"]
    assert paths(".venv") == [".venv/lib/x.py"]
    assert paths("app", "app/main.py", "./app") == ["app/keep/made.py", "app/main.py"]


def test_the_gitignore_above_counts(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder inside a repository obeys the patterns above it, also from inside."""
    assert paths("app") == ["app/keep/made.py", "app/main.py"]
    monkeypatch.chdir(tree / "app")
    assert paths(".") == ["keep/made.py", "main.py"]


def test_exclude_is_relative_to_the_settings(tree: Path) -> None:
    """Patterns of the settings leave out files and folders."""
    assert paths(".", config=Config(tree, exclude=("/app/keep/", "*.md"))) == ["app/main.py"]


def test_loops_of_links_end(tree: Path) -> None:
    """Links to folders are counted, not followed; a link to a file is another name of that file."""
    (tree / "app" / "loop").symlink_to(tree)
    (tree / "app" / "same.py").symlink_to("main.py")
    (tree / "app" / "turn.py").symlink_to("turn.py")
    found = collect(["."], Config(tree))
    assert [file.path for file in found.files] == ["app/keep/made.py", "app/main.py", "prompts/agent.md"]
    assert found.links == 1
    assert [problem.path for problem in found.problems] == ["app/turn.py"]


def test_a_path_that_is_not_there_is_a_problem(tree: Path) -> None:
    """It is said, not skipped."""
    found = collect(["nowhere.py", "app/main.py"], Config(tree))
    assert [file.path for file in found.files] == ["app/main.py"]
    assert [(one.path, "No such file" in one.message) for one in found.problems] == [("nowhere.py", True)]


def test_a_named_file_that_no_rule_reads_is_told(tree: Path) -> None:
    """So that the summary can say it."""
    (tree / "picture.png").write_bytes(b"\x89PNG")
    found = collect(["picture.png"], Config(tree))
    assert (found.files, found.unread) == ([], ["picture.png"])


def test_deep_folders_are_walked(tmp_path: Path) -> None:
    """Folders may nest deeper than calls may."""
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "x.py").write_text("")
    assert len(collect([str(tmp_path)], Config(tmp_path)).files) == 1
