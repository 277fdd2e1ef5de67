"""CK300: a line that could not be read as a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.api.wellformed import malformed
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.record import Record
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["UnreadableRequest"]

_PARTS: Final = ("messages", "system", "tools")


class UnreadableRequest(BodyRule):
    """A line that could not be read as a request.

    What it does:
        Reports broken JSON lines, lines that are too long, and bodies that are no Messages request, with their line.

    Why is this bad:
        What is not read is not checked; a break right behind it may be named wrongly.

    Example:
        {"model": "claude-opus-5-5", "messages": [{"role": "user"

    Use instead:
        {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "..."}]}
    """

    code = "CK300"
    name = "unreadable-request"
    severity = Severity.WARNING
    advice = "Write one JSON object a line, each a Messages request or an object that holds one."

    @classmethod
    def line(cls, path: str, line: int, why: str) -> Finding:
        """The finding for a line that holds no request."""
        return cls.at(path, line, 1, f"the line could not be read: {why}")

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """A body that the watch could not read."""
        if seen.ticket is None:
            yield cls.body(memory, seen.record)

    @classmethod
    def body(cls, memory: Memory, record: Record) -> Finding:
        """The finding for a body that has not the API's form; a missing parameter is no reason, a block's form is."""
        faults = malformed({**record.body, "model": record.body.get("model") or "unknown", "max_tokens": 1})
        why = next((fault for fault in faults if fault.startswith(_PARTS)), "its content has not the API's form")
        return cls.on(memory, record, "", f"the request could not be read: {why}")
