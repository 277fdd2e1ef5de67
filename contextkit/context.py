"""What is in the window now, part by part.

Law: the parts are estimates and say so; the total is corrected by billing where there was any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contextkit.api import facts
from contextkit.tokens.parts import counts_for

if TYPE_CHECKING:
    from contextkit.state import State
    from contextkit.tokens.estimate import Estimate

__all__ = ["Context"]


@dataclass(frozen=True, slots=True)
class Context:
    """Estimated tokens of the next request, by part.

    Attributes:
        tools: tool definitions and the built-in prompt that comes with them.
        system: the system prompt.
        head: the first task message.
        summaries: summaries of folded ranges, with the pins of those ranges.
        recent: everything that is sent as it was said.
        total: the whole prompt, with its band: the parts, or from the first bill on what was billed and what is new.
        budget: the ceiling that compaction keeps, tokens; None without compaction.
        window: the model's context window, tokens; None for an unknown model.
        folded: messages of the log that summaries stand for.
    """

    tools: int
    system: int
    head: int
    summaries: int
    recent: int
    total: Estimate
    budget: int | None
    window: int | None
    folded: int

    @classmethod
    def of(cls, state: State) -> Context:
        """The parts of a state's next request."""
        counts = counts_for({"model": state.model, "tools": state.tools, "system": state.system, **state.params})
        row = facts.model(state.model)
        messages = [
            counts.message(message) + sum(counts.block(block) for block in message["content"])
            for message in state.view.messages()
        ]
        head = sum(counts.block(block) for block in state.view.head())
        lead = messages[0] if messages and state.view.summaries else 0.0
        system = sum(counts.system(block) for block in state.system)
        billed = state.calibration.anchor is not None
        return cls(
            tools=round(state.fixed_tokens - system),
            system=round(system),
            head=round(head),
            summaries=round(max(lead - head, 0.0)),
            recent=round(sum(messages) - (lead or head)),
            total=state.total() if billed else state.calibration.total(state.fixed_tokens + sum(messages)),
            budget=state.policy.ceiling(row) if state.policy else None,
            window=row.window if row else None,
            folded=max(state.view.start - 1, 0),
        )
