"""CK315: an earlier message was changed."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["MessageChanged"]


class MessageChanged(BreakRule):
    """An earlier message was changed.

    What it does:
        Finds requests in which a message that was already sent and cached reads differently, with the byte
        where it begins to differ.

    Why is this bad:
        Everything after the change is written again. On models that bind thinking to the history the request
        may be refused as well.

    Example:
        {"messages": ["Task A. Step 1 of 9.", "..."]}
        {"messages": ["Task A. Step 2 of 9.", "...", "..."]}

    Use instead:
        {"messages": ["Task A.", "...", "Step 2 of 9."]}
    """

    code = "CK315"
    name = "message-changed"
    severity = Severity.ERROR
    advice = "Append what is new; leave every message as it was first sent."
    causes: ClassVar[dict[str, str]] = {
        "message_changed": "an earlier message changed",
    }
