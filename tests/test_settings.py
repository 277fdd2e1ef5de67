"""Wrong settings say their name, what is wrong, and what to give."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel

from contextkit import Compaction, Conversation, Shape, tool
from contextkit.errors import ConfigError, ContentError, ContextKitError, HistoryError
from contextkit.ledger import Ledger
from contextkit.settings import check_shape, checked_shapes, volatile_of
from contextkit.shape.chain import apply

TOOL = {"name": "t", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"model": "\ud800"}, "model="),
        ({"model": 5}, "model="),
        ({"model": ""}, "model="),
        ({"ttl": []}, "ttl="),
        ({"ttl": "7m"}, "ttl="),
        ({"tools": 5}, "tools="),
        ({"tools": TOOL}, "tools="),
        ({"tools": "t"}, "tools="),
        ({"max_tokens": "10"}, "max_tokens="),
        ({"max_tokens": 0}, "max_tokens="),
        ({"max_tokens": 10**9}, "max_tokens="),
        ({"max_output_chars": "10"}, "max_output_chars="),
        ({"max_output_chars": None}, "max_output_chars="),
        ({"clock": 5}, "clock="),
        ({"clock": None}, "clock="),
        ({"summarizer": ""}, "summarizer="),
        ({"summarizer": None}, "summarizer="),
        ({"summarizer": "\udfff"}, "summarizer="),
        ({"ledger": 5}, "ledger="),
        ({"budget": 5}, "budget="),
        ({"compaction": 5}, "compaction="),
        ({"on_violation": "print"}, "on_violation="),
        ({"repair": "yes"}, "repair="),
        ({"diagnostics": "yes"}, "diagnostics="),
        ({"metadata": 5}, "metadata="),
        ({"thinking": "on"}, "thinking="),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.enabled.budget_tokens="),
        ({"stop_sequences": "x"}, "stop_sequences="),
        ({"shapes": 5}, "shapes="),
        ({"shapes": {"t": 5}}, "shapes="),
        ({"shapes": {"t": Shape}}, "shapes="),
        ({"shapes": {"t": str}}, "shapes="),
        ({"shapes": {"t": "$.a"}}, "shapes="),
        ({"shapes": {"t": ["$.a"]}}, "shapes="),
        ({"shapes": {"t": [Shape(), [Shape()]]}}, "shapes="),
        ({"shapes": {5: Shape()}}, "shapes="),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], where: str) -> None:
    """A ConfigError when the Conversation is made, never an error of Python's later."""
    with pytest.raises(ConfigError) as caught:
        Conversation(**{"model": "sonnet", **given})
    assert caught.value.where == f"Conversation({where})"
    assert caught.value.fix


def test_right_settings_are_taken() -> None:
    """None for no tools, a shared ledger, a generator of tools, and a shape of None for a tool without one."""
    conv = Conversation(model="sonnet", tools=None, ledger=Ledger(), clock=lambda: 5.0)
    assert conv.tools == []
    conv.tools = iter([TOOL])
    assert conv.tools == [TOOL]
    Conversation(model="sonnet", shapes={"t": None, "u": [], "*": Shape(max_chars=50), "v": lambda output: output})


@pytest.mark.parametrize(
    "tools",
    [
        [TOOL, TOOL],
        [TOOL, {"type": "bash_20250124", "name": "t"}],
        [{"name": "a"}],
        [{"type": "custom", "name": "a"}],
        [{"name": "a", "input_schema": "object"}],
        [{**TOOL, "name": "bad name"}],
        [{**TOOL, "name": "a" * 129}],
        [{**TOOL, "name": "name\n"}],
        [{**TOOL, "name": 5}],
        [5],
        ["t"],
        [None],
    ],
    ids=lambda tools: repr(tools)[:60],
)
def test_tools_that_the_api_refuses_are_refused_when_given(tools: list[Any]) -> None:
    """At construction and when they are set; the tools that were there stay."""
    with pytest.raises(ConfigError, match="tools") as caught:
        Conversation(model="sonnet", tools=tools)
    assert caught.value.fix
    conv = Conversation(model="sonnet", tools=[{**TOOL, "name": "old"}])
    with pytest.raises(ConfigError):
        conv.tools = tools
    assert [each["name"] for each in conv.tools] == ["old"]


def test_server_tools_need_no_schema() -> None:
    """A tool with a type of its own is taken as it is."""
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "mcp_toolset", "mcp_server_name": "m"},
        TOOL,
    ]
    assert Conversation(model="sonnet", tools=tools).tools == tools


@pytest.mark.parametrize(
    "system", [[{"type": "image"}], [{"type": "thinking", "thinking": "", "signature": ""}], 5, None]
)
def test_a_system_prompt_is_text(system: Any) -> None:
    """At construction and when it is set; the one that was there stays."""
    with pytest.raises(ContentError, match="system"):
        Conversation(model="sonnet", system=system)
    conv = Conversation(model="sonnet", system="Old.")
    with pytest.raises(ContentError, match="system"):
        conv.system = system
    assert conv.system == [{"type": "text", "text": "Old."}]


class Order(BaseModel):
    """An output model."""

    id: str


def test_a_model_class_becomes_a_shape() -> None:
    """An output model given for a tool shapes as `Shape(model=)` does, alone and in a chain."""
    for given in (Order, [Order]):
        ready = check_shape("order", given)
        assert apply(ready, {"id": "o1", "noise": 1}).text == '{"id":"o1"}'
    assert checked_shapes({"order": Order}) == {"order": Shape(model=Order)}


def test_a_tool_that_declares_no_shape_is_refused() -> None:
    """What `@tool(shape=)` was given is looked at, too."""

    @tool(shape=5)
    def count(what: str) -> int:
        """Count."""
        return len(what)

    with pytest.raises(ConfigError, match="the shape of 'count' is a int"):
        Conversation(model="sonnet", tools=[count])


@pytest.mark.parametrize("name", ["", "<x>", "a b", "1st", "x" * 65, "a/b", None, 5, "now>"])
def test_a_volatile_name_has_to_stand_in_a_tag(name: Any) -> None:
    """Anything that would not close again is refused, and nothing is kept of it."""
    conv = Conversation(model="sonnet").user("Hi.")
    with pytest.raises(ConfigError, match="cannot stand in"):
        conv.volatile(name, "x")
    assert len(conv.request()["messages"][0]["content"]) == 1


def test_a_volatile_text_is_checked_when_it_is_given() -> None:
    """What has no form in JSON, and what is neither text nor a function."""
    conv = Conversation(model="sonnet").user("Hi.")
    for source in ("\ud800", 5, ["x"]):
        with pytest.raises(ContentError, match="volatile"):
            conv.volatile("now", source)  # type: ignore[arg-type]
    assert conv.volatile("now", None).request()["messages"][0]["content"][0]["text"] == "Hi."


def test_what_a_volatile_function_gives_can_be_sent() -> None:
    """Lone surrogates become U+FFFD, pairs their character; what is no text is refused with its type."""
    given: list[Any] = ["a\ud800b", "\ud83d\ude00", 5]
    conv = Conversation(model="sonnet").user("Hi.").volatile("now", lambda: given[0])
    assert conv.request()["messages"][0]["content"][-1]["text"] == "<now>a\ufffdb</now>"
    del given[0]
    assert conv.request()["messages"][0]["content"][-1]["text"] == "<now>\U0001f600</now>"
    del given[0]
    with pytest.raises(ContentError, match="gave a int"):
        conv.request()
    assert volatile_of("now", "as it is") == "as it is"


@pytest.mark.parametrize("history", [None, 5, "Hi.", {"role": "user", "content": "Hi."}])
def test_a_history_is_a_list(history: Any) -> None:
    """What is no list of messages is refused as such."""
    with pytest.raises(HistoryError, match="the history is a"):
        Conversation.from_messages(history, model="sonnet")


@pytest.mark.parametrize("client", [None, 5, "client"])
def test_a_client_is_asked_for_before_anything_happens(client: Any) -> None:
    """`send` without a client leaves tools and system as free as before."""
    conv = Conversation(model="sonnet").user("Hi.")
    with pytest.raises(ConfigError, match="the client is a"):
        conv.send(client)
    conv.system = "Not frozen."


@pytest.mark.parametrize(
    "given",
    [
        {"budget": "x"},
        {"budget": math.nan},
        {"budget": 1e6},
        {"budget": True},
        {"budget": 10**6, "keep_recent": "x"},
        {"summary_tokens": None},
        {"patience": "x"},
        {"patience": None},
        {"patience": math.nan},
        {"fan_out": 2.5},
        {"levels": []},
        {"cool_down": None},
        {"server": []},
        {"server": "fold"},
        {"pins": "always"},
        {"when": 5},
    ],
    ids=repr,
)
def test_a_compaction_is_made_of_figures(given: dict[str, Any]) -> None:
    """A ConfigError that names the figure."""
    with pytest.raises(ConfigError) as caught:
        Compaction(**given)
    assert caught.value.where == f"Compaction({list(given)[-1]}=)"
    assert caught.value.fix


def test_a_patience_without_end_is_taken() -> None:
    """Infinity stands for folds at the ceiling alone; a whole number is a figure, too."""
    assert Compaction(patience=math.inf).patience == math.inf
    assert Compaction(patience=1).patience == 1


@pytest.mark.parametrize("name", [[], {}, None, 5, b"a1"])
def test_an_id_of_another_type_is_unknown(name: Any) -> None:
    """`tool_result` refuses it like any id that no call has."""
    conv = Conversation(model="sonnet", tools=[TOOL]).user("Hi.")
    with pytest.raises(ContextKitError, match="no open tool call"):
        conv.tool_result(name, "x")
