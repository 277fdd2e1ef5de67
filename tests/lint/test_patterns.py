from __future__ import annotations

import pytest

from contextkit.lint.patterns import last_match, matches, parse

CASES = [
    ("*.log", "a/b/x.log", True),
    ("*.log", "a/b/x.log.txt", False),
    ("/x.py", "x.py", True),
    ("/x.py", "a/x.py", False),
    ("a/*.py", "a/x.py", True),
    ("a/*.py", "a/b/x.py", False),
    ("a/**/x.py", "a/x.py", True),
    ("a/**/x.py", "a/b/c/x.py", True),
    ("**/tests/**", "a/tests/b/x.py", True),
    ("**/tests/**", "tests", False),
    ("tests/", "a/tests/x.py", True),
    ("tests/", "a/tests", False),
    ("doc[s]", "docs/x.md", True),
    ("[!a].py", "a.py", False),
    ("\\!x.py", "!x.py", True),
    ("a\\*b", "a*b", True),
    ("a\\*b", "axb", False),
    ("#x", "#x", False),
    ("", "x", False),
    ("x ", "x", True),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
]


@pytest.mark.parametrize(("pattern", "path", "wanted"), CASES)
def test_a_pattern_means_what_gitignore_says(pattern: str, path: str, wanted: bool) -> None:
    """Anchors, stars, folders, classes and escapes, on files and on what lies below a folder."""
    assert matches(parse([pattern]), path) is wanted


def test_the_last_pattern_decides() -> None:
    """A later exclamation mark takes a file back."""
    patterns = parse(["*.md", "!keep.md"])
    assert not matches(patterns, "a/keep.md")
    assert matches(patterns, "a/other.md")
    found = last_match(patterns, ("keep.md",), folder=False)
    assert found is not None
    assert found.negated


@pytest.mark.timeout(10)
def test_a_hostile_pattern_is_bounded() -> None:
    """Many stars over a long name cost no more than their product."""
    assert not matches(parse(["*a" * 200 + "b"]), "a" * 200)
    assert not matches(parse(["**/a/" * 100 + "b"]), "/".join("a" * 200))
    assert parse(["x" * 5_000]) == ()
