"""OpenAI chat messages as Anthropic messages: what tau, SWE-agent and LiteLLM record.

Law: one list in, one list out, in order; tool results of one round stand together in one user message, because the
Messages API wants them so. What has no form on the other side (audio, refusals) stays as text or is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contextkit.api.facts import TOOL_ID
from contextkit.transcripts.lines import mapping, safe_blocks, string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.api.messages import Block, Message

__all__ = ["append", "message", "system_text"]


def system_text(entry: Mapping[str, Any]) -> str:
    """The text of a system or developer message; "" for other roles."""
    if string(entry.get("role")) not in {"system", "developer"}:
        return ""
    return "\n\n".join(string(block.get("text")) for block in safe_blocks(entry.get("content")))


def message(entry: Mapping[str, Any]) -> Message | None:
    """One chat message as an Anthropic message; None for roles without one and for empty content."""
    role = string(entry.get("role"))
    if role == "assistant":
        blocks = [*_blocks(entry.get("content")), *_calls(entry.get("tool_calls"))]
    elif role in {"tool", "function"}:
        blocks = [_result(entry)]
        role = "user"
    elif role == "user":
        blocks = _blocks(entry.get("content"))
    else:
        return None
    return {"role": role, "content": blocks} if blocks else None


def append(messages: list[Message], new: Message) -> None:
    """Append, joining neighbours of one role into one message."""
    if messages and messages[-1]["role"] == new["role"]:
        messages[-1] = {"role": new["role"], "content": [*messages[-1]["content"], *new["content"]]}
    else:
        messages.append(new)


def _blocks(content: Any) -> list[Block]:
    blocks: list[Block] = []
    for block in safe_blocks(content):
        if block["type"] == "image_url":
            url = string(mapping(block.get("image_url")).get("url"))
            block = _image(url)  # noqa: PLW2901  (the same block in the other spelling)
        blocks.append(block)
    return blocks


def _image(url: str) -> Block:
    if url.startswith("data:") and ";base64," in url:
        kind, _, data = url[len("data:") :].partition(";base64,")
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def _calls(calls: Any) -> Iterable[Block]:
    """Tool calls, in OpenAI's form or in tau2's flat one."""
    for call in calls if isinstance(calls, list) else ():
        given = mapping(call)
        function = mapping(given.get("function")) or given
        yield {
            "type": "tool_use",
            "id": _id(given.get("id")),
            "name": string(function.get("name")),
            "input": _arguments(function.get("arguments")),
        }


def _arguments(value: Any) -> Mapping[str, Any]:
    """A call's arguments; a text that is not a JSON object is kept as it is under one name."""
    if isinstance(value, Mapping):
        return dict(value)
    try:
        parsed = json.loads(string(value) or "{}")
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"arguments": string(value)}


def _result(entry: Mapping[str, Any]) -> Block:
    several = entry.get("tool_call_ids")
    name = entry.get("tool_call_id") or entry.get("id") or (several[0] if isinstance(several, list) and several else "")
    block: Block = {"type": "tool_result", "tool_use_id": _id(name), "content": _blocks(entry.get("content"))}
    if entry.get("error") is True:
        block["is_error"] = True
    return block


def _id(value: Any) -> str:
    name = string(value)
    return name if TOOL_ID.fullmatch(name) else "".join(c if TOOL_ID.fullmatch(c) else "_" for c in name) or "unnamed"
