"""CK142: an hour's mark after a five minutes' one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Finding, Severity
from contextkit.lint.source.edits import swapped
from contextkit.lint.source.marks import placed
from contextkit.lint.source.reach import Program, SourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MarkOrder"]


class MarkOrder(SourceRule):
    """An hour's mark after a five minutes' one.

    What it does:
        Reports a mark with `"ttl": "1h"` that stands after one with five minutes.

    Why is this bad:
        Longer lifetimes have to come first; the API refuses the request.

    Example:
        tools[-1]["cache_control"] = {"type": "ephemeral"}
        system = [{"type": "text", "text": RULES, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]

    Use instead:
        tools[-1]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
        system = [{"type": "text", "text": RULES, "cache_control": {"type": "ephemeral"}}]
    """

    code = "CK142"
    name = "mark-order"
    severity = Severity.ERROR
    advice = "Give the earlier parts the longer lifetime: tools, then system, then messages."

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a request, at the mark that comes too late."""
        for sent in program.sent:
            short = None
            for mark in placed(sent):
                if mark.ttl == "5m" and mark.sure:
                    short = short or mark
                elif mark.ttl == "1h" and short is not None:
                    spot = mark.spot
                    message = f"a mark of one hour after one of five minutes (line {short.spot.line})"
                    flow = (short.spot.place("five minutes"), spot.place("one hour"), sent.spot.place("sent here"))
                    edits = swapped(program.text(spot.path), short.spot, spot)
                    yield cls.at(spot.path, spot.line, spot.column + 1, message, flow=flow, edits=edits)
                    break
