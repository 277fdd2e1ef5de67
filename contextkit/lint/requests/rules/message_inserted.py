"""CK318: something was put in between messages that were already sent."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["MessageInserted"]


class MessageInserted(BreakRule):
    """Something was put in between messages that were already sent.

    What it does:
        Finds requests with a new block in front of blocks that an earlier request had cached.

    Why is this bad:
        A reminder, a retrieved document or a memory that is put before the history moves the whole history:
        it is written again.

    Example:
        {"messages": ["task", "answer", "..."]}
        {"messages": ["retrieved today: ...", "task", "answer", "..."]}

    Use instead:
        {"messages": ["task", "answer", "...", "retrieved today: ..."]}
    """

    code = "CK318"
    name = "message-inserted"
    severity = Severity.ERROR
    advice = "Put retrieved text and reminders at the end, in the newest user message."
    causes: ClassVar[dict[str, str]] = {
        "message_inserted": "a block was put in between earlier messages",
    }
