"""CK122: a history kept in a deque with maxlen."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.history import HistoryRule
from contextkit.lint.source.values import Kind

__all__ = ["BoundedDeque"]


class BoundedDeque(HistoryRule):
    """A history kept in a deque with maxlen.

    What it does:
        Reports `deque(maxlen=...)` whose content is sent as messages.

    Why is this bad:
        It is a sliding window: once it is full, each turn begins with another message.

    Example:
        history = deque(maxlen=20)
        client.messages.create(messages=list(history), **rest)

    Use instead:
        history = []
        client.messages.create(messages=history, **rest)
    """

    code = "CK122"
    name = "bounded-deque"
    severity = Severity.ERROR
    advice = "Use a list; fold old turns into a summary once, well below the limit."
    kind = Kind.BOUNDED
    because = "a full deque drops the oldest message at every append"
