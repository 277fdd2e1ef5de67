"""A request in OpenAI's form (LiteLLM logs) as a Messages body, its marks kept, and every place found again.

Law: what LiteLLM sends to Claude: system messages become `system`, neighbours of one role one message, `cache_control`
stays on the part, or on the last part of the message, that carried it. Other content as `transcripts.openai` reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contextkit.transcripts.lines import mapping, string
from contextkit.transcripts.openai import message

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Chat", "is_chat"]

_LOOK: Final = 8
"""Messages that are looked at: an assistant's call and its answer come early, or the messages read the same."""
_CHAT_ROLES: Final = frozenset({"tool", "function", "developer"})


def is_chat(body: Mapping[str, Any]) -> bool:
    """Whether a body has OpenAI messages: a system message first, tool roles, tool_calls, or functions as tools."""
    messages = [mapping(entry) for entry in body["messages"][:_LOOK]]
    tools = body.get("tools")
    if isinstance(tools, list) and tools and mapping(tools[0]).get("type") == "function":
        return True
    if messages and messages[0].get("role") == "system" and "system" not in body:
        return True
    return any(entry.get("role") in _CHAT_ROLES or entry.get("tool_calls") for entry in messages)


class Chat:
    """A converted request.

    Args:
        given: the body with OpenAI messages.

    Attributes:
        body: the Messages body.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._system: list[int] = []  # of each system block, the message it came from
        self._origin: list[list[str]] = []  # of each message, where each of its blocks came from
        system: list[dict[str, Any]] = []
        messages: list[dict[str, Any]] = []
        for at, entry in enumerate(given["messages"]):
            one = mapping(entry)
            if one.get("role") in {"system", "developer"}:
                made = _marked(one, [{"type": "text", "text": text} for text in _texts(one.get("content"))])
                system += made
                self._system += [at] * len(made)
            else:
                self._enter(messages, at, one)
        rest = {key: value for key, value in given.items() if key not in {"messages", "tools", "system"}}
        self.body: dict[str, Any] = {**rest, "messages": messages, "tools": _tools(given.get("tools"))}
        if system:
            self.body["system"] = system

    def _enter(self, messages: list[dict[str, Any]], at: int, entry: Mapping[str, Any]) -> None:
        found = message(entry)
        if found is None:
            return
        blocks = _marked(entry, found["content"])
        parts = entry.get("content")
        listed = len(parts) if isinstance(parts, list) and entry.get("role") not in {"tool", "function"} else 0
        places = [f"/messages/{at}/content" + (f"/{i}" if i < listed else "") for i in range(len(blocks))]
        if messages and messages[-1]["role"] == found["role"]:
            messages[-1] = {"role": found["role"], "content": [*messages[-1]["content"], *blocks]}
            self._origin[-1] += places
        else:
            messages.append({"role": found["role"], "content": blocks})
            self._origin.append(places)

    def original(self, place: str) -> str:
        """A pointer into the converted body as one into the body that was given."""
        parts = place.split("/")[1:]
        if parts[:1] == ["system"]:
            index = int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0
            return f"/messages/{self._system[index]}/content" if index < len(self._system) else "/messages"
        if parts[:1] == ["messages"] and len(parts) > 1 and int(parts[1]) < len(self._origin):
            places = self._origin[int(parts[1])]
            block = int(parts[3]) if len(parts) > 3 else 0  # noqa: PLR2004  (messages, index, content, index)
            return places[min(block, len(places) - 1)]
        return place if parts[:1] != ["tools"] else "/".join(["", *parts[:2]])


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content] if content else []
    return [string(mapping(part).get("text")) for part in content] if isinstance(content, list) else []


def _marked(entry: Mapping[str, Any], blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks with the marks of the parts they came from."""
    parts = entry.get("content")
    if entry.get("cache_control") and blocks:
        return [*blocks[:-1], {**blocks[-1], "cache_control": entry["cache_control"]}]
    if not isinstance(parts, list) or not any(mapping(part).get("cache_control") for part in parts):
        return blocks
    if len(blocks) == 1 and blocks[0]["type"] == "tool_result":
        mark = next(part["cache_control"] for part in parts if mapping(part).get("cache_control"))
        return [{**blocks[0], "cache_control": mark}]
    given = [mapping(part).get("cache_control") for part in parts] + [None] * len(blocks)
    return [{**block, "cache_control": mark} if mark else block for block, mark in zip(blocks, given, strict=False)]


def _tools(tools: Any) -> list[dict[str, Any]]:
    found = []
    for tool in tools if isinstance(tools, list) else ():
        given = mapping(tool)
        function = mapping(given.get("function")) or given
        made: dict[str, Any] = {
            "name": string(function.get("name")),
            "description": string(function.get("description")),
            "input_schema": function.get("parameters") or function.get("input_schema") or {},
        }
        mark = given.get("cache_control") or function.get("cache_control")
        found.append({**made, "cache_control": mark} if mark else made)
    return found
