"""CK302: a one-hour mark after a five-minute one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["MarkOrder"]


class MarkOrder(BodyRule):
    """A one-hour mark after a five-minute one.

    What it does:
        Reads the lifetimes of all marks in the order of the prompt: tools, system, messages, the automatic one last.

    Why is this bad:
        The API refuses requests in which a longer lifetime comes after a shorter one.

    Example:
        {"system": [{"type": "text", "text": "...", "cache_control": {"type": "ephemeral"}}],
         "cache_control": {"type": "ephemeral", "ttl": "1h"}}

    Use instead:
        {"system": [{"type": "text", "text": "...", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
         "cache_control": {"type": "ephemeral"}}
    """

    code = "CK302"
    name = "mark-order"
    severity = Severity.ERROR
    advice = "Give marks of an hour the earlier places, or all marks the same lifetime."

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """The first one-hour mark that comes too late."""
        short = ""
        body = seen.record.body
        found = [(f"{place}/cache_control", ttl) for place, _, ttl in seen.marks]
        automatic = body.get("cache_control")
        if isinstance(automatic, dict):
            found.append(("/cache_control", "1h" if automatic.get("ttl") == "1h" else "5m"))
        for place, ttl in found:
            if ttl == "1h" and short:
                said = f"a mark of an hour stands after one of five minutes at {seen.record.pointer(short)}"
                yield cls.on(memory, seen.record, place, said)
                return
            short = short or (place if ttl == "5m" else "")
