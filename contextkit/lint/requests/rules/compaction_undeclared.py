"""CK320: old turns were replaced by a summary, and nothing in the log declares it."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["CompactionUndeclared"]


class CompactionUndeclared(BreakRule):
    """Old turns were replaced by a summary, and nothing in the log declares it.

    What it does:
        Finds requests whose history became shorter and begins with a summary. Declared compactions
        (contextkit's and Claude Code's own, a line's `planned`, the API's compaction block) are reported as
        planned instead.

    Why is this bad:
        A compaction rewrites what is kept. It pays when it is rare and planned by its price; a fixed
        threshold cost 1.1 to 3.4 times the optimum on recorded sessions.

    Example:
        {"messages": ["Summary of the conversation so far: ...", "..."]}

    Use instead:
        {"planned": "compaction", "request": {"messages": ["Summary of the conversation so far: ...", "..."]}}
    """

    code = "CK320"
    name = "compaction-undeclared"
    severity = Severity.WARNING
    advice = "Compact by price, not by habit, and declare it in the log, so that it counts as planned."
    causes: ClassVar[dict[str, str]] = {
        "compaction_undeclared": "old turns were replaced by a summary",
    }
