"""What a run books beside the bill: the caches of its tools, and a budget of its own."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

import contextkit
from contextkit import Conversation, Ledger, Shape
from contextkit.emulator import Emulator, reply, tool_use
from contextkit.errors import ConfigError
from contextkit.ledger import Budget, SpendingError, step
from contextkit.loop import run
from contextkit.toolcache import cached
from tests.loop.agents import a_conversation, assert_valid, calling, either, for_ever, look_up, results

if TYPE_CHECKING:
    from pathlib import Path

DRIVERS = pytest.mark.parametrize("driver", ["run", "arun"])


def a_weather(driver: str, **settings: Any) -> Any:
    """A cached tool of the driver's kind: its third call of a city would give another answer."""
    runs = count()
    remember = cached(ttl=60, jitter=0, tokens=lambda _: 40, name="weather", **settings)

    if driver == "run":

        @contextkit.tool(cache=remember)
        def weather(city: str) -> dict[str, Any]:
            """Weather of a city."""
            return {"city": city, "run": next(runs), "text": "fine " * 50}

        return weather

    @contextkit.tool(name="weather", cache=remember)
    async def aweather(city: str) -> dict[str, Any]:
        """Weather of a city."""
        return {"city": city, "run": next(runs), "text": "fine " * 50}

    return aweather


def three_calls() -> Emulator:
    """The model asks for Ulm, for Ulm and Bonn, and is done."""
    return Emulator([calling("weather", city="Ulm"), calling("weather", "weather", city="Ulm"), "It is fine."])


@DRIVERS
async def test_hits_and_misses_are_in_the_conversations_ledger(driver: str) -> None:
    """Each call of a cached tool is a row: hit or miss, whose, in which step, and what it saved."""
    conv, tool = a_conversation(), a_weather(driver)
    with step("night"):
        await either(driver, conv, three_calls(), [tool], step="look")
    uses = conv.ledger.tools
    assert sorted(row.kind for row in uses.rows) == ["hit", "hit", "miss"]
    assert {(row.tool, row.step, row.conversation) for row in uses.rows} == {("weather", "night/look", conv.id)}
    assert (uses.tools["weather"].served, uses.tools["weather"].ran) == (2, 1)
    assert uses.tools["weather"].saved_tokens == 80
    assert uses.tools["weather"].saved_seconds == pytest.approx(2 * uses.rows[0].seconds)
    assert tool.cache.stats.hits == 2
    assert list(uses.by("step")) == ["night/look"]
    assert len(conv.ledger) == conv.ledger.totals().calls == 3, "a tool's call is no call of a model"


@DRIVERS
async def test_they_survive_a_reopened_conversation(driver: str, tmp_path: Path) -> None:
    """A stored conversation has the rows of its tools' caches when it is opened again, here and in a shared ledger."""
    store = f"sqlite:///{tmp_path}/agents.db"
    conv = a_conversation(store=store, id="c1")
    await either(driver, conv, three_calls(), [a_weather(driver)])
    again = Conversation.open(store, "c1")
    assert sorted(again.ledger.tools.rows) == sorted(conv.ledger.tools.rows)
    assert again.ledger.tools.tools == conv.ledger.tools.tools
    assert len(Conversation.open(store, "c1", ledger=conv.ledger).ledger.tools.rows) == 3, "held already"


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.db"])
def test_they_are_in_the_ledgers_file_and_above_it(name: str, tmp_path: Path) -> None:
    """A child's tool rows are the parent's too, are written to its file, and read back."""
    main = Ledger().keep(tmp_path / name)
    conv = a_conversation(ledger=main.child("reader"))
    run(conv, three_calls().client(), [a_weather("run")])
    assert sorted(main.tools.rows) == sorted(conv.ledger.tools.rows)
    again = Ledger.read(tmp_path / name)
    # Side by side, two calls may reach the file in the other order.
    assert sorted(again.tools.rows) == sorted(main.tools.rows)
    assert again.tools.tools == main.tools.tools
    assert again.rows == main.rows
    assert main.lost == 0


def test_what_tells_the_same_ledger_already_is_not_booked_twice() -> None:
    """`on_event=` of the conversation's own ledger, or of one above it, tells each call once; others still hear."""
    for tells in ("note", "note_tool", "above", "other"):
        main, heard = Ledger(), list[Any]()
        ledger = main.child("reader")
        listen: Any = {
            "note": ledger.tools.note, "note_tool": ledger.note_tool, "above": main.note_tool, "other": heard.append,
        }[tells]  # fmt: skip
        run(a_conversation(ledger=ledger), three_calls().client(), [a_weather("run", on_event=listen)])
        assert len(main.tools.rows) == len(ledger.tools.rows) == 3
        assert len(heard) == (3 if tells == "other" else 0)


def test_a_cached_function_inside_of_a_tool_is_heard_and_one_outside_is_not() -> None:
    """Whatever a tool calls in turn is booked; the same function called outside of a run is nobody's."""

    @cached(ttl=60)
    def rate(day: str) -> float:
        return float(len(day))

    @contextkit.tool
    def price(day: str) -> float:
        """Price on a day."""
        return 2 * rate(day)

    rate("Monday")
    conv = a_conversation()
    run(conv, Emulator([calling("price", "price", day="Monday"), "12."]).client(), [price])
    rate("Monday")
    (found,) = conv.ledger.tools.tools.values()
    assert (found.served, found.ran) == (2, 0)
    assert rate.cache.stats.hits == 3


def test_a_sub_agent_hears_its_own_tools() -> None:
    """A run inside of a tool books its caches in its own ledger, not in the one around it."""
    weather = a_weather("run")
    inner = list[Conversation]()

    @contextkit.tool
    def ask(question: str) -> str:
        """Ask a sub-agent."""
        inner.append(a_conversation())
        return run(inner[0], three_calls().client(), [weather]).text

    conv = a_conversation()
    run(conv, Emulator([calling("ask", question="Fine?"), "Yes."]).client(), [ask])
    assert len(inner[0].ledger.tools.rows) == 3
    assert conv.ledger.tools.rows == []


def test_a_hit_enters_with_the_bytes_of_the_miss() -> None:
    """The same shape makes the same bytes of a kept answer, whichever conversation; another shape makes its own."""
    weather = a_weather("run")
    shapes = [Shape(select=["$.city", "$.run"]), Shape(select=["$.city", "$.run"]), Shape(select=["$.run"])]
    entered = []
    for shape in shapes:
        conv = a_conversation(shapes={"weather": shape})
        run(conv, Emulator([calling("weather", city="Ulm"), "Fine."]).client(), [weather])
        entered.append(results(conv)[0]["content"])
    assert weather.cache.stats.misses == 1
    assert entered[0] == entered[1] != entered[2]
    assert json.loads(entered[0]) == {"city": "Ulm", "run": 0}


@DRIVERS
async def test_a_runs_budget_counts_that_run_alone(driver: str) -> None:
    """Calls before and after it are not its own; the one that would pass it is not made, and the history is valid."""
    emulator = Emulator(for_ever)
    conv = a_conversation()
    await either(driver, conv, emulator, [look_up], max_steps=3)
    made = len(emulator.requests)
    quiet: dict[str, Any] = {"on_warn": lambda _: None}
    conv.user("Go on.")
    with pytest.raises(SpendingError, match=r"run\(budget=\)"):
        await either(driver, conv, emulator, [look_up], budget=Budget(calls=2, **quiet))
    assert len(emulator.requests) == made + 2
    assert_valid(conv)
    result = await either(driver, conv, emulator, [look_up], max_steps=1, budget=Budget(usd=1.0, tokens=10**6))
    assert result.stopped_by == "steps(1)"
    assert {row.step for row in conv.ledger} == {""}


@DRIVERS
async def test_a_streamed_run_keeps_its_budget(driver: str) -> None:
    """Streams are counted and stopped as other calls are, beside the conversation's own budget."""
    emulator = Emulator(for_ever)
    conv = a_conversation(budget=Budget(calls=50, on_warn=lambda _: None))
    with pytest.raises(SpendingError, match=r"run\(budget=\)"):
        await either(driver, conv, emulator, [look_up], stream=True, budget=Budget(calls=2, on_warn=lambda _: None))
    assert len(emulator.requests) == 2
    (own,) = conv.ledger.purses
    assert own.spent.calls == 2
    assert_valid(conv)


def test_what_a_tool_spends_is_the_runs() -> None:
    """A sub-agent in a tool, with a ledger of its own, is stopped by the budget of the run around it."""
    emulator = Emulator(lambda _: "It ships.")

    @contextkit.tool
    def ask(question: str) -> str:
        """Ask a sub-agent."""
        side = Conversation(model="haiku").user(question)
        side.send(emulator.client(max_retries=0))
        return "answered"

    conv = a_conversation()
    script: list[Any] = [reply(*(tool_use("ask", {"question": f"Q{at}"}) for at in range(4))), "Done."]
    with pytest.raises(SpendingError):
        run(conv, Emulator(script).client(), [ask], parallel=1, budget=Budget(calls=3, on_warn=lambda _: None))
    assert [block.get("is_error", False) for block in results(conv)] == [False, False, True, True]
    assert len(emulator.requests) == 2


def test_a_budget_has_to_be_one() -> None:
    """A number is no budget."""
    with pytest.raises(ConfigError, match="budget"):
        run(a_conversation(), Emulator(["Fine."]).client(), [look_up], budget=0.5)  # type: ignore[arg-type]
