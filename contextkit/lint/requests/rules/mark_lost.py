"""CK322: no mark stands where the cached prefix could be read."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["MarkLost"]


class MarkLost(BreakRule):
    """No mark stands where the cached prefix could be read.

    What it does:
        Finds requests that hold the whole cached prefix and have no mark at it or after it.

    Why is this bad:
        The server looks for entries only at marks and up to 20 positions before them: without one it reads
        nothing and bills the prefix as plain input.

    Example:
        {"system": [{"type": "text", "text": "...", "cache_control": {"type": "ephemeral"}}], "messages": ["..."]}
        {"system": [{"type": "text", "text": "..."}], "messages": ["...", "..."]}

    Use instead:
        {"cache_control": {"type": "ephemeral"}, "system": "...", "messages": ["...", "..."]}
    """

    code = "CK322"
    name = "mark-lost"
    severity = Severity.ERROR
    advice = "Keep a mark on the last block of every request: the automatic one at the top of the body does it."
    causes: ClassVar[dict[str, str]] = {
        "mark_lost": "no mark stands where the cached prefix could be read",
    }
