"""CK324: the cached prefix had expired when the next request came."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["Expired"]


class Expired(BreakRule):
    """The cached prefix had expired when the next request came.

    What it does:
        Finds requests that came after the entry's lifetime: 5 minutes, or an hour, from the start of the
        request that last wrote or read it.

    Why is this bad:
        The whole prefix is written again. For gaps between 5 minutes and an hour a lifetime of an hour costs
        2 instead of 1.25 times the input price a written token, and the prefix stays readable.

    Example:
        {"cache_control": {"type": "ephemeral"}}

    Use instead:
        {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    """

    code = "CK324"
    name = "expired"
    severity = Severity.WARNING
    advice = "Ask for a lifetime of an hour, keep the entry alive with max_tokens 0, or compact while it is cold."
    causes: ClassVar[dict[str, str]] = {
        "expired": "the cached prefix had expired",
    }
