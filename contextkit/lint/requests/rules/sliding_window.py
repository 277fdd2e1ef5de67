"""CK316: the oldest messages fall out of a window that moves."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["SlidingWindow"]


class SlidingWindow(BreakRule):
    """The oldest messages fall out of a window that moves.

    What it does:
        Finds requests that dropped messages at the front of the history and kept the rest.

    Why is this bad:
        With a window that moves at every turn nothing after the system prompt is ever read from the cache:
        the bill is higher than without any trimming.

    Example:
        messages = history[-20:]

    Use instead:
        if tokens(history) > limit:  # rarely, and much at once
            history = [history[0], summary_of(history[1:-6]), *history[-6:]]
    """

    code = "CK316"
    name = "sliding-window"
    severity = Severity.ERROR
    advice = "Let the history grow and cut it rarely and by much: a summary of the oldest part when that pays."
    causes: ClassVar[dict[str, str]] = {
        "sliding_window": "the oldest messages were dropped",
    }
