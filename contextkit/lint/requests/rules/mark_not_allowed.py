"""CK304: a mark that the API does not take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contextkit.api.facts import TTL_SECONDS, UNMARKABLE
from contextkit.lint.requests.kinds import BodyRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.requests.memory import Memory
    from contextkit.lint.requests.sequence import Seen
    from contextkit.lint.rule import Finding

__all__ = ["MarkNotAllowed"]


class MarkNotAllowed(BodyRule):
    """A mark that the API does not take.

    What it does:
        Finds marks on thinking blocks, on deferred tools and on system messages for one turn, marks of another type
        or lifetime than the API knows, and an automatic mark whose lifetime is not that of the last block's own.

    Why is this bad:
        The API refuses the request, or the mark does nothing.

    Example:
        {"type": "thinking", "thinking": "...", "signature": "...", "cache_control": {"type": "ephemeral"}}

    Use instead:
        {"type": "text", "text": "...", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    """

    code = "CK304"
    name = "mark-not-allowed"
    severity = Severity.ERROR
    advice = 'Mark text, tool, tool_result or media blocks, with {"type": "ephemeral"} and a ttl of "5m" or "1h".'

    @classmethod
    def look(cls, seen: Seen, memory: Memory) -> Iterator[Finding]:
        """Every such mark."""
        body = seen.record.body
        last: tuple[str, Any] = ("", None)
        for place, block, ttl in seen.marks:
            why = _why(block) or _form(block["cache_control"])
            if why:
                yield cls.on(memory, seen.record, f"{place}/cache_control", why)
            last = (place, ttl)
        automatic = body.get("cache_control")
        if automatic:
            why = _form(automatic)
            own = "1h" if isinstance(automatic, Mapping) and automatic.get("ttl") == "1h" else "5m"
            if not why and last[0] == _end(body) and last[1] != own:
                why = f"the last block is already marked with a lifetime of {last[1]}, the automatic mark says {own}"
            if why:
                yield cls.on(memory, seen.record, "/cache_control", why)


def _why(block: Mapping[str, Any]) -> str:
    if block.get("type") in UNMARKABLE:
        return f"a mark on a {block['type']} block, which cannot carry one"
    return "a mark on a deferred tool, which is not in the prefix" if block.get("defer_loading") else ""


def _form(mark: Any) -> str:
    if not isinstance(mark, Mapping) or mark.get("type") != "ephemeral":
        return "a mark of a type that the API does not know"
    return "" if (mark.get("ttl") or "5m") in TTL_SECONDS else f"a mark with the lifetime {str(mark['ttl'])[:20]!r}"


def _end(body: Mapping[str, Any]) -> str:
    messages = body["messages"]
    content = messages[-1].get("content") if messages else None
    return f"/messages/{len(messages) - 1}/content/{len(content) - 1}" if isinstance(content, list) else "-"
