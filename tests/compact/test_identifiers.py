"""What a text names, and a list of names that gives each of them back whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contextkit.compact.identifiers import found, said, spelled, written
from contextkit.tokens.estimate import text_tokens
from tests.history.histories import call, result, thought
from tests.history.histories import said as words

SEGMENTS = st.text(st.sampled_from("abc.-_~1é"), min_size=1, max_size=4)
PATHS = st.builds(
    lambda root, parts: root + "/".join(parts), st.sampled_from(["", "/"]), st.lists(SEGMENTS, min_size=1, max_size=5)
)


FOUND = {
    "See /etc/nginx/nginx.conf, src/app/main.py:12 and ~/.ssh/config.": {
        "/etc/nginx/nginx.conf": "path",
        "src/app/main.py": "path",
        "~/.ssh/config": "path",
    },
    "--- a/src/app/x.go\n+++ b/src/app/x.go": {"src/app/x.go": "path"},
    "https://a.example/x/y?id=12#top.": {"https://a.example/x/y?id=12#top": "url"},
    "view.go and README.md, but os.path": {"view.go": "file", "README.md": "file"},
    "deadbeef99, 123e4567-e89b-12d3-a456-426614174000": {
        "deadbeef99": "hash",
        "123e4567-e89b-12d3-a456-426614174000": "hash",
    },
    "paid 1,204.50 of 4711, v1.2.3, 12": {"1,204.50": "number", "4711": "number", "v1.2.3": "number"},
    "[100,200,300]": {},
    "ERR-1042 E0502 ENOENT TODO": {"ERR-1042": "code", "E0502": "code", "ENOENT": "code"},
    "strategy.ListCheckpoints(repo_root, max_count=3)": {
        "ListCheckpoints": "camel",
        "repo_root": "snake",
        "max_count": "snake",
    },
    "HTTPServer rec_81b2 cus-81b2 abc123xyz": {
        "HTTPServer": "camel",
        "rec_81b2": "snake",
        "cus-81b2": "kebab",
        "abc123xyz": "mixed",
    },
    "not plain words: nothing here": {},
    '{"path":"/srv/app","id":"ord_1"}': {"/srv/app": "path", "ord_1": "snake"},
}


@pytest.mark.parametrize(("text", "names"), FOUND.items())
def test_what_is_found(text: str, names: dict[str, str]) -> None:
    """Paths, URLs, files, hashes, numbers, codes and joined names are; plain words and short numbers are not."""
    assert found(text) == names


@given(st.text(st.sampled_from("abAB09/._-~:=@#?%&,{}[]\"' \n\\é漢"), max_size=200))
def test_every_name_stands_in_the_text(text: str) -> None:
    """Verbatim, and without a character that the written list needs for itself."""
    for name in found(text):
        assert name in text
        assert not set(name) & set(" {}\n<>")


@given(
    st.sets(PATHS.filter(lambda path: "/" in path), max_size=12),
    st.sets(st.sampled_from(["rec_1", "E1042", "https://a.b/c", "1,204.50"])),
)
def test_a_written_list_gives_every_name_back(paths: set[str], others: set[str]) -> None:
    """Whatever the paths share, each is read off whole, and nothing else is."""
    names = [*paths, *others]
    read = spelled(written(names))
    assert sorted(read) == sorted(names)


@given(st.text(st.sampled_from("abAB09/._-~: \n"), max_size=300))
def test_what_is_found_can_be_written(text: str) -> None:
    """The names of any text survive the list."""
    names = list(found(text))
    assert sorted(spelled(written(names))) == sorted(names)


def test_each_directory_stands_once() -> None:
    """A list of a hundred files in one deep directory costs little more than their names."""
    folder = "/Users/someone/work/project/cmd/tool/internal/strategy"
    paths = [f"{folder}/file_{at}.go" for at in range(100)]
    text = written(paths)
    assert text.count("strategy") == 1
    assert text_tokens(text, "2026") < text_tokens(" ".join(paths), "2026") / 2


def test_how_a_tree_reads() -> None:
    """As a shell's braces; a directory that is named itself stands beside what is in it."""
    assert (
        written(["src/app/models.py", "src/app/views/a.py", "src/app/views/b.py"])
        == "src/app/{models.py,views/{a.py,b.py}}"
    )
    assert written(["/a/b", "/a/b/c", "rec_1"]) == "/a/{b,b/c} rec_1"


def test_where_names_are_looked_for() -> None:
    """In texts, results and the values of calls; parameters' names, thinking and images name nothing."""
    assert said(words("rec_1")) == said(result("a", "rec_1")) == said(result("a", [words("rec_1")])) == "rec_1"
    given_: dict[str, Any] = {
        "file_path": "/a/b",
        "edits": [{"old_string": "x\ny", "n": 4711}],
        "per/path": {"by-id": True},
    }
    assert said(call("a", **given_)).splitlines() == ["/a/b", "x", "y", "4711", "per/path", "by-id", "True"]
    assert said(thought("rec_1")) == said({"type": "image", "source": {}}) == ""


@pytest.mark.parametrize(
    "text",
    ["x" * 10**6, "a/" * 10**6, "a_" * 10**6, "1," * 10**6, "0.1" * 10**6, "://" * 10**6,
     ("ab:/" * 70 + " ") * 10**4, "-.@" * 10**6],
)  # fmt: skip
def test_a_hostile_text_is_no_trouble(text: str) -> None:
    """A megabyte without an end is passed over; a pattern that backtracked would not come back from it."""
    assert len(found(text)) < 10
