"""CK002: a comment that means to take back a finding, and takes back nothing."""

from __future__ import annotations

from contextkit.lint.rule import Rule, Severity

__all__ = ["BrokenIgnore"]


class BrokenIgnore(Rule):
    """A comment means to ignore findings but names no rule, or one that is not there.

    What it does:
        Reports `contextkit: ignore` comments without codes in brackets, and codes that no rule has.

    Why is this bad:
        Such a comment takes nothing back. A comment that took back everything would also hide what is found later.

    Example:
        started = datetime.now()  # contextkit: ignore

    Use instead:
        started = datetime.now()  # contextkit: ignore[CK101] read once a day
    """

    code = "CK002"
    name = "broken-ignore"
    severity = Severity.WARNING
    advice = "Name the rules: `contextkit: ignore[CK101] reason`."
