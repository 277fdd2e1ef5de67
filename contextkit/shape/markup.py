"""HTML to text or Markdown, by markdownify on Beautiful Soup (extra `html`). The law: only what a reader sees stays."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Final

from contextkit.errors import ShapeError
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_HTML", "converter"]

MAX_HTML: Final = 2_000_000
"""Characters of HTML that are parsed; a longer page is cut as text."""

_UNSEEN: Final = ("script", "style", "noscript", "template", "svg", "head", "iframe", "object")
_BLOCKS: Final = (
    "p",
    "div",
    "br",
    "li",
    "tr",
    "table",
    "pre",
    "blockquote",
    "section",
    "article",
    "header",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "dt",
    "dd",
    "option",
    "figcaption",
)
_LOOKS_HTML: Final = re.compile(
    r"<(?:!doctype|html|head|body|div|p|a|table|ul|ol|h[1-6]|span|br|script)\b", re.IGNORECASE
)
_BLANKS: Final = re.compile(r"[ \t\xa0]+")
_EMPTY_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")


def converter(form: str) -> Callable[[str], str]:
    """A function from HTML to "text" or "markdown"; a text without HTML stays as it is.

    Raises:
        ShapeError: the packages are not installed.
    """
    try:
        soup = import_module("bs4").BeautifulSoup
        markdown = import_module("markdownify").MarkdownConverter(heading_style="ATX", strip=["img"], bullets="-")
    except ImportError:
        raise ShapeError(
            f'html="{form}" needs the package markdownify',
            fix="Install the extra: pip install 'claude-contextkit[html]'",
        ) from None

    def convert(text: str) -> str:
        if not _LOOKS_HTML.search(text[:20_000]):
            return text
        if len(text) > MAX_HTML:
            raise BoundError("the page is too long to parse")
        page = soup(text, "html.parser")
        for unseen in page(list(_UNSEEN)):
            unseen.decompose()
        if form == "markdown":
            return _EMPTY_LINES.sub("\n\n", str(markdown.convert_soup(page))).strip()
        for cell in page(["td", "th"]):
            cell.append(" ")
        for block in page(list(_BLOCKS)):
            block.append("\n")
            block.insert(0, "\n")
        lines = (_BLANKS.sub(" ", line).strip() for line in page.get_text().split("\n"))
        return "\n".join(line for line in lines if line)

    return convert
