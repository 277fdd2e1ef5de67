"""CK303: a mark on a text that is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["MarkOnEmptyText"]


class MarkOnEmptyText(BodyRule):
    """A mark on a text that is empty.

    What it does:
        Finds `cache_control` on text blocks without text, or with nothing but white space.

    Why is this bad:
        The API refuses the request: "cache_control cannot be set for empty text blocks".

    Example:
        {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}

    Use instead:
        {"type": "text", "text": "the last text that says something", "cache_control": {"type": "ephemeral"}}
    """

    code = "CK303"
    name = "mark-on-empty-text"
    severity = Severity.ERROR
    advice = "Leave empty blocks out, and mark the last block that has text."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Every such mark."""
        for place, block, _ in seen.marks:
            if block.get("type") == "text" and not str(block.get("text") or "").strip():
                yield cls.on(memory, seen.record, f"{place}/cache_control", "a mark on an empty text")
