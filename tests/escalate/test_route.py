"""Side calls climb the ladder for a reason, every attempt is booked, and the main thread is not touched."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import anthropic
import pytest
from pydantic import BaseModel

from contextkit import Conversation
from contextkit.emulator import Clock, Emulator, fault, reply, tool_use
from contextkit.errors import BudgetError, ConfigError, ContentError
from contextkit.escalate import Route, Routed
from contextkit.ledger import Budget, Ledger
from contextkit.route import Rung

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVERS = pytest.mark.parametrize("driver", ["ask", "aask"])
LADDER = ("haiku", "sonnet", "opus")
SYSTEM = "You sort letters into refund and question. " * 80


class Label(BaseModel):
    """A classification."""

    label: Literal["refund", "question"]
    confidence: float


def label(label: str = "refund", confidence: float = 0.9) -> str:
    """What a model says."""
    return f'{{"label": "{label}", "confidence": {confidence}}}'


async def either(driver: str, route: Route, emulator: Emulator, *asked: Any, **settings: Any) -> Routed:
    """Ask by one of the two drivers."""
    if driver == "ask":
        return route.ask(emulator.client(max_retries=0), *asked, **settings)
    return await route.aask(emulator.async_client(max_retries=0), *asked, **settings)


@DRIVERS
async def test_the_first_rung_that_will_do(driver: str) -> None:
    """A sure answer of the cheapest model is the end of it; it is typed, priced and booked."""
    route = Route({"classify": "haiku"}, ladder=LADDER, confidence=0.8)
    emulator = Emulator([label()])
    found = await either(driver, route, emulator, "classify", "I want my money back.", output=Label, step="inbox")
    assert found.value == Label(label="refund", confidence=0.9)
    assert (found.accepted, found.reason, found.model, found.confidence) == (True, "", "claude-haiku-5-5", 0.9)
    (row,) = route.ledger
    assert (row.purpose, row.step, row.model) == ("route", "inbox", "claude-haiku-5-5")
    assert row.note == "classify 1/3: accepted"
    assert found.cost == row.cost


@DRIVERS
@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (label(confidence=0.5), "confidence 0.5 < 0.8"),
        (label("joke"), "invalid: label"),
        ("A refund, I think.", "invalid: "),
        (reply(label(), stop_reason="refusal"), "refusal"),
        (reply('{"label": "ref', stop_reason="max_tokens"), "max_tokens"),
        (reply(tool_use("look")), "tool_use"),
        (fault(529), "claude-haiku-5-5: OverloadedError"),
        (fault(404), "claude-haiku-5-5: NotFoundError"),
        (fault(400), "claude-haiku-5-5: BadRequestError"),
    ],
)
async def test_reasons_to_climb(driver: str, first: Any, reason: str) -> None:
    """Too little confidence, another form, refusals, cut answers and API errors: the next model is asked the same."""
    route = Route({"classify": "haiku"}, ladder=LADDER, confidence=0.8)
    emulator = Emulator([first, label(confidence=0.95)])
    found = await either(driver, route, emulator, "classify", "Hello.", output=Label, system=SYSTEM)
    assert (found.accepted, found.model) == (True, "claude-sonnet-5-5")
    assert found.attempts[0].reason.startswith(reason)
    assert found.attempts[1].reason == ""
    notes = [row.note for row in route.ledger]
    assert notes[0].startswith(f"classify 1/3: {reason}")
    assert notes[1] == "classify 2/3: accepted"
    sent = [dict(exchange.body) for exchange in emulator.requests]
    assert [body.pop("model") for body in sent] == ["claude-haiku-5-5", "claude-sonnet-5-5"]
    assert sent[0] == sent[1]


@DRIVERS
async def test_the_ladder_ends(driver: str) -> None:
    """Every answer was paid for: the surest that is what was declared comes back, and says that it will not do."""
    route = Route({"classify": LADDER}, confidence=0.8)
    emulator = Emulator([label(confidence=0.5), label("question", 0.7), "I am not sure."])
    found = await either(driver, route, emulator, "classify", "Hello.", output=Label)
    assert (found.accepted, found.model, found.reason) == (False, "claude-sonnet-5-5", "confidence 0.7 < 0.8")
    assert found.value == Label(label="question", confidence=0.7)
    assert [attempt.confidence for attempt in found.attempts] == [0.5, 0.7, None]
    assert found.cost == route.ledger.totals("route").cost


@DRIVERS
async def test_an_error_above_keeps_the_answer_below(driver: str) -> None:
    """What was paid for is not lost to a later rung's trouble, hopeless or not."""
    for status, count in ((529, 3), (401, 2)):
        route = Route({"classify": LADDER}, confidence=0.8)
        emulator = Emulator([label(confidence=0.5), fault(status), fault(status)])
        found = await either(driver, route, emulator, "classify", "Hello.", output=Label)
        assert (found.accepted, found.model, len(found.attempts)) == (False, "claude-haiku-5-5", count)
        assert found.reason.startswith("confidence 0.5 < 0.8; claude-")
        assert found.cost == found.attempts[0].cost


@DRIVERS
async def test_without_any_answer_the_error_passes(driver: str) -> None:
    """That of the last rung; one of key or billing at once, because no model changes it."""
    route = Route({"classify": LADDER})
    emulator = Emulator([fault(529), fault(529), fault(500)])
    with pytest.raises(anthropic.InternalServerError):
        await either(driver, route, emulator, "classify", "Hello.")
    emulator = Emulator([fault(401)])
    with pytest.raises(anthropic.AuthenticationError):
        await either(driver, route, emulator, "classify", "Hello.")
    assert len(emulator.requests) == 1


def test_the_schema_is_asked_for_and_checked() -> None:
    """The API is asked to keep to the schema, beside other output settings; structured=False only checks."""
    route = Route({"classify": "haiku"})
    emulator = Emulator([label(), label(), '{"a": 1}'])
    client = emulator.client()
    route.ask(client, "classify", "Hello.", output=Label, output_config={"effort": "low"})
    config = emulator.requests[0].body["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["type"] == "json_schema"
    assert config["format"]["schema"]["additionalProperties"] is False
    route.ask(client, "classify", "Hello.", output=Label, structured=False)
    assert "output_config" not in emulator.requests[1].body
    schema = {"type": "object", "properties": {"a": {"type": "integer", "maximum": 0}}}
    found = route.ask(client, "classify", "Hello.", output=schema)
    assert (found.value, found.reason) == (None, "invalid: $.a: maximum 0")
    assert "maximum" not in emulator.requests[2].body["output_config"]["format"]["schema"]["properties"]["a"]


def test_the_system_prompt_of_a_task_is_read_again() -> None:
    """It is marked: the second call of the task reads it; without a cache it is not marked."""
    emulator = Emulator(["refund"] * 3)
    route = Route({"classify": "haiku"}, clock=lambda: emulator.clock.now)
    client = emulator.client()
    route.ask(client, "classify", "One.", system=SYSTEM)
    route.ask(client, "classify", "Two.", system=SYSTEM)
    first, second = route.ledger
    assert first.usage.write_5m > 512
    assert second.usage.read == first.usage.write_5m
    route.ask(client, "classify", "Three.", system=SYSTEM, cache=False)
    assert "cache_control" not in emulator.requests[2].body["system"][0]


def test_a_side_call_does_not_touch_the_main_thread() -> None:
    """The conversation reads after it what it would have read without it, and both stand in one ledger."""
    emulator = Emulator(["Hello.", "refund", "Good."], clock=Clock())
    conv = Conversation(model="sonnet", system=SYSTEM, clock=lambda: emulator.clock.now).user("Hi.")
    client = emulator.client()
    conv.send(client)
    route = Route({"classify": "haiku"}, ledger=conv.ledger, clock=lambda: emulator.clock.now)
    route.ask(client, "classify", "Hello.", system="Another prompt.")
    conv.user("Go on.").send(client)
    assert [row.purpose for row in conv.ledger] == ["turn", "route", "turn"]
    first, _, last = conv.ledger
    assert last.usage.read == first.usage.write_5m
    assert not conv.violations


def test_a_rung_has_its_own_settings() -> None:
    """Its bound and parameters go before the call's, and the declared format stays."""
    rung = Rung("sonnet", max_tokens=77, params={"output_config": {"effort": "low"}})
    emulator = Emulator(["no", label()])
    route = Route({"classify": ["haiku", rung]}, max_tokens=55)
    route.ask(emulator.client(), "classify", "Hello.", output=Label)
    one, two = (exchange.body for exchange in emulator.requests)
    assert (one["max_tokens"], two["max_tokens"]) == (55, 77)
    assert set(two["output_config"]) == {"effort", "format"}


def test_a_function_chooses() -> None:
    """Any router is an adapter: a function of the task and the request, which gives a model or a ladder."""

    def by_length(task: str, request: Mapping[str, Any]) -> Any:
        length = len(request["messages"][0]["content"][0]["text"])
        return "haiku" if length < 100 else ["sonnet", "opus"]

    route = Route({"answer": by_length}, ladder=LADDER)
    emulator = Emulator(["yes", "yes"])
    client = emulator.client()
    assert route.ask(client, "answer", "Short?").model == "claude-haiku-5-5"
    assert route.ask(client, "answer", "Long? " * 50).model == "claude-sonnet-5-5"
    assert [rung.model for rung in Route({"answer": lambda *_: "sonnet"}, ladder=LADDER).rungs("answer")] == [
        "claude-sonnet-5-5",
        "claude-opus-5-5",
    ]


def test_messages_of_every_form() -> None:
    """A text, dicts, and a conversation's own messages."""
    emulator = Emulator(["ok"] * 3)
    route, client = Route({"say": "haiku"}), emulator.client()
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    route.ask(client, "say", history)
    route.ask(client, "say", Conversation(model="sonnet").user("c").messages)
    assert [len(exchange.body["messages"]) for exchange in emulator.requests] == [3, 1]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"temperature": 1}, ConfigError),
        ({"model": "opus"}, ConfigError),
        ({"stream": True}, ConfigError),
        ({"max_tokens": 0}, ConfigError),
        ({"confidence": 80}, ConfigError),
        ({"output": {"type": "object", "properties": {"a": {}}}}, ConfigError),
        ({"output": {"pattern": "a"}}, ConfigError),
        ({"system": [{"type": "text"}]}, ContentError),
    ],
)
def test_what_is_refused_before_anything_is_paid(settings: Any, error: type[Exception]) -> None:
    """Parameters, outputs and prompts that cannot be meant."""
    emulator = Emulator(["ok"])
    with pytest.raises(error):
        Route({"say": "haiku"}).ask(emulator.client(), "say", "Hello.", **settings)
    assert not emulator.requests


def test_confidence_by_task() -> None:
    """A bound of one task asks nothing of the others, whose answers state none."""
    route = Route({"classify": "haiku", "write": "haiku"}, ladder=LADDER, confidence={"classify": 0.8})
    client = Emulator(["Dear customer.", "no idea", "Confidence: 0.9"]).client()
    assert route.ask(client, "write", "Hello.").model == "claude-haiku-5-5"
    assert route.ask(client, "classify", "Hello.").model == "claude-sonnet-5-5"


def test_unknown_tasks_and_figures() -> None:
    """A task that is not there names those that are; a confidence is a share."""
    with pytest.raises(ConfigError, match="Known: say"):
        Route({"say": "haiku"}).ask(None, "shout", "Hello.")
    with pytest.raises(ConfigError):
        Route({"say": "haiku"}, confidence=80)
    wrong: list[dict[str, Any]] = [{"tasks": {}}, {"max_tokens": 0}, {"max_tokens": "9"}, {"tasks": {"say": "hiaku"}}]
    for settings in wrong:
        with pytest.raises(ConfigError):
            Route(**{"tasks": {"say": "haiku"}, **settings})
    with pytest.raises(ConfigError, match="no task 'shout'"):
        Route({"say": "haiku"}, confidence={"shout": 0.8})
    with pytest.raises(ConfigError, match="task say"):
        Route({"say": []})


def test_a_budget_stops_the_climb() -> None:
    """Before the first call it raises; after a paid answer the climb ends with what there is."""
    ledger = Ledger()
    ledger.limit(Budget(calls=1))
    emulator = Emulator([label(confidence=0.1)])
    route = Route({"classify": LADDER}, confidence=0.8, ledger=ledger)
    found = route.ask(emulator.client(), "classify", "Hello.", output=Label)
    assert (found.accepted, found.model) == (False, "claude-haiku-5-5")
    assert "SpendingError" in found.reason
    with pytest.raises(BudgetError):
        route.ask(emulator.client(), "classify", "Hello.")
    assert len(emulator.requests) == 1


async def test_calls_side_by_side_keep_a_budget_together() -> None:
    """Of four at the same time under a budget of two calls, two are made."""
    ledger = Ledger()
    ledger.limit(Budget(calls=2))
    emulator = Emulator(lambda _: "ok")
    route, client = Route({"say": "haiku"}, ledger=ledger), emulator.async_client()
    came = await asyncio.gather(*(route.aask(client, "say", f"{k}") for k in range(4)), return_exceptions=True)
    assert sum(isinstance(one, BudgetError) for one in came) == 2
    assert len(emulator.requests) == 2


def test_the_main_thread_is_priced() -> None:
    """`main` says what it would cost to move the conversation to the task's model; nothing is asked or changed."""
    emulator = Emulator(lambda _: "Yes. " * 100, clock=Clock())
    conv = Conversation(model="opus", system=SYSTEM, clock=lambda: emulator.clock.now)
    for k in range(6):
        conv.user(f"Question {k}: " + "more words " * 200).send(emulator.client())
    route = Route({"chat": "haiku", "think": "fable"}, clock=lambda: emulator.clock.now)
    assert route.main(conv, "chat", remaining=50).verdict == "switch"
    assert route.main(conv, "think").verdict == "refuse"
    assert len(emulator.requests) == 6
