"""CK319: a summary at the head of the history was written anew."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["SummaryRewritten"]


class SummaryRewritten(BreakRule):
    """A summary at the head of the history was written anew.

    What it does:
        Finds requests in which a summary that was already sent and cached was replaced by another one.

    Why is this bad:
        A summary that is made new at every turn breaks the cache right behind it every time, and facts are
        lost at each retelling.

    Example:
        messages = [summarize(everything_so_far), *history[-6:]]  # at every turn

    Use instead:
        messages = [*summaries, *history]  # each summary is written once and stays as it is
    """

    code = "CK319"
    name = "summary-rewritten"
    severity = Severity.ERROR
    advice = "Leave written summaries as they are and add the next one after them."
    causes: ClassVar[dict[str, str]] = {
        "summary_rewritten": "a summary was written anew",
    }
