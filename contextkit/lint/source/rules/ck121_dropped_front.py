"""CK121: messages dropped at the front of the history."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.history import HistoryRule
from contextkit.lint.source.values import Kind

__all__ = ["DroppedFront"]


class DroppedFront(HistoryRule):
    """Messages dropped at the front of the history.

    What it does:
        Reports `pop(0)`, `popleft`, `del messages[0]`, `del messages[:2]` and `messages = messages[2:]` on a list
        that is sent as messages.

    Why is this bad:
        The first message is where the cached history begins; without it all that follows is written again.

    Example:
        while len(messages) > 40:
            messages.pop(0)

    Use instead:
        if len(messages) > 80:
            messages[:] = [summary_of(messages[:-20]), *messages[-20:]]
    """

    code = "CK121"
    name = "dropped-front"
    severity = Severity.ERROR
    advice = "Fold old turns into a summary once, well below the limit, instead of dropping one at each turn."
    kind = Kind.FRONT
    because = "the oldest messages go: every later one moves, and the prefix is another"
