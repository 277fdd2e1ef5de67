"""CK134: another effort in the middle of a conversation."""

from __future__ import annotations

from contextkit.lint.rule import Severity
from contextkit.lint.source.parameters import ParameterRule

__all__ = ["EffortVaries"]


class EffortVaries(ParameterRule):
    """Another effort in the middle of a conversation.

    What it does:
        Reports a request inside a loop over one conversation whose `output_config` depends on what happens in the
        loop: its counter, the answers, the length of the history, a clock, chance.

    Why is this bad:
        Another effort counts as another prompt, as thinking does.

    Example:
        while not done:
            client.messages.create(output_config={"effort": "high" if failed else "low"}, messages=messages, **rest)

    Use instead:
        client.messages.create(output_config={"effort": "medium"}, messages=messages, **rest)
    """

    code = "CK134"
    name = "effort-varies"
    severity = Severity.WARNING
    advice = "Set the effort once for the conversation."
    parameter = "output_config"
