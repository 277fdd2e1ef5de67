"""CK317: messages in the middle of the history were removed."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["MessageRemoved"]


class MessageRemoved(BreakRule):
    """Messages in the middle of the history were removed.

    What it does:
        Finds requests that lack blocks which an earlier request had cached, while what followed them is still
        there.

    Why is this bad:
        The prefix ends where the first block is missing: everything after it is written again.

    Example:
        messages = [m for m in history if not is_tool_noise(m)]

    Use instead:
        result = shorten(result)  # before it is sent for the first time
    """

    code = "CK317"
    name = "message-removed"
    severity = Severity.ERROR
    advice = "Make results small before they are first sent; remove old ones only together, in a planned compaction."
    causes: ClassVar[dict[str, str]] = {
        "message_removed": "messages were removed from the history",
    }
