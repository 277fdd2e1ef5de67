"""CK323: the marks stand more than 20 positions after what was written."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["LookbackOverrun"]


class LookbackOverrun(BreakRule):
    """The marks stand more than 20 positions after what was written.

    What it does:
        Finds requests that hold the whole cached prefix, but whose marks are too far behind its end.

    Why is this bad:
        Each mark looks back 20 positions, itself counted: after a turn that adds more, the entry is not found
        and everything is written again.

    Example:
        {"messages": ["old end", "25 further blocks", {"type": "text", "cache_control": {"type": "ephemeral"}}]}

    Use instead:
        {"messages": [{"type": "text", "text": "old end", "cache_control": {"type": "ephemeral"}},
                      "25 further blocks", {"type": "text", "cache_control": {"type": "ephemeral"}}]}
    """

    code = "CK323"
    name = "lookback-overrun"
    severity = Severity.ERROR
    advice = "Leave a second mark where the last request ended, so that its entry is within reach."
    causes: ClassVar[dict[str, str]] = {
        "out_of_reach": "the marks are more than 20 positions after what was written",
    }
