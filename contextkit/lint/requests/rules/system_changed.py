"""CK310: the system prompt changed inside a conversation."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["SystemChanged"]


class SystemChanged(BreakRule):
    """The system prompt changed inside a conversation.

    What it does:
        Finds requests whose system prompt differs from that of the request they go on from, with the byte
        where it begins to differ.

    Why is this bad:
        The system prompt stands before all messages: everything after the change is written again at 1.25 or
        2 times the input price instead of being read at a tenth of it or less.

    Example:
        {"system": "You are helpful. It is 12:01:07.", "messages": ["..."]}
        {"system": "You are helpful. It is 12:01:42.", "messages": ["...", "..."]}

    Use instead:
        {"system": "You are helpful.", "messages": ["...", "It is 12:01:42. Go on."]}
    """

    code = "CK310"
    name = "system-changed"
    severity = Severity.ERROR
    advice = "Keep the system prompt constant; put what changes at the end of the newest user message."
    causes: ClassVar[dict[str, str]] = {
        "system_changed": "the system prompt changed",
    }
