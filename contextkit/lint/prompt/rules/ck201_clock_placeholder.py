"""CK201: a placeholder that is filled with the date or the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.prompt.placeholders import placeholders
from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["ClockPlaceholder"]


class ClockPlaceholder(PromptRule):
    """The date or the time is put into the stable part of a prompt.

    What it does:
        Reports placeholders whose name, or whose call, is that of a clock: `{{ now }}`, `{current_date}`, `${TODAY}`,
        `{% now "Y-m-d" %}`, `<current time>`.

    Why is this bad:
        The cache holds prefixes. A time in the system prompt makes every request a new prefix: tools may still be
        read from the cache, everything from there on is written again, at 12.5 to 50 times the price of a read.

    Example:
        You are a travel agent.
        The time is {{ now }}.

    Use instead:
        You are a travel agent.
        The time stands in the latest message of the user.
    """

    code = "CK201"
    name = "clock-placeholder"
    severity = Severity.ERROR
    advice = "Put the time into the newest user message, or behind the last breakpoint."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every clock in the stable part."""
        for one in placeholders(prompt):
            if one.change == "clock":
                message = f"The placeholder {one.name!r} puts the date or time into the stable part of the prompt"
                yield cls.between(prompt, one.start, one.end, message)
