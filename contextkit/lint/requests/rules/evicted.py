"""CK327: nothing changed, but the server did not have the entry."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["Evicted"]


class Evicted(BreakRule):
    """Nothing changed, but the server did not have the entry.

    What it does:
        Reports requests whose prefix is unchanged, marked, within reach and within its lifetime, and which
        were billed as if nothing had been cached.

    Why is this bad:
        It is not the caller's doing. Entries can be dropped early, and parallel requests cannot read what the
        first has not begun to answer.

    Example:
        gather(*(ask(prefix, item) for item in items))

    Use instead:
        ask(prefix, items[0])
        gather(*(ask(prefix, item) for item in items[1:]))
    """

    code = "CK327"
    name = "evicted"
    severity = Severity.INFO
    advice = "Let one request begin to answer before sending others with its prefix; else there is nothing to repair."
    causes: ClassVar[dict[str, str]] = {
        "evicted": "the server did not have the entry, though nothing changed",
    }
