"""CK312: the same tools stand in another order."""

from __future__ import annotations

from typing import ClassVar

from contextkit.lint.requests.kinds import BreakRule
from contextkit.lint.rule import Severity

__all__ = ["ToolsReordered"]


class ToolsReordered(BreakRule):
    """The same tools stand in another order.

    What it does:
        Finds requests that have exactly the tools of the request before, in another order.

    Why is this bad:
        The server hashes the prompt byte by byte: tools that come from a set, from parallel discovery or from
        an MCP server's own order lose the whole cache.

    Example:
        {"tools": [{"name": "read"}, {"name": "write"}]}
        {"tools": [{"name": "write"}, {"name": "read"}]}

    Use instead:
        tools = sorted(tools, key=lambda tool: tool["name"])
    """

    code = "CK312"
    name = "tools-reordered"
    severity = Severity.ERROR
    advice = "Sort the tools by name once, before the first request."
    causes: ClassVar[dict[str, str]] = {
        "tools_reordered": "the tools stand in another order",
    }
