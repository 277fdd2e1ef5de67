"""Turns of a recorded conversation that do not need each other, and what they would have cost apart.

Law: transcripts/independent.py judges, rather silent than wrong; here its turns are priced by the replay's own bill.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contextkit.compact.worth import rates
from contextkit.replay.bill import bill, warm
from contextkit.replay.policies import Automatic
from contextkit.transcripts.independent import advise

if TYPE_CHECKING:
    from contextkit.replay.trace import Trace
    from contextkit.transcripts.independent import Advice

__all__ = ["Apart", "apart"]


@dataclass(frozen=True, slots=True)
class Apart:
    """Turns of one form that nobody goes back to.

    Attributes:
        turns: how many.
        form: what their texts have in common.
        together: USD of their calls in the one conversation, with automatic caching.
        separate: USD of one conversation each, behind the same cached beginning.
        batch: USD of the same as a batch whose beginning is cached.
        known: the model's price is known; False: units of its base input price.
    """

    turns: int
    form: str
    together: float
    separate: float
    batch: float
    known: bool

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON; a cost is None where the model's price is not known."""
        costs = {"together_usd": self.together, "separate_usd": self.separate, "batch_usd": self.batch}
        told = {name: round(cost, 6) if self.known else None for name, cost in costs.items()}
        return {"turns": self.turns, "form": self.form, **told}


def apart(found: Trace) -> tuple[Apart, ...]:
    """The runs of independent turns in a trace; empty for none, and in doubt."""
    advice = advise(found)
    if not advice:
        return ()
    per_call = bill(found, Automatic().moves(found), "5m").per_call
    made = (_priced(found, one, per_call) for one in advice)
    return tuple(one for one in made if one.separate < one.together)


def _priced(found: Trace, advice: Advice, per_call: list[float]) -> Apart:
    ends = [step.end for step in found.steps]
    calls = [at for entry in advice.messages if (at := bisect_right(ends, entry)) < len(ends)]
    first = advice.messages[0]
    prefix = found.fixed + (found.log.ends[first - 1] if first else 0.0)
    together = separate = 0.0
    for number, at in enumerate(calls):
        own = rates(found.model, "5m", prompt=prefix)
        answer = found.steps[at].output * rates(found.model, "5m", prompt=found.prompt(at)).output
        together += per_call[at] + answer
        began = number > 0 and warm(found, at, "5m")
        item = found.log.tokens(found.steps[at].end - 1, found.steps[at].end)
        separate += prefix * (own.read if began else own.write) + item * own.input + answer
    known = rates(found.model, "5m", prompt=prefix).known
    return Apart(len(calls), advice.form, together, separate, separate / 2, known)
