"""CK130: another model in the middle of a conversation."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.parameters import ParameterRule

__all__ = ["ModelVaries"]


class ModelVaries(ParameterRule):
    """Another model in the middle of a conversation.

    What it does:
        Reports a request inside a loop over one conversation whose `model` depends on what happens in the loop: its
        counter, the answers, the length of the history, a clock, chance.

    Why is this bad:
        The cache belongs to one model: the other one reads nothing of it and writes everything again.

    Example:
        while not done:
            model = "claude-opus-5-5" if len(messages) > 10 else "claude-haiku-5-5"
            client.messages.create(model=model, messages=messages, **rest)

    Use instead:
        model = "claude-opus-5-5"  # chosen once, before the loop
    """

    code = "CK130"
    name = "model-varies"
    severity = Severity.WARNING
    advice = "Choose the model once for the conversation; send side questions to the other one."
    parameter = "model"
