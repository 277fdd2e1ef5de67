"""CK203: a placeholder that is filled with something of the request or its user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.prompt.placeholders import first_of_each, placeholders
from contextkit.lint.prompt.rule import PromptRule
from contextkit.lint.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.prompt.document import Prompt
    from contextkit.lint.rule import Finding

__all__ = ["RequestPlaceholder"]


class RequestPlaceholder(PromptRule):
    """Something of the request, the user or the machine is put into the stable part of a prompt.

    What it does:
        Reports placeholders named like a value that belongs to a request, a user, a session or a place of work, or
        like something retrieved, each name once: `{{ user.name }}`, `{session_id}`, `{retrieved_docs}`, `{{ cwd }}`.

    Why is this bad:
        What differs between users cannot be shared between their conversations, and what differs between requests
        is written again with each. A value that never changes within a conversation may stay: say so in the front
        matter, as `session-constant`.

    Example:
        You help {{ user_name }}.
        Documents: {{ retrieved_docs }}
        <a long policy>

    Use instead:
        ---
        contextkit:
          session-constant: [user_name]
        ---
        <a long policy>
        You help {{ user_name }}.
    """

    code = "CK203"
    name = "request-placeholder"
    severity = Severity.WARNING
    advice = "Send it in the user message, or declare it `session-constant` in the front matter if it never changes."

    @classmethod
    def check(cls, prompt: Prompt) -> Iterator[Finding]:
        """Every value of the request in the stable part."""
        for one in first_of_each(placeholders(prompt), "request"):
            message = f"The placeholder {one.name!r} puts a value of the request into the stable part of the prompt"
            yield cls.between(prompt, one.start, one.end, message)
