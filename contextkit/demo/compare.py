"""Run the agent each way and put the bills side by side.

Law: every figure is taken from the requests that were really sent and the usage that was billed for them; on the
emulator the bill is the emulator's, and whoever prints it says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from contextkit.api import usage as prices
from contextkit.api.usage import Usage
from contextkit.cache.prefix import prefix
from contextkit.demo.runs import Run, drive, holder
from contextkit.demo.script import script
from contextkit.emulator import Emulator
from contextkit.tokens.parts import Remembering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Outcome", "Seen", "breaks", "compare", "outcome"]

SECONDS_BETWEEN_CALLS = 8.0
"""How long the agent's tools and the model take a call, on the emulator's clock."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it was sent, the usage billed for it, and the id of the message that answered it."""

    body: dict[str, Any]
    usage: Usage
    model: str
    id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the comparison; the fields are those of `contextkit demo --json`."""

    name: str
    calls: int
    read: int
    write_5m: int
    write_1h: int
    uncached: int
    output: int
    cost_usd: float | None
    hit_rate: float
    breaks: int
    folds: int
    largest_prompt: int
    own_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The row as plain JSON."""
        return asdict(self)


def compare(
    names: Sequence[str], *, model: str, calls: int, budget: int, shaped: bool = True, tick: Callable[[str, int], None]
) -> list[Outcome]:
    """Every named run on an emulator of its own; `tick` is told the run and its calls so far."""
    return [_emulated(name, model=model, calls=calls, budget=budget, shaped=shaped, tick=tick) for name in names]


def _emulated(
    name: str, *, model: str, calls: int, budget: int, shaped: bool, tick: Callable[[str, int], None]
) -> Outcome:
    emulator = Emulator(script(calls), counts=Remembering())
    clock = emulator.clock
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        clock.advance(SECONDS_BETWEEN_CALLS)
        tick(name, done)

    way = holder(name, model=model, clock=lambda: clock.now, budget=budget, shaped=shaped)
    run = drive(way, emulator.client(), calls, tick=step)
    seen = [
        Seen(dict(each.body), each.usage or Usage(), str(each.body["model"]), each.response_id)
        for each in emulator.requests
    ]
    return outcome(name, seen, run)


def outcome(name: str, seen: Sequence[Seen], run: Run) -> Outcome:
    """The row of one run: all its calls are billed, those of the main thread are compared with each other."""
    total = sum((each.usage for each in seen), Usage())
    costs = [prices.cost(each.model, each.usage) for each in seen]
    thread = [each for each in seen if each.id in run.thread]
    return Outcome(
        name=name,
        calls=len(seen),
        read=total.read,
        write_5m=total.write_5m,
        write_1h=total.write_1h,
        uncached=total.input,
        output=total.output,
        cost_usd=None if None in costs else round(sum(cost for cost in costs if cost is not None), 6),
        hit_rate=round(total.read / total.prompt, 4) if total.prompt else 0.0,
        breaks=breaks([each.body for each in thread]),
        folds=run.folds,
        largest_prompt=max((each.usage.prompt for each in thread), default=0),
        own_seconds=round(run.own_seconds, 4),
    )


def breaks(bodies: Sequence[dict[str, Any]]) -> int:
    """How often a request did not begin with all of the one before it, marks and spelling aside."""
    count, before = 0, b""
    counts_for = Remembering()
    for body in bodies:
        chain = prefix(body, counts_for(body)).positions
        if before and not any(position.digest == before for position in chain):
            count += 1
        before = chain[-1].digest
    return count
