"""CK311: a tool was added, removed or changed inside a conversation."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["ToolsChanged"]


class ToolsChanged(BreakRule):
    """A tool was added, removed or changed inside a conversation.

    What it does:
        Finds requests whose tools differ from those of the request they go on from: names, descriptions,
        schemas, and the order of keys in a schema.

    Why is this bad:
        Tools are the very beginning of the prompt: any change of one loses everything that was cached.

    Example:
        {"tools": [{"name": "search", "description": "Search. 1,204 documents."}]}
        {"tools": [{"name": "search", "description": "Search. 1,205 documents."}]}

    Use instead:
        {"tools": [{"name": "search", "description": "Search the documents."}]}
    """

    code = "CK311"
    name = "tools-changed"
    severity = Severity.ERROR
    advice = "Send the same tools with every request; defer rarely used ones with tool search."
    causes: ClassVar[dict[str, str]] = {
        "tools_changed": "the tools changed",
        "web_tools_changed": "the web tools were switched or set differently",
    }
