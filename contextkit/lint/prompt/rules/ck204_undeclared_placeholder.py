"""CK204: a placeholder of which nobody says whether it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.prompt.placeholders import first_of_each, placeholders
from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["UndeclaredPlaceholder"]


class UndeclaredPlaceholder(PromptRule):
    """A placeholder in the stable part is not declared to be constant, and its name does not tell.

    What it does:
        Reports placeholders that neither have a telling name nor are declared `session-constant`. It is a hint, of
        severity info.

    Why is this bad:
        It is not, when the value never changes within a conversation. Declared, it says so to the next reader; and
        the other placeholders stand out.

    Example:
        You work for {{ company }}.

    Use instead:
        ---
        contextkit:
          session-constant: [company]
        ---
        You work for {{ company }}.
    """

    code = "CK204"
    name = "undeclared-placeholder"
    severity = Severity.INFO
    advice = "Declare it `session-constant` in the front matter, or move it behind the last breakpoint."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every placeholder that nothing is known about."""
        for one in first_of_each(placeholders(prompt), "unknown"):
            message = f"Nothing says whether the placeholder {one.name!r} changes between requests"
            yield cls.between(prompt, one.start, one.end, message)
