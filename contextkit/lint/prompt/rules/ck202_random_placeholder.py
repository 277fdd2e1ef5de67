"""CK202: a placeholder that is filled with chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.prompt.placeholders import placeholders
from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["RandomPlaceholder"]


class RandomPlaceholder(PromptRule):
    """A random value is put into the stable part of a prompt.

    What it does:
        Reports placeholders and filters that are chance by their name: `{{ uuid }}`, `{nonce}`,
        `{{ tips | random }}`, `{% for tip in tips | shuffle %}`.

    Why is this bad:
        A prefix that is new at every call is never read from the cache, only written.

    Example:
        Request {{ uuid4() }}
        You are a careful reviewer.

    Use instead:
        You are a careful reviewer.
    """

    code = "CK202"
    name = "random-placeholder"
    severity = Severity.ERROR
    advice = "Leave it out, or send it as metadata; choose by chance in code, once for a conversation."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every random value in the stable part."""
        for one in placeholders(prompt):
            if one.change == "random":
                message = f"{one.name!r} puts a random value into the stable part of the prompt"
                yield cls.between(prompt, one.start, one.end, message)
