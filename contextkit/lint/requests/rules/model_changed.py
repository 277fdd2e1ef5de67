"""CK313: the model or the speed changed inside a conversation."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["ModelChanged"]


class ModelChanged(BreakRule):
    """The model or the speed changed inside a conversation.

    What it does:
        Finds requests that go on from a request to another model, or from standard to fast mode and back.

    Why is this bad:
        Each model and each speed has a cache of its own: the whole history is written again for the new one.

    Example:
        {"model": "claude-opus-5-5", "messages": ["..."]}
        {"model": "claude-haiku-5-5", "messages": ["...", "..."]}

    Use instead:
        {"model": "claude-haiku-5-5", "messages": ["only what the side task needs"]}
    """

    code = "CK313"
    name = "model-changed"
    severity = Severity.ERROR
    advice = "Keep one model for a conversation; send side tasks to another model with a short prompt of their own."
    causes: ClassVar[dict[str, str]] = {
        "model_changed": "the model changed",
        "speed_changed": "the speed changed",
    }
