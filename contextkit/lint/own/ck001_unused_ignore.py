"""CK001: a comment takes back a finding that is not there."""

from __future__ import annotations

from contextkit.lint.rule import Rule, Severity

__all__ = ["UnusedIgnore"]


class UnusedIgnore(Rule):
    """A comment ignores a rule that finds nothing on its line.

    What it does:
        Reports `contextkit: ignore[...]` comments, code by code, where the named rule has no finding.

    Why is this bad:
        The comment says that something is wrong and accepted. When nothing is wrong any more it hides the next
        finding of that rule on the same line.

    Example:
        def prompt():
            return "You are a careful engineer."  # contextkit: ignore[CK101] the clock is needed

    Use instead:
        def prompt():
            return "You are a careful engineer."
    """

    code = "CK001"
    name = "unused-ignore"
    severity = Severity.WARNING
    advice = "Remove the code from the comment, or the comment."
