"""CK120: a window that slides over the history."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.history import HistoryRule
from contextkit.lint.source.values import Kind

__all__ = ["SlidingWindow"]


class SlidingWindow(HistoryRule):
    """A window that slides over the history.

    What it does:
        Reports slices and trimming functions that keep only the newest messages, where the result is sent as
        messages. A cut that waits for a limit well above what it keeps is a fold and is not reported.

    Why is this bad:
        Once the window is full, each turn pushes out the first message: nothing after the system prompt is ever
        read from the cache.

    Example:
        client.messages.create(messages=history[-20:], **rest)

    Use instead:
        if len(history) > 60:
            history[:] = [summary_of(history[:-20]), *history[-20:]]  # once in forty turns
        client.messages.create(messages=history, **rest)
    """

    code = "CK120"
    name = "sliding-window"
    severity = Severity.ERROR
    advice = (
        "Keep the front and append; when it grows too long, fold old turns into a summary once, well below the limit."
    )
    kind = Kind.WINDOW
    because = "the newest messages only: from then on every request begins with another message"
