"""CK208: the front matter says something that is not understood, or not so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["FrontMatter"]


class FrontMatter(PromptRule):
    """A declaration to contextkit in a prompt file has no effect.

    What it does:
        Reports unknown keys under `contextkit:` in the front matter, `session-constant` names that no placeholder
        has, and a `volatile-from` that begins no line.

    Why is this bad:
        A misspelt declaration looks like care and does nothing.

    Example:
        ---
        contextkit:
          session-constants-typo: [company]
        ---
        You work for {{ company }}.

    Use instead:
        ---
        contextkit:
          session-constant: [company]
        ---
        You work for {{ company }}.
    """

    code = "CK208"
    name = "front-matter"
    severity = Severity.WARNING
    advice = "The keys are `session-constant` and `volatile-from`."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every declaration that does nothing."""
        for mistake in prompt.front.mistakes:
            yield cls.between(prompt, mistake.start, mistake.end, mistake.message)
        words = set(re.findall(r"\w+", prompt.text[prompt.front.end :])) if prompt.front.end else None
        for name, at in prompt.front.constants.items():
            if words is not None and at < prompt.front.end and not set(re.findall(r"\w+", name)) <= words:
                message = f"No placeholder is called {name[:40]!r}, which the front matter declares constant"
                yield cls.between(prompt, at, at + len(name), message)
