"""CK328: the bill shows a lost cache that nothing in the recording explains."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["UnexplainedLoss"]


class UnexplainedLoss(BreakRule):
    """The bill shows a lost cache that nothing in the recording explains.

    What it does:
        Finds calls that were billed a smaller cache read than the call before had written, with no declared
        compaction, no expiry and no visible change.

    Why is this bad:
        The prefix was paid for twice. A recording that lacks system prompt, tools and settings cannot show
        whether one of them changed.

    Example:
        {"usage": {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 98000}}

    Use instead:
        client = Anthropic(middleware=[contextkit.observe(diagnostics=True)])
    """

    code = "CK328"
    name = "unexplained-loss"
    severity = Severity.WARNING
    advice = "Record whole request bodies, or observe the client with diagnostics, to see what changed."
    causes: ClassVar[dict[str, str]] = {
        "unknown": "less was read than had been written, for no visible reason",
    }
