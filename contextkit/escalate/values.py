"""What a side call is before it has a model, what came of each rung, and of all.

Law: values only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contextkit.api.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.route import Output, Rung
    from contextkit.route.judge import Confidence

__all__ = ["Asked", "Attempt", "Routed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung that was tried.

    Attributes:
        model: who was asked.
        reason: why its answer would not do, or its error; "" for the one that will.
        confidence: as it stated it, 0 to 1; None for not stated.
        cost: USD; None when the price is not known.
        usage: billed tokens.
    """

    model: str
    reason: str
    confidence: float | None = None
    cost: float | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Routed:
    """What a task came to.

    Attributes:
        value: the answer as it was declared: an object of the model, JSON, what the function gave, or text. Of an
            answer that is not sure enough too; None where none was what was declared.
        accepted: it will do. False: the ladder ended before one did, and this is the best there was.
        reason: why it will not do; "" when it will.
        text: what the model said.
        message: the SDK's Message.
        model: who said it.
        confidence: as it stated it, 0 to 1; None for not stated.
        attempts: all rungs that were tried, in order.
    """

    value: Any
    accepted: bool
    reason: str
    text: str
    message: Any
    model: str
    confidence: float | None
    attempts: tuple[Attempt, ...]

    @property
    def cost(self) -> float | None:
        """USD of all attempts; None when the price of one is not known."""
        costs = [attempt.cost for attempt in self.attempts if attempt.usage.prompt]
        return None if None in costs else sum(cost or 0.0 for cost in costs)


@dataclass(frozen=True, slots=True)
class Asked:
    """A side call, before it has a model.

    Attributes:
        task: its name.
        rungs: the models, the first to be asked first.
        params: the arguments of `messages.create` but the model.
        output: what the answer has to be.
        least: the confidence that it has to state, 0 to 1; None for any.
        stated: where it states it.
        step: a name for the ledger.
    """

    task: str
    rungs: tuple[Rung, ...]
    params: Mapping[str, Any]
    output: Output
    least: float | None
    stated: Confidence | None
    step: str
