"""CK325: the API dropped earlier turns' thinking at a new user turn."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["ThinkingStripped"]


class ThinkingStripped(BreakRule):
    """The API dropped earlier turns' thinking at a new user turn.

    What it does:
        Reports where a model that keeps thinking only for the last turn (4.5 Sonnet and Haiku, and older)
        dropped it, so that the prompt differs from what was cached.

    Why is this bad:
        It is the API's own rule. It costs a rewrite from the first dropped thinking block on at every new
        user message.

    Example:
        {"model": "claude-sonnet-4-5", "thinking": {"type": "enabled", "budget_tokens": 8000}}

    Use instead:
        {"model": "claude-sonnet-5-5"}
    """

    code = "CK325"
    name = "thinking-stripped"
    severity = Severity.INFO
    advice = "Nothing to repair in the client; newer models keep thinking in the prompt."
    causes: ClassVar[dict[str, str]] = {
        "thinking_stripped": "the API dropped earlier turns' thinking",
    }
