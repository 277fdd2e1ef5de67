"""Engines: what jsonpath-ng does otherwise than RFC 9535 is pinned, and the strict dialect is as bounded."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from contextkit.errors import ShapeError
from contextkit.shape import rfc9535
from contextkit.shape.chain import Shape
from contextkit.shape.declare import paths
from contextkit.shape.document import MISSING
from contextkit.shape.engine import compiled

ROWS = {"rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"b": "xyx", "c": {"a": 3}}]}


def kept(document: Any, path: str, dialect: str = "jsonpath", *, allow_regex: bool = False) -> Any:
    """What one path keeps."""
    return paths([path], dialect, allow_regex=allow_regex).keep(document)


# Valid RFC 9535 that the default dialect refuses when a shape is built. A path that leaves this list is progress.
REFUSED = [
    "$.rows[?length(@.b) == 1]",
    "$.rows[?count(@.*) > 1]",
    "$.rows[?match(@.b, 'x.*')]",
    "$.rows[?value(@.c.a) == 3]",
    r'$.rows[?@["\u0061"] == 1]["\u0062"]',
]


@pytest.mark.parametrize("path", REFUSED)
def test_what_the_default_dialect_cannot_read_is_refused_and_not_misread(path: str) -> None:
    """A deviation from RFC 9535 is an error at construction, never a silent wrong answer."""
    with pytest.raises(ShapeError):
        compiled(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.rows[?@.a == 2].b", {"rows": [{"b": "y"}]}),
        ("$.rows[?@.a >= 1 && @.b != 'x'].b", {"rows": [{"b": "y"}]}),
        ("$.rows[?@.a == 1 || @.c].b", {"rows": [{"b": "x"}, {"b": "xyx"}]}),
        ("$.rows[?(@.a == 1)].b", {"rows": [{"b": "x"}]}),
        ("$.rows[?!@.a].b", {"rows": [{"b": "xyx"}]}),
        ("$.rows[?@.a == '1'].b", MISSING),
        ("$.rows[?@.b > 'x'].a", {"rows": [{"a": 2}]}),
        ("$.rows[-2:].b", {"rows": [{"b": "y"}, {"b": "xyx"}]}),
        ("$.rows[::2].b", {"rows": [{"b": "x"}, {"b": "xyx"}]}),
        ("$..[?@.a == 3].a", {"rows": [{"c": {"a": 3}}]}),
        ("$.rows[?@.c.a].c", {"rows": [{"c": {"a": 3}}]}),
        ("$.rows[?@.a,?@.c].a", {"rows": [{"a": 1}, {"a": 2}]}),
        ("$.rows[0,1:2].b", {"rows": [{"b": "x"}, {"b": "y"}]}),
        ("$.rows[?@.b == $.rows[0].b].b", {"rows": [{"b": "x"}]}),
        ("$.rows[?@['b'] == '],?'].a", MISSING),
    ],
)
def test_filters_and_slices_do_what_the_rfc_says(path: str, expected: Any) -> None:
    """What the default dialect reads, it reads as RFC 9535 does; the strict dialect agrees where it is installed."""
    assert kept(ROWS, path) == expected
    if _strict():
        assert kept(ROWS, path, "rfc9535") == expected


def test_several_unions_cost_the_default_dialect_nothing() -> None:
    """Where the strict dialect refuses what multiplies matches, one pass of the walk has every place once."""
    assert kept(ROWS, "$.rows['a',0]['b',?@.a]") == {"rows": [{"b": "x"}]}
    assert kept(ROWS, "$['rows','more'][?@.a]['a','c']") == {"rows": [{"a": 1}, {"a": 2}]}
    assert kept([[7]], "$[0,0,0][0,0,0]") == [[7]]


def _strict() -> bool:
    try:
        rfc9535.compiled("$")
    except ShapeError:
        return False
    return True


strict = pytest.mark.skipif(not _strict(), reason="the extra rfc9535 is not installed")


def test_without_the_package_construction_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra to install."""
    monkeypatch.setitem(sys.modules, "jsonpath", None)
    rfc9535._environment.cache_clear()
    with pytest.raises(ShapeError, match=r"claude-contextkit\[rfc9535\]"):
        rfc9535.compiled("$.a")
    rfc9535._environment.cache_clear()


@strict
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.rows[?length(@.b) == 1].a", {"rows": [{"a": 1}, {"a": 2}]}),
        ("$.rows[?@.a == 1,?@.c].b", {"rows": [{"b": "x"}, {"b": "xyx"}]}),
        ("$.rows[0,1:2].a", {"rows": [{"a": 1}, {"a": 2}]}),
        (r'$.rows[0]["\u0061"]', {"rows": [{"a": 1}]}),
    ],
)
def test_the_strict_dialect_reads_the_rest(path: str, expected: Any) -> None:
    """Functions, several selectors and escapes work with `dialect="rfc9535"`."""
    assert kept(ROWS, path, "rfc9535") == expected


@strict
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("rows", "does not parse"),
        ("$.rows[?match(@.b, 'x')]", "refused"),
        ("$..a..b", "More than one"),
        ("$[?count(@..a) > 1]", "inside a filter"),
        ("$[?$.rows[*].a]", "many places"),
        ("$[0,0][0,0]", "several unions"),
        ("$[?@.a[?@.b[?@.c[?@.d]]]]", "filters"),
    ],
)
def test_the_strict_dialect_refuses_the_same(path: str, reason: str) -> None:
    """What multiplies work is refused in both dialects."""
    with pytest.raises(ShapeError, match=reason):
        kept(ROWS, path, "rfc9535")


@strict
def test_patterns_of_the_strict_dialect_are_bounded() -> None:
    """`match` and `search` run on checked patterns with counted steps; a hostile one ends in a note."""
    assert kept(ROWS, "$.rows[?match(@.b, 'x.*')].b", "rfc9535", allow_regex=True) == {
        "rows": [{"b": "x"}, {"b": "xyx"}]
    }
    shape = Shape(select=["$.rows[?search(@.b, '(x+)+$')].b"], dialect="rfc9535", allow_regex=True)
    assert "repeat inside a repeat" in shape.apply(ROWS).note


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|aa)+$", "(a*)*b", r"(a)\\1", ".*.*.*=", "a" * 201, "(", "(?:x{1,9}){1,9}"]
)
def test_patterns_without_a_bound_are_refused(pattern: str) -> None:
    """Nested and many repeats, looks back, and patterns that do not compile are refused at construction."""
    with pytest.raises(ShapeError):
        compiled(f"$[?@.a =~ '{pattern}']", allow_regex=True)


def test_a_backslash_of_a_pattern_is_written_twice() -> None:
    """jsonpath-ng drops a single backslash, which would silently change the pattern: that is refused."""
    with pytest.raises(ShapeError, match="single backslash"):
        compiled(r"$.rows[?@.b =~ '\d']", allow_regex=True)
    document = [{"b": "d"}, {"b": "7"}]
    assert kept(document, r"$[?@.b =~ '^\\d$']", allow_regex=True) == [{"b": "7"}]


def test_a_document_that_is_too_large_for_a_filter_meets_a_bound() -> None:
    """Filters look at a bounded number of places: beyond it the output enters capped; other paths have none."""
    rows = [{"a": number, "b": [number]} for number in range(30_000)]
    assert "too large for this path" in Shape(select=["$..[?@.a == 7]"]).apply(rows).note
    assert "too large for this path" in Shape(drop=["$..[?@.a == 7]"]).apply(rows).note
    assert len(kept(rows, "$..a")) == 30_000
    assert len(kept({"rows": rows}, "$.rows[?@.a < 100].b")["rows"]) == 100
