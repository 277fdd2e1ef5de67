"""CK326: a declared compaction rewrote the history."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["PlannedCompaction"]


class PlannedCompaction(BreakRule):
    """A declared compaction rewrote the history.

    What it does:
        Reports what a compaction that was declared in the log cost: by contextkit, by Claude Code, by the
        API's own compaction or context editing, or by the line's `planned`.

    Why is this bad:
        It is not: it was planned. It is listed so that all losses together explain the bill.

    Example:
        {"planned": "compaction", "request": {"messages": ["<conversation_summary ...>", "..."]}}

    Use instead:
        {"planned": "compaction", "request": {"messages": ["<conversation_summary ...>", "..."]}}
    """

    code = "CK326"
    name = "planned-compaction"
    severity = Severity.INFO
    advice = "Nothing to repair; `contextkit replay` shows whether another policy would have been cheaper."
    causes: ClassVar[dict[str, str]] = {
        "compaction": "planned compaction: old turns were replaced by a summary",
        "microcompaction": "planned compaction: old tool results were cleared",
        "context_edited": "context editing was applied on the server",
    }
