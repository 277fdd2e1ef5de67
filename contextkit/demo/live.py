"""The comparison against the real API: the model decides, the money is real.

Law: nothing is sent before an upper bound of the cost was shown and agreed to. Not verified here: this code has run
against the emulator only (there was no API key); see the tests.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import Usage, cost
from contextkit.demo.compare import Outcome, Seen, outcome
from contextkit.demo.runs import NAMES, drive, holder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["agreed", "bound", "compare"]

_PER_CALL: Final = 60_000
"""Tokens one call can add at most: three tool outputs of the demo's largest kind, and the answer."""

_OUTPUT: Final = 2_000


def bound(model: str, calls: int) -> float | None:
    """USD that the runs cannot pass: every call's prompt uncached at the write price, every answer at its longest."""
    grown = sum(min(_PER_CALL * made, 1_000_000) for made in range(1, calls + 1))
    one = cost(model, Usage(write_5m=grown, output=_OUTPUT * calls))
    return None if one is None else one * len(NAMES)


def agreed(model: str, calls: int, budget: int, *, ask: Callable[[str], bool]) -> bool:
    """Show the bound and ask."""
    most = bound(model, calls)
    price = "an unknown price" if most is None else f"at most {most:,.2f} USD, and probably far less"
    return ask(
        f"{len(NAMES)} runs of up to {calls} calls with {model}, contextkit's at a budget of {budget:,} tokens:"
        f" {price}. This uses ANTHROPIC_API_KEY and real money."
    )


class _Recording:
    """A client that keeps what was sent and billed."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.seen: list[Seen] = []
        self.messages = self

    def create(self, **params: Any) -> Any:
        message = self._client.messages.create(**params)
        body = {**params, "messages": list(params["messages"])}
        self.seen.append(Seen(body, Usage.of(message.usage), str(params["model"])))
        return message


def compare(
    names: Sequence[str],
    *,
    model: str,
    calls: int,
    budget: int,
    shaped: bool = True,
    tick: Callable[[str, int], None],
    client: Any = None,
) -> list[Outcome]:
    """Every named run with the real SDK and the real API (or the given client)."""
    if client is None:
        import anthropic  # noqa: PLC0415  (over a second to import)

        client = anthropic.Anthropic()
    return [
        _one(name, _Recording(client), model=model, calls=calls, budget=budget, shaped=shaped, tick=tick)
        for name in names
    ]


def _one(
    name: str,
    client: _Recording,
    *,
    model: str,
    calls: int,
    budget: int,
    shaped: bool = True,
    tick: Callable[[str, int], None],
) -> Outcome:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        tick(name, done)

    way = holder(name, model=model, clock=time.time, budget=budget, shaped=shaped)
    run = drive(way, client, calls, tick=step)
    return outcome(name, client.seen, folds=run.folds, own_seconds=run.own_seconds, main=model)
