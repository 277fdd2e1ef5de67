"""Which function a call runs: every form of a tool, and what is refused before anything is paid."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from anthropic import beta_async_tool, beta_tool

import contextkit
from contextkit import Conversation, Shape
from contextkit.emulator import Emulator, reply, tool_use
from contextkit.errors import ConfigError
from contextkit.loop import run
from contextkit.loop.functions import functions_of
from tests.loop.agents import SYSTEM, a_conversation, calling, either, look_up, results

if TYPE_CHECKING:
    from collections.abc import Awaitable


@beta_tool
def double(number: int) -> str:
    """Twice a number.

    Args:
        number: the number.
    """
    return str(2 * number)


@beta_async_tool
async def halve(number: int) -> str:
    """Half a number.

    Args:
        number: the number.
    """
    return str(number // 2)


def plain(number: int) -> int:
    """A callable without a definition."""
    return number + 1


async def plain_async(number: int) -> int:
    """The same, asynchronously."""
    return number + 2


def later(number: int) -> Awaitable[int]:
    """A plain function whose answer has to be awaited."""
    return plain_async(number)


class Callable:
    """An object that is called."""

    async def __call__(self, number: int) -> int:
        """Its answer."""
        return number + 3


def definition(name: str) -> dict[str, Any]:
    """A tool definition."""
    return {"name": name, "input_schema": {"type": "object", "properties": {"number": {"type": "integer"}}}}


@pytest.mark.parametrize("driver", ["run", "arun"])
async def test_every_form_of_a_tool_runs(driver: str) -> None:
    """Tools of contextkit and of the SDK, functions, objects and partials, sync and async, in either driver."""
    tools = {
        "double": double,
        "halve": halve,
        "plain": plain,
        "plain_async": plain_async,
        "called": Callable(),
        "partial": partial(plain, number=9),
        "later": later,
    }
    conv = a_conversation(tools=[double, halve, *map(definition, list(tools)[2:])])
    answer = reply(*(tool_use(name, {} if name == "partial" else {"number": 8}) for name in tools))
    await either(driver, conv, Emulator([answer, "Done."]), tools)
    assert [block["content"] for block in results(conv)] == ["16", "4", "9", "10", "11", "10", "10"]


def test_a_list_goes_by_names() -> None:
    """Functions are known by their names; tools by the names that they are offered under."""
    named = contextkit.tool(name="other")(plain)
    assert set(functions_of([look_up, double, plain, named])) == {"look_up", "double", "plain", "other"}
    assert functions_of(None) == {}


def test_a_wrong_input_is_told_to_the_model() -> None:
    """What does not fit a tool's type hints comes back as an error, by contextkit's tools and by the SDK's."""
    conv = a_conversation(tools=[look_up, double])
    answer = reply(tool_use("look_up", {"wort": 1}), tool_use("double", {"number": "many"}))
    run(conv, Emulator([answer, "Done."]).client(), [look_up, double])
    assert all(block["is_error"] for block in results(conv))
    assert "wort" in results(conv)[0]["content"]


def test_an_empty_conversation_is_given_the_tools() -> None:
    """Definitions and shapes of the tools are taken over where the conversation has none and nothing was sent."""

    @contextkit.tool(shape=Shape(select=["$.keep"]))
    def wide(word: str) -> dict[str, str]:
        """Much."""
        return {"keep": word, "drop": "x" * 100}

    conv = a_conversation()
    emulator = Emulator([calling("wide"), "Done."])
    run(conv, emulator.client(), [wide])
    assert [tool["name"] for tool in emulator.requests[0].body["tools"]] == ["wide"]
    assert results(conv)[0]["content"] == '{"keep":"w0"}'


def test_tools_of_a_running_conversation_stay() -> None:
    """After the first request neither tools nor `recall` are added: they are the start of the cached prefix."""
    conv = Conversation(model="sonnet", system=SYSTEM, tools=[look_up]).user("Look.")
    emulator = Emulator(["Which word?", calling("look_up"), "Done."])
    conv.send(emulator.client())
    conv.user("This one.")
    run(conv, emulator.client(), [look_up])
    assert [tool["name"] for tool in conv.tools] == ["look_up"]
    messages = [{"role": "user", "content": "Look."}, {"role": "assistant", "content": "Which word?"}]
    conv = Conversation.from_messages(messages, model="sonnet", tools=[look_up]).user("This one.")
    run(conv, Emulator(["Done."]).client(), [look_up])
    assert [tool["name"] for tool in conv.tools] == ["look_up"]


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([look_up, look_up], "two tools are named look_up"),
        ([{"name": "look_up", "input_schema": {}}], "no tool that can be run"),
        ([lambda word: word], "no tool that can be run"),
        ({"look_up": None}, "no tool that can be run"),
        ([], "nothing runs it"),
        ([look_up, double], "does not offer double"),
    ],
)
def test_what_cannot_run_is_refused(tools: Any, said: str) -> None:
    """Before the first request, with what to do."""
    emulator = Emulator(["Done."])
    with pytest.raises(ConfigError, match=said):
        run(a_conversation(tools=[look_up]), emulator.client(), tools)
    assert not emulator.requests


def test_functions_that_nobody_offers_are_refused() -> None:
    """Plain functions have no definition that a conversation without tools could be given."""
    emulator = Emulator(["Done."])
    with pytest.raises(ConfigError, match="plain would never be called"):
        run(a_conversation(), emulator.client(), [plain])
    assert not emulator.requests


def test_a_registry_may_hold_more() -> None:
    """A mapping of plain callables for many agents is fine; what a conversation does not offer is not called."""
    conv = a_conversation(tools=[definition("plain")])
    assert run(conv, Emulator(["Done."]).client(), {"plain": plain, "other": plain_async}).text == "Done."


@pytest.mark.parametrize(
    "settings",
    [{"max_steps": 0}, {"parallel": 0}, {"timeout": 0}, {"timeout": {"look_up": float("nan")}}, {"stop_when": 3}],
)
def test_figures_out_of_range(settings: Any) -> None:
    """Are refused before the first request."""
    emulator = Emulator(["Done."])
    with pytest.raises(ConfigError):
        run(a_conversation(), emulator.client(), [look_up], **settings)
    assert not emulator.requests


def test_the_loop_is_light_to_import() -> None:
    """Neither the SDK nor any heavy library is imported with the loop, the routes or the conditions."""
    code = (
        "import sys, contextkit.loop, contextkit.escalate, contextkit.when;"
        "print(sorted({'anthropic', 'pydantic', 'tiktoken', 'rich', 'genai_prices', 'jsonpath_ng'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
