"""A plain function is a tool: same call, derived definition, shaped output, and at home in the SDK's runner too."""

from __future__ import annotations

import asyncio
import enum
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

import contextkit
from contextkit import Conversation, Shape
from contextkit.emulator import Emulator, reply, text, tool_use
from contextkit.errors import ConfigError, ContentError
from contextkit.history.archive import Archive
from contextkit.toolcache import Answer, cached, fingerprint
from contextkit.tools.function import Tool, tool


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


@dataclass
class Size:
    """A size in millimetres."""

    width: int
    title: str = "plain"


class Item(BaseModel):
    """What is ordered."""

    sku: str
    colour: Colour = Colour.RED


@tool(shape=Shape(select=["$.id", "$.items[*].sku"]))
def order(  # noqa: D417  (the second parameter is described by its hint)
    customer: str,
    items: list[Item],
    size: Size | None = None,
    speed: Literal["fast", "slow"] = "slow",
    copies: Annotated[int, Field(ge=1, description="how many of each")] = 1,
    notes: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Order something.

    It cannot be taken back.

    Args:
        customer: who orders, by the id
            of the customer
        items (list): what is ordered.
        copies: not this.

    Returns:
        The order.
    """
    skus = [{"sku": item.sku, "colour": item.colour.value} for item in items]
    return {"id": f"{customer}-{copies}-{speed}", "items": skus, "size": size and size.width, "notes": notes}


@tool
async def wait(seconds: float) -> str:
    """Wait a while."""
    await asyncio.sleep(0)
    return f"waited {seconds}"


def test_the_definition_comes_from_signature_hints_and_docstring() -> None:
    """Name, description, parameters with their descriptions, what is required; no titles that say nothing."""
    made = order.definition
    schema = made["input_schema"]
    assert made["name"] == "order"
    assert made["description"] == "Order something.\n\nIt cannot be taken back."
    assert schema["required"] == ["customer", "items"]
    assert schema["properties"]["customer"] == {
        "type": "string",
        "description": "who orders, by the id of the customer",
    }
    assert schema["properties"]["copies"] == {
        "type": "integer", "minimum": 1, "default": 1, "description": "how many of each",
    }  # fmt: skip
    assert schema["properties"]["speed"] == {"enum": ["fast", "slow"], "type": "string", "default": "slow"}
    assert schema["properties"]["items"]["items"] == {"$ref": "#/$defs/Item"}
    assert schema["$defs"]["Size"]["properties"]["title"] == {"default": "plain", "type": "string"}
    assert '"title": "' not in json.dumps(made)


def test_a_plain_docstring_is_the_description() -> None:
    """And a function without one, or without parameters, is a tool as well."""

    def ping() -> str:
        return "pong"

    assert tool(ping).definition == {
        "name": "ping",
        "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
    }
    assert wait.definition["description"] == "Wait a while."


def test_the_definition_has_the_same_bytes_in_every_process() -> None:
    """Sets and hashes leave no trace in it: the cached prefix stands on it."""
    code = (
        "import json; from typing import Literal; from contextkit import tool\n"
        "@tool\ndef f(a: Literal['x','y','z'], b: dict[str, int] | None = None) -> str: ...\n"
        "print(json.dumps(f.definition))"
    )
    runs = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1


def test_the_function_is_called_as_before() -> None:
    """Positional or named, without checks and shapes; a coroutine function stays one."""
    made = order("c1", [Item(sku="a")], copies=2)
    assert made["id"] == "c1-2-slow"
    assert asyncio.run(wait(1)) == "waited 1"
    assert wait.is_async
    assert not order.is_async
    assert vars(order)["__name__"] == "order"
    assert repr(order) == "<Tool order>"


def test_a_call_is_checked_and_converted_by_the_hints() -> None:
    """JSON becomes models, enums and dataclasses; a misfit says which field, and repeats no value."""
    given = {"customer": "c1", "items": [{"sku": "a", "colour": "blue"}], "size": {"width": 7}}
    assert order.call(given) == {
        "id": "c1-1-slow", "items": [{"sku": "a", "colour": "blue"}], "size": 7, "notes": None,
    }  # fmt: skip
    assert asyncio.run(wait.call({"seconds": 2})) == "waited 2.0"
    for wrong in ({}, {"customer": 7, "items": []}, {**given, "extra": 1}, {**given, "copies": 0}):
        with pytest.raises(ContentError) as caught:
            order.call(wrong)
        assert caught.value.where == "input of order"
    with pytest.raises(ContentError, match=r"items\.0\.colour") as caught:
        order.call({"customer": "c", "items": [{"sku": "a", "colour": "secret"}]})
    assert "secret" not in str(caught.value)


def test_what_the_function_raises_passes_through() -> None:
    """A TypeError of its own is not taken for a misfit of the input."""

    @tool
    def fail(number: int) -> str:
        raise TypeError(f"mine {number}")

    with pytest.raises(TypeError, match="mine 3"):
        fail.call({"number": 3})


def test_what_no_model_can_call_is_refused() -> None:
    """A parameter without a hint, *args, a name that the API refuses, a hint without a schema: said, and where."""

    def no_hint(city) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return str(city)

    def many(*cities: str) -> str:
        return str(cities)

    def opaque(thing: Tool[..., Any]) -> str:
        return str(thing)

    for function in (no_hint, many):
        with pytest.raises(ConfigError, match="parameter"):
            tool(function)
    with pytest.raises(ConfigError, match="no tool named"):
        tool(lambda: "x")
    with pytest.raises(ConfigError, match="no JSON schema"):
        _ = tool(opaque).definition
    with pytest.raises(ConfigError, match="no function"):
        tool(7)  # type: ignore[call-overload]


def test_a_conversation_takes_the_tool_and_its_shape() -> None:
    """Definition and shape come from the object; a shape given by name goes first."""
    emulator = Emulator([reply(text("I order."), tool_use("order", {"customer": "c", "items": []})), "Done."])
    conv = Conversation(model="sonnet", tools=[order, wait]).user("Go")
    assert [made["name"] for made in conv.tools] == ["order", "wait"]
    (use,) = (block for block in conv.send(emulator.client()).content if block.type == "tool_use")
    conv.tool_result(use.id, order.call({**use.input, "items": [{"sku": "a"}]}))
    assert conv.messages[-1]["content"][0]["content"] == '{"id":"c-1-slow","items":[{"sku":"a"}]}'
    conv.send(emulator.client())
    other = Conversation(model="sonnet", tools=[order], shapes={"order": Shape(select=["$.id"])})
    assert other._outputs.shapes["order"] == Shape(select=["$.id"])


def test_the_sdks_own_runner_takes_the_tool() -> None:
    """`to_sdk()` runs in `tool_runner`: checked input, shaped output, the original in the archive that was given."""
    archive = Archive()
    emulator = Emulator(
        [reply(text("I order."), tool_use("order", {"customer": "c", "items": [{"sku": "a"}]})), "Done."]
    )
    runner = emulator.client().beta.messages.tool_runner(
        model="claude-sonnet-5",
        max_tokens=500,
        messages=[{"role": "user", "content": "Go"}],
        tools=[order.to_sdk(archive)],
        thread=False,  # what the emulator plays
    )
    final: Any = runner.until_done()
    assert final.content[0].text == "Done."
    result = emulator.requests[-1].body["messages"][-1]["content"][0]
    shown = json.loads(result["content"])
    assert shown["id"] == "c-1-slow"
    (handle,) = archive
    assert handle in shown["_note"]
    assert '"colour":"red"' in str(archive.get(handle))


async def test_the_sdks_asynchronous_runner_takes_an_async_tool() -> None:
    """An `async def` is awaited; an input that does not fit becomes an error result, and the loop goes on."""
    emulator = Emulator(
        [
            reply(text("I wait."), tool_use("wait", {"seconds": "soon"})),
            reply(text("Again."), tool_use("wait", {"seconds": 1})),
            "Done.",
        ]
    )
    runner = emulator.async_client().beta.messages.tool_runner(
        model="claude-sonnet-5",
        max_tokens=500,
        messages=[{"role": "user", "content": "Go"}],
        tools=[wait.to_sdk()],
        thread=False,
    )
    final: Any = await runner.until_done()
    assert final.content[0].text == "Done."
    results = [
        message["content"][0]
        for message in emulator.requests[-1].body["messages"]
        if not isinstance(message["content"], str) and message["content"][0]["type"] == "tool_result"
    ]
    assert results[0]["is_error"]
    assert "seconds" in str(results[0]["content"])
    assert results[1]["content"] == "waited 1.0"


def test_the_front_door_gives_the_decorator() -> None:
    """`contextkit.tool` is the function, also after the room `contextkit.tools` was imported."""
    assert contextkit.tool is tool
    with pytest.raises(TypeError):
        tool(colour=True)  # type: ignore[call-overload]


def test_a_tool_may_remember_its_answers() -> None:
    """With `cache=` the same input, however it is written, runs the function once; the definition stays the same."""
    runs: list[str] = []

    def weather(city: str, days: int = 3) -> dict[str, Any]:
        """The weather."""
        runs.append(city)
        return {"city": city, "days": days}

    plain, kept = tool(weather), tool(cache=60)(weather)
    assert kept.definition == plain.definition
    assert plain.cache is None
    assert kept.call({"city": "Ulm"}) == kept.call({"days": "3", "city": "Ulm"}) == kept("Ulm")
    assert runs == ["Ulm"]
    assert kept.cache.stats.hits == 2
    assert kept.cache.invalidate("Ulm")
    assert tool(cache=cached(ttl=5, namespace="me"))(weather).cache.settings.ttl == 5
    assert tool(cached(weather)).cache is not None
    for wrong in (True, "60", {"ttl": 60}, len):
        with pytest.raises((ConfigError, TypeError)):
            tool(cache=wrong)(weather)


async def test_an_async_tool_may_remember_its_answers() -> None:
    """An `async def` stays one."""
    runs: list[str] = []

    @tool(cache=60)
    async def weather(city: str) -> str:
        """The weather."""
        runs.append(city)
        return "sunny"

    assert weather.is_async
    assert [await weather.call({"city": "Ulm"}), await weather("Ulm")] == ["sunny", "sunny"]
    assert (await weather.answer({"city": "Ulm"})).kind == "hit"
    assert runs == ["Ulm"]


def test_a_hit_enters_with_the_bytes_of_the_miss() -> None:
    """The shaped form is made once and kept with the answer; each shape has its own; code has no fingerprint."""
    made: list[Any] = []

    @tool(cache=60, shape=Shape(select=["$.city"]))
    def weather(city: str) -> dict[str, Any]:
        """The weather."""
        return {"city": city, "noise": "x" * 100}

    def shaped(value: Any) -> str:
        made.append(value)
        return str(weather.shape.apply(value).text)

    mark = fingerprint(weather.shape, max_chars=1_000)
    answers: list[Answer] = [weather.answer({"city": "Ulm"}) for _ in range(3)]
    assert [answer.is_cached for answer in answers] == [False, True, True]
    assert {answer.shaped(mark, shaped) for answer in answers} == {'{"city":"Ulm"}'}
    again = weather.answer({"city": "Ulm"})
    count = len(made)
    assert again.shaped(mark, shaped) == '{"city":"Ulm"}'
    assert len(made) == count
    other = fingerprint(weather.shape, max_chars=2_000)
    assert other != mark
    again.shaped(other, shaped)
    assert len(made) == count + 1
    last = weather.answer({"city": "Ulm"})
    assert last.value == {"city": "Ulm", "noise": "x" * 100}
    assert [last.shaped(one, shaped) for one in (mark, other)] == ['{"city":"Ulm"}'] * 2
    assert len(made) == count + 1
    assert fingerprint(shaped) is None
    assert last.shaped(None, shaped) == '{"city":"Ulm"}'
    with pytest.raises(ConfigError, match="no cache"):
        tool(ping).answer({})


def ping() -> str:
    """A tool without a cache."""
    return "pong"
