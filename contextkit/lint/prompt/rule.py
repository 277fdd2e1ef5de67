"""A rule about prompt files: it is given a prompt, and finds places in it.

Law: a rule sees the stable part only; where that is, is decided once, in `document.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["PromptRule"]


class PromptRule(Rule):
    """The base of the rules CK2xx."""

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """The findings of this rule in a prompt."""
        raise NotImplementedError

    @classmethod
    def between(cls, prompt: Prompt, start: int, end: int, message: str, **more: Any) -> Finding:
        """A finding about the characters from `start` up to, not including, `end`."""
        line, column = prompt.place(start)
        end_line, end_column = prompt.place(end)
        return cls.at(prompt.path, line, column, message, end_line=end_line, end_column=end_column, **more)
