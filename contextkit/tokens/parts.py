"""The parts of one request's prompt, counted one by one; their sum is `estimate.prompt_tokens`.

Law: additive. The cache's model, the planner and the emulator count the same part the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from contextkit.api import facts
from contextkit.api.messages import canonical, digest
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

__all__ = ["Parts", "Remembering", "counts_for"]

_SMALL = 256


@dataclass(frozen=True, slots=True)
class Parts:
    """Token counts of the parts of a request; satisfies `cache.prefix.Counts`. All figures are estimated tokens.

    Attributes:
        start: the request's own frame and the tool-use prompt.
        family: the tokenizer.
        high_res: images keep their high resolution.
        memo: counts of larger blocks that were seen before, by content; None to count each time.
    """

    start: float
    family: facts.Family
    high_res: bool
    memo: dict[tuple[facts.Family, bool, bytes], float] | None = None

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
        if self.memo is None:
            return block_tokens(block, self.family, high_res=self.high_res)
        content = canonical(block)
        if len(content) < _SMALL:
            return block_tokens(block, self.family, high_res=self.high_res)
        key = self.family, self.high_res, digest(content)
        if key not in self.memo:
            self.memo[key] = block_tokens(block, self.family, high_res=self.high_res)
        return self.memo[key]


class Remembering:
    """`counts_for` for whoever counts growing requests again and again: a block that was seen is not counted again.

    Args:
        limit: blocks remembered; then it begins anew.
    """

    def __init__(self, limit: int = 50_000) -> None:
        self._memo: dict[tuple[facts.Family, bool, bytes], float] = {}
        self._limit = limit

    def __call__(self, body: Mapping[str, Any]) -> Parts:
        """The counts for a request body."""
        if len(self._memo) > self._limit:
            self._memo.clear()
        return replace(counts_for(body), memo=self._memo)


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
