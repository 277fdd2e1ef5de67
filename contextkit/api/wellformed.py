"""Whether a request body has the types that the API's schema asks for, before anything is read from its content.

Law: after a body without faults here, every other rule may walk it without asking again. Texts are the API's where
they are known; those marked (unverified) are ours.

Sources: parameter types of SDK 2.12.0; the tool-use, thinking, tool-search and migration pages. The pattern of tool
names is in the API's own error text (home-assistant/core issue 147760).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from contextkit.api.blocks import KINDS, is_list, malformed_block, malformed_mark
from contextkit.api.facts import MAX_MESSAGES, model

__all__ = ["malformed", "malformed_parameters", "malformed_tools"]

_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")

_SAMPLING: Final = ("temperature", "top_p", "top_k")
_LEAST_BUDGET: Final = 1024  # of thinking.budget_tokens (thinking page)
_OBJECTS: Final = ("metadata", "output_config", "diagnostics", "cache_control", "thinking", "tool_choice")
_CHOICES: Final[dict[str, frozenset[str]]] = {
    "speed": frozenset({"standard", "fast"}),
    "service_tier": frozenset({"auto", "standard_only"}),
}


def malformed(body: Mapping[str, Any]) -> Iterator[str]:
    """The API's message for everything that does not have its type."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model: Field required"
        return
    yield from _limit(body)
    for name in _SAMPLING:
        if name in body:  # API version 2026-10-21, the default of SDK 2
            yield f"{name}: Extra inputs are not permitted"  # (unverified)
    yield from malformed_parameters(body)
    if isinstance(body.get("cache_control"), Mapping):
        yield from malformed_mark(body, "request")
    yield from _system(body.get("system"))
    yield from _tools(body)
    messages: Any = body.get("messages")
    if not is_list(messages):
        yield "messages: Field required"
        return
    if not messages:
        yield "messages: at least one message is required"
    if len(messages) > MAX_MESSAGES:
        yield f"messages: too many messages; at most {MAX_MESSAGES} are allowed"  # (unverified)
    for index, message in enumerate(messages):
        yield from _message(message, f"messages.{index}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _limit(body: Mapping[str, Any]) -> Iterator[str]:
    limit, row = body.get("max_tokens"), model(body["model"])
    if limit is None:
        yield "max_tokens: Field required"
    elif not _is_number(limit):
        yield "max_tokens: Input should be a valid integer"
    elif limit < 0:
        yield "max_tokens: Input should be greater than or equal to 0"
    elif row is not None and limit > row.max_output:
        yield (
            f"max_tokens: {limit} > {row.max_output}, which is the maximum allowed number of output tokens for"
            f" {body['model']}"
        )


def malformed_parameters(body: Mapping[str, Any]) -> Iterator[str]:
    """The API's message for every parameter that does not have its type, beside model, limit, tools and content."""
    for name in _OBJECTS:
        if body.get(name) is not None and not isinstance(body[name], Mapping):
            yield f"{name}: Input should be a valid dictionary"
    for name, values in _CHOICES.items():
        if body.get(name) is not None and body[name] not in list(values):
            yield f"{name}: Input should be {' or '.join(repr(value) for value in sorted(values))}"
    if not isinstance(body.get("stream", False), bool):
        yield "stream: Input should be a valid boolean"
    stops = body.get("stop_sequences")
    if stops is not None and not (is_list(stops) and all(isinstance(stop, str) for stop in stops)):
        yield "stop_sequences: Input should be a valid list of strings"
    if isinstance(body.get("thinking"), Mapping):
        yield from _thinking(body["thinking"])
    if isinstance(body.get("output_config"), Mapping):
        yield from _output(body["output_config"])


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    for name in ("format", "task_budget"):
        if output.get(name) is not None and not isinstance(output[name], Mapping):
            yield f"output_config.{name}: Input should be a valid dictionary"


def _thinking(thinking: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(thinking.get("type"), str):
        yield "thinking.type: Field required"
    elif thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens")
        if budget is None:
            yield "thinking.enabled.budget_tokens: Field required"
        elif not _is_number(budget) or budget < _LEAST_BUDGET:
            yield f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}"
    if not isinstance(thinking.get("block_binding") or {}, Mapping):
        yield "thinking.block_binding: Input should be a valid dictionary"


def _system(system: Any) -> Iterator[str]:
    if system is None or isinstance(system, str):
        return
    if not is_list(system):
        yield "system: Input should be a valid string or list"
        return
    for at, block in enumerate(system):
        if not isinstance(block, Mapping) or block.get("type") != "text" or not isinstance(block.get("text"), str):
            yield f"system.{at}: Input should be a valid text block"  # (unverified)
        else:
            yield from malformed_mark(block, f"system.{at}")


def _tools(body: Mapping[str, Any]) -> Iterator[str]:
    tools, choice = body.get("tools"), body.get("tool_choice")
    if tools is not None and not is_list(tools):
        yield "tools: Input should be a valid list"
        return
    given: Sequence[Any] = tools or ()
    yield from malformed_tools(given)
    if given and all(isinstance(tool, Mapping) and tool.get("defer_loading") for tool in given):
        yield "At least one tool must have defer_loading=false."  # (unverified)
    if isinstance(choice, Mapping):
        yield from _choice(choice, _names(given))


def malformed_tools(tools: Sequence[Any]) -> Iterator[str]:
    """The API's message for every tool definition that it does not take, and for names that stand twice."""
    for at, tool in enumerate(tools):
        yield from _tool(tool, f"tools.{at}")
    names = _names(tools)
    if len(names) != len(set(names)):
        yield "tools: Tool names must be unique."


def _names(tools: Sequence[Any]) -> list[str]:
    return [tool["name"] for tool in tools if isinstance(tool, Mapping) and isinstance(tool.get("name"), str)]


def _tool(tool: Any, where: str) -> Iterator[str]:
    if not isinstance(tool, Mapping):
        yield f"{where}: Input should be a valid dictionary"
        return
    if tool.get("type") in (None, "custom"):
        if not isinstance(tool.get("name"), str) or not tool["name"]:
            yield f"{where}.custom.name: Field required"
        elif not _TOOL_NAME.fullmatch(tool["name"]):
            yield f"{where}.custom.name: String should match pattern '^{_TOOL_NAME.pattern}$'"
        if not isinstance(tool.get("input_schema"), Mapping):
            yield f"{where}.custom.input_schema: Field required"
    yield from malformed_mark(tool, where)


def _choice(choice: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        tags = "'any', 'auto', 'none', 'tool'"
        yield f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
    elif kind == "tool" and choice.get("name") not in names:
        yield f"Tool '{choice.get('name')}' not found in provided tools"  # (unverified)


def _message(message: Any, where: str) -> Iterator[str]:
    if not isinstance(message, Mapping):
        yield f"{where}: Input should be a valid dictionary"
        return
    if message.get("role") not in ("user", "assistant", "system"):
        yield f"{where}.role: Input should be 'user' or 'assistant'"
    content = message.get("content")
    if isinstance(content, str):
        return
    if not is_list(content):
        yield f"{where}.content: Field required"
        return
    for index, block in enumerate(content or ()):
        yield from malformed_block(block, f"{where}.content.{index}", KINDS)
