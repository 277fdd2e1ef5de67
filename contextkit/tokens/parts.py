"""The parts of one request's prompt, counted one by one; their sum is `estimate.prompt_tokens`.

Law: additive. The cache's model, the planner and the emulator count the same part the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contextkit.api import facts
from contextkit.tokens.estimate import (
    block_tokens,
    family_of,
    message_overhead,
    prompt_tokens,
    system_tokens,
    tool_tokens,
    tools_tokens,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Parts", "counts_for"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Token counts of the parts of a request; satisfies `cache.prefix.Counts`. All figures are estimated tokens.

    Attributes:
        start: the request's own frame and the tool-use prompt.
        family: the tokenizer.
        high_res: images keep their high resolution.
    """

    start: float
    family: facts.Family
    high_res: bool

    def base(self) -> float:
        """The request's own frame and the built-in prompt that comes with tools."""
        return self.start

    def tool(self, tool: Mapping[str, Any]) -> float:
        """One tool definition."""
        return tool_tokens(tool, self.family)

    def system(self, block: Mapping[str, Any]) -> float:
        """One system block."""
        return block_tokens(block, self.family)

    def message(self, message: Mapping[str, Any]) -> float:
        """One message beside its blocks."""
        return message_overhead(message)

    def block(self, block: Mapping[str, Any]) -> float:
        """One content block."""
        return block_tokens(block, self.family, high_res=self.high_res)


def counts_for(body: Mapping[str, Any]) -> Parts:
    """The counts for a request body: its model decides the tokenizer."""
    name = str(body.get("model") or "")
    row = facts.model(name)
    family = family_of(name)
    settings = {key: body[key] for key in ("model", "thinking") if key in body}
    start = prompt_tokens({**settings, "messages": []}, name)
    tools = list(body.get("tools") or ())[:1]
    for tool in tools:
        start += tools_tokens(tools, row, body.get("tool_choice"), family=family)
        start -= tool_tokens(tool, family)
    if body.get("system"):
        start += system_tokens([{"type": "text", "text": ""}], family)
    return Parts(start, family, bool(row is None or row.high_res))
