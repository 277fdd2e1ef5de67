"""CK321: an earlier tool result was shortened after it had been sent."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["ResultTrimmed"]


class ResultTrimmed(BreakRule):
    """An earlier tool result was shortened after it had been sent.

    What it does:
        Finds requests in which a tool result that was already sent and cached is shorter now, or replaced by
        a note.

    Why is this bad:
        Trimming saves the tokens of one result and writes everything after it again. What is trimmed by the
        budget that is left changes at every turn.

    Example:
        for result in history_results:
            result["content"] = result["content"][:budget_left]

    Use instead:
        result["content"] = shape(result["content"])  # once, before it is first sent
    """

    code = "CK321"
    name = "result-trimmed"
    severity = Severity.ERROR
    advice = "Shorten a tool's result before it is first sent, by a rule that does not depend on what follows."
    causes: ClassVar[dict[str, str]] = {
        "result_trimmed": "an earlier tool result was shortened",
    }
