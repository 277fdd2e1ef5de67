"""What a request sets beside its blocks, as far as it changes the prompt.

Law: a setting at its default is the same prompt as none (thinking page on effort), so it is left out. Values are
texts where they are short, else hashes of this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import dumps
from contextkit.cache.form import ordered

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_web", "settings_of"]

_WEB: Final = ("web_search", "web_fetch")
_SHOWN: Final = frozenset({"thinking", "task_budget", "context_management"})
"""Settings that are short objects, kept as they are for the report; of the others only a hash is kept."""


def is_web(tool: Mapping[str, Any]) -> bool:
    """Whether a tool is the API's web search or fetch: switching it loses system and messages, not the tools."""
    return str(tool.get("type") or "").startswith(_WEB)


def settings_of(
    body: Mapping[str, Any], betas: Iterable[str], *, images: bool, citations: bool
) -> dict[str, str | int]:
    """What is set, by name; what is at its default is left out, because it is the same prompt."""
    name = str(body["model"])
    row = facts.model(name)
    output = body.get("output_config") or {}
    choice = body.get("tool_choice") or {}
    effort, speed = output.get("effort"), body.get("speed")
    kind = choice.get("type")
    web = [tool for tool in body.get("tools") or () if is_web(tool)]
    found: dict[str, Any] = {
        "model": row.id if row else name,
        "speed": None if speed == "standard" else speed,
        "thinking": body.get("thinking"),
        "effort": None if row and effort == row.effort else effort,
        "format": output.get("format") or body.get("output_format"),
        "task_budget": output.get("task_budget"),
        "web_tools": [{k: v for k, v in tool.items() if k != "cache_control"} for tool in web] or None,
        "citations": "on" if citations else None,
        "tool_choice": None if kind == "auto" else choice.get("name") or kind,
        "parallel": "off" if choice.get("disable_parallel_tool_use") else None,
        "images": "present" if images else None,
        "context_management": body.get("context_management"),
        "betas": ",".join(sorted(betas)) or None,
    }
    return {key: _value(key, value) for key, value in found.items() if value is not None}


def _value(name: str, value: Any) -> str | int:
    if type(value) is str:
        return value
    if name in _SHOWN and isinstance(value, Mapping):
        return dumps({key: value[key] for key in sorted(value)})
    return hash(ordered(value))
