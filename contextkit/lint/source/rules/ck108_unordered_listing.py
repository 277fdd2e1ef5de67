"""CK108: a listing without order in the cached part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Edit, Severity
from contextkit.lint.source.edits import wrapped
from contextkit.lint.source.reach import Reach, TaintRule
from contextkit.lint.source.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UnorderedListing"]


class UnorderedListing(TaintRule):
    r"""A listing without order in the cached part.

    What it does:
        Reports `os.listdir`, `glob`, `iterdir`, `as_completed`, the tools that an MCP server lists and the like,
        where their order reaches the cached part, however the folder is named (`Path("/srv/skills")` or
        `Path(__file__).parent / "skills"`). `sorted()` ends it. What is listed once, when a module is imported, is not
        reported.

    Why is this bad:
        No listing promises an order. Python passes on the file system's, which differs between hosts and builds of an
        image, and may change when a file is added; tools in another order are other tools. On one image, with no file
        changed, a folder comes in the same order again, which is why it seems to work. A process that lists once
        keeps one order: at worst each host writes a prefix of its own, once.

    Example:
        docs = "\n".join(p.read_text() for p in Path("docs").glob("*.md"))

    Use instead:
        docs = "\n".join(p.read_text() for p in sorted(Path("docs").glob("*.md")))
    """

    code = "CK108"
    name = "unordered-listing"
    severity = Severity.WARNING
    advice = "Wrap it in sorted()."
    kind = Kind.LISTING
    because = "its order is nowhere promised"

    @classmethod
    def edits(cls, reach: Reach, text: Callable[[str], str]) -> tuple[Edit, ...]:
        """`sorted()` around it."""
        spot = reach.taint.spot
        return wrapped(text(spot.path), spot) if reach.taint.fix == "sorted" else ()
