"""The live comparison, with the emulator in the API's place: the bound holds, and nothing paid for is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from contextkit.api.usage import cost
from contextkit.demo import live
from contextkit.demo.runs import NAMES
from contextkit.demo.script import script
from contextkit.emulator import Emulator, reply, text, tool_use
from contextkit.errors import ConfigError
from contextkit.ledger import SpendingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.demo.compare import Outcome

MODEL = "claude-sonnet-5-5"


def runs(names: tuple[str, ...], emulator: Emulator, calls: int, got: list[Outcome]) -> None:
    """Drive the runs; `got` has what was handed over, whatever happens."""
    client = emulator.client()
    for each in live.compare(
        names, model=MODEL, calls=calls, budget=60_000, tick=lambda _name, _done: None, client=client
    ):
        got.append(each)  # noqa: PERF402  (as the command does)


def test_live_runs_with_any_client() -> None:
    """The live path is the same loop with another client, and stays far below its bound."""
    got: list[Outcome] = []
    runs(("contextkit",), Emulator(script(8)), 8, got)
    bound = live.bound(MODEL, 8)
    assert got[0].calls == 8
    assert got[0].cost_usd
    assert bound is not None
    assert got[0].cost_usd < bound / len(NAMES)


def greedy(body: Mapping[str, Any]) -> Any:
    """A model that calls as many tools at once as it likes."""
    made = len(body["messages"])
    wanted = [tool_use("list_distributions", {}, id=f"toolu_{made}_{number}") for number in range(60)]
    return reply(text("All at once."), *wanted, output_tokens=1_900)


@pytest.mark.parametrize("name", ["none", "automatic", "sliding"])
def test_no_run_passes_its_part_of_the_bound(name: str) -> None:
    """A model that asks for far more than the bound makes room for is stopped before the call that could pass it."""
    emulator, got = Emulator(greedy), list[Any]()
    with pytest.raises(live.LiveError, match="could pass the budget") as caught:
        runs((name,), emulator, 4, got)
    assert isinstance(caught.value.__cause__, SpendingError)
    bound = live.bound(MODEL, 4)
    assert bound is not None
    spent = [cost(MODEL, each.usage) for each in emulator.requests if each.usage is not None]
    assert 0 < sum(usd for usd in spent if usd is not None) <= bound / len(NAMES)
    assert not got


def test_the_bound_is_said_with_how_it_is_kept() -> None:
    """The question names the whole bound, and where a single run is stopped."""
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return True

    assert live.agreed(MODEL, 10, 60_000, ask=ask)
    bound = live.bound(MODEL, 10)
    assert bound is not None
    said = [float(found) for found in re.findall(r"([\d.]+) USD", asked[0])]
    assert bound <= said[0] <= bound + 0.01
    assert bound / len(NAMES) <= said[1] <= bound / len(NAMES) + 0.01


@pytest.mark.filterwarnings("ignore::contextkit.api.usage.UnknownPriceWarning")
def test_without_a_price_there_is_no_live_run() -> None:
    """No bound can be shown, so nothing is asked and nothing sent."""
    with pytest.raises(ConfigError, match="no price is known"):
        live.agreed("claude-next-9", 10, 60_000, ask=lambda _: True)
    with pytest.raises(ConfigError, match="no price is known"):
        list(
            live.compare(
                ("none",), model="claude-next-9", calls=4, budget=9, tick=lambda _name, _done: None, client=None
            )
        )


def test_an_interrupt_loses_no_finished_run() -> None:
    """Ctrl-C in the second run: the first was handed over, and the error says what the second has cost."""
    got: list[Outcome] = []
    plays: list[Any] = []

    def answer(body: Mapping[str, Any]) -> Any:
        if len(body["messages"]) == 1:
            plays.append(script(4))
        return plays[-1](body)

    def tick(name: str, done: int) -> None:
        if (name, done) == ("automatic", 2):
            raise KeyboardInterrupt

    client = Emulator(answer).client()
    with pytest.raises(live.LiveError, match="'automatic' ended early: KeyboardInterrupt") as caught:
        got.extend(live.compare(NAMES, model=MODEL, calls=4, budget=60_000, tick=tick, client=client))
    assert isinstance(caught.value.__cause__, KeyboardInterrupt)
    assert "Its 2 answered calls cost" in str(caught.value)
    assert [each.name for each in got] == ["none"]
