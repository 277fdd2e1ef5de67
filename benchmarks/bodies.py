"""Recorded request bodies of other spellings (Bedrock Converse, OpenAI style) as Messages requests.

The law: only what says the same is carried over; a body with a part that has no counterpart is refused (None).
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["as_messages"]

Body = dict[str, Any]


def _converse_result(part: Body) -> Body | None:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if "json" in part:
        return {"type": "text", "text": json.dumps(part["json"], ensure_ascii=False)}
    return None


def _converse_block(part: Body) -> Body | None:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if "toolUse" in part:
        use = part["toolUse"]
        return {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": use["input"]}
    if "toolResult" in part:
        result = part["toolResult"]
        inner = [_converse_result(piece) for piece in result.get("content", [])]
        return None if None in inner else {"type": "tool_result", "tool_use_id": result["toolUseId"], "content": inner}
    return None


def _converse_tools(config: Body) -> list[Body]:
    specs = [tool["toolSpec"] for tool in config.get("tools", []) if "toolSpec" in tool]
    return [
        {"name": spec["name"], "description": spec.get("description", ""), "input_schema": spec["inputSchema"]["json"]}
        for spec in specs
    ]


def _converse(request: Body) -> Body | None:
    messages = []
    for message in request["messages"]:
        parts = [part for part in message["content"] if "cachePoint" not in part]
        blocks = [_converse_block(part) for part in parts]
        if None in blocks:
            return None
        messages.append({"role": message["role"], "content": blocks})
    config = request.get("toolConfig") or {}
    body: Body = {"messages": messages, "tools": _converse_tools(config)}
    system = [part for part in request.get("system") or [] if "text" in part]
    if system:
        body["system"] = [{"type": "text", "text": part["text"]} for part in system]
    choice = config.get("toolChoice") or {}
    if choice:
        body["tool_choice"] = {"type": next(iter(choice))}
    wanted = (request.get("outputConfig") or {}).get("textFormat")
    if wanted:
        schema = json.loads(wanted["structure"]["jsonSchema"]["schema"])
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    extra = request.get("additionalModelRequestFields") or {}
    if "reasoning_config" in extra:
        body["thinking"] = extra["reasoning_config"]
    return body | {key: extra[key] for key in ("thinking", "tool_choice") if key in extra}


def _openai_parts(content: Any) -> list[Body] | None:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content) if all(part.get("type") == "text" for part in content) else None


def _openai_message(message: Body) -> Body | None:
    content = _openai_parts(message.get("content"))
    if content is None or "reasoning_details" in message:
        return None
    if message["role"] == "tool":
        return {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}],
        }
    for call in message.get("tool_calls") or []:
        given = json.loads(call["function"]["arguments"] or "{}")
        content.append({"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": given})
    return {"role": message["role"], "content": content}


def _openai(request: Body) -> Body | None:
    messages: list[Body] = []
    system: list[Body] = []
    for given in request["messages"]:
        message = _openai_message(given)
        if message is None:
            return None
        if message["role"] in {"system", "developer"}:
            system += message["content"]
        elif messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += message["content"]
        else:
            messages.append(message)
    tools = [tool["function"] for tool in request.get("tools") or []]
    body: Body = {
        "messages": messages,
        "tools": [
            {"name": tool["name"], "description": tool.get("description", ""), "input_schema": tool["parameters"]}
            for tool in tools
        ],
    }
    if system:
        body["system"] = system
    choice = request.get("tool_choice")
    if choice == "required" or isinstance(choice, dict):
        body["tool_choice"] = {"type": "any" if choice == "required" else "tool"}
    return None if request.get("reasoning") or request.get("response_format") else body


def as_messages(form: str, request: Body) -> Body | None:
    """A recorded body of any form as a Messages request; None where a part has no counterpart."""
    try:
        if form == "bedrock_converse":
            return _converse(request)
        if form == "openai_compat":
            return _openai(request)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return request if "messages" in request else None
