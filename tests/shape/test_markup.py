"""HTML to text or Markdown, with the optional package and without it."""

from __future__ import annotations

import sys

import pytest

from contextkit.errors import ShapeError
from contextkit.shape.chain import Shape

PAGE = (
    "<!doctype html><html><head><title>t</title><style>p {}</style></head><body><h1>Orders</h1>"
    "<p>One <b>bold</b> <a href='https://example.com'>link</a></p><ul><li>a</li><li>b</li></ul>"
    "<script>steal()</script><table><tr><td>1</td><td>2</td></tr></table></body></html>"
)


def test_without_the_package_construction_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the extra to install."""
    monkeypatch.setitem(sys.modules, "bs4", None)
    with pytest.raises(ShapeError, match=r"claude-contextkit\[html\]"):
        Shape(html="text")


def test_text_of_a_page() -> None:
    """What a reader sees stays, by blocks; scripts and styles go."""
    pytest.importorskip("markdownify", reason="the extra html is not installed")
    assert Shape(html="text").apply(PAGE).text == "Orders\nOne bold link\na\nb\n1 2"


def test_markdown_of_a_page() -> None:
    """Headings, lists, links and tables stay as Markdown."""
    pytest.importorskip("markdownify", reason="the extra html is not installed")
    text = Shape(html="markdown").apply(PAGE).text
    assert text.startswith("# Orders\n")
    assert "One **bold** [link](https://example.com)" in text
    assert "- a\n- b" in text
    assert "| 1 | 2 |" in text
    assert "steal" not in text


def test_what_is_no_page_stays() -> None:
    """Plain text with an angle bracket is not taken for HTML; a page nested too deeply is capped as text."""
    pytest.importorskip("markdownify", reason="the extra html is not installed")
    assert Shape(html="text").apply("if a < b: print('x')").text == "if a < b: print('x')"
    deep = Shape(html="markdown").apply("<div>" * 20_000 + "x")
    assert len(deep.text) <= len("<div>" * 20_000 + "x")
