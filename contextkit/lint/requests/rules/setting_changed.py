"""CK314: a setting that is part of the prompt changed inside a conversation."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["SettingChanged"]


class SettingChanged(BreakRule):
    """A setting that is part of the prompt changed inside a conversation.

    What it does:
        Finds changes of thinking, effort, output format, task budget, tool_choice, context management, beta
        headers, and the first image or citation in a conversation that had none.

    Why is this bad:
        These settings are rendered into the prompt, or change how it is rendered: what stands after that
        place is lost.

    Example:
        {"tool_choice": {"type": "auto"}, "messages": ["..."]}
        {"tool_choice": {"type": "tool", "name": "answer"}, "messages": ["...", "..."]}

    Use instead:
        {"tool_choice": {"type": "auto"}, "messages": ["...", "...", "Answer now with the tool `answer`."]}
    """

    code = "CK314"
    name = "setting-changed"
    severity = Severity.ERROR
    advice = "Choose the settings before the first request and keep them; ask for a tool or for brevity in the message."
    causes: ClassVar[dict[str, str]] = {
        "thinking_changed": "the thinking setting changed",
        "effort_changed": "the effort changed",
        "format_changed": "the output format changed",
        "task_budget_changed": "the task budget changed",
        "tool_choice_changed": "tool_choice changed",
        "context_management_changed": "context_management changed",
        "betas_changed": "the beta headers changed",
        "images_changed": "images came or went",
        "citations_changed": "citations were switched on or off",
    }
