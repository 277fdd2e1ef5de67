"""What of a request is no block and still decides which cached prefix it can share, level by level.

Law: a setting stands at the level from which its change loses the cache (the invalidation table of `api/facts.py`),
and a setting at its default hashes as if it were left out. Where first-party text leaves doubt, `Rules` has a switch.

Sources: prompt-caching page ("what invalidates the cache"), effort page (default effort equals none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import digest, dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LEVELS", "Rules", "is_web", "seeds"]

LEVELS: Final = ("all", "system", "messages")
"""The levels that have a hash: before the tools, before the system prompt, before the messages."""

_WEB: Final = ("web_search", "web_fetch")
_SAMPLING: Final = frozenset({"thinking", "effort", "format", "task_budget"})


@dataclass(frozen=True, slots=True)
class Rules:
    """Where first-party text leaves doubt, each rule is a switch with its default and its reason.

    Attributes:
        collapse_runs: a run of tool_use, or of tool_result, is one lookback position. Stated for the Claude API;
            other platforms do not say, so switch it off to model the worst case there.
        heads_are_positions: each tool and each system block counts for the lookback. The page's examples count
            "blocks" of the whole prompt; litellm counts them too; not stated explicitly.
        ttl_in_key: a 5m mark does not read a 1h entry. litellm models it so; the page does not say it: off.
        renew_ancestors: a hit renews the shorter entries below it. Not stated: off, so that a mark must touch them.
        settings: from which level thinking, effort, format and task budget lose the cache. The list of models that
            keep tools and system is not published; "all" is the page's own advice. On billed sessions of Opus 4.5
            and Sonnet 4.5 a thinking switch kept both: "messages" there (benchmarks/fidelity.py).
        speed: from which level fast mode loses the cache. The caching page keeps tools, the fast mode page says
            that the two speeds share no prefix: "all".
        context_management: from which level the parameters of context editing lose the cache. The diagnostics page
            lists them as prompt-affecting without a level; they edit messages only: "messages".
        unknown_minimum: smallest cacheable prefix, in tokens, of a model that is not in the table: the commonest of
            the older models.
    """

    collapse_runs: bool = True
    heads_are_positions: bool = True
    ttl_in_key: bool = False
    renew_ancestors: bool = False
    settings: facts.Effect = "all"
    speed: facts.Effect = "all"
    context_management: facts.Effect = "messages"
    unknown_minimum: int = 1024


def seeds(body: Mapping[str, Any], rules: Rules) -> dict[str, bytes]:
    """One hash a level of the settings that the level depends on."""
    levels: dict[str, dict[str, Any]] = {level: {} for level in LEVELS}
    for name, value in _settings(body).items():
        effect = _effect(name, rules)
        if effect != "none" and value is not None:
            levels[effect][name] = value
    return {level: digest(dumps(values).encode("utf-8", "surrogatepass")) for level, values in levels.items()}


def _effect(name: str, rules: Rules) -> facts.Effect:
    if name in _SAMPLING:
        return rules.settings
    if name == "speed":
        return rules.speed
    return rules.context_management if name == "context_management" else facts.invalidation(name)


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the invalidation table, None where it is at its default."""
    name = str(body["model"])
    row = facts.model(name)
    output = body.get("output_config") or {}
    effort = output.get("effort")
    choice = body.get("tool_choice") or {}
    images, citations = _features(body["messages"])
    return {
        "model": row.id if row else name,
        "speed": None if body.get("speed") == "standard" else body.get("speed"),
        "thinking": body.get("thinking"),
        "effort": None if row and effort == row.effort else effort,
        "format": output.get("format"),
        "task_budget": output.get("task_budget"),
        "context_management": body.get("context_management"),
        "web_tools": [tool for tool in body.get("tools") or () if is_web(tool)] or None,
        "citations": citations or None,
        "tool_choice": {k: v for k, v in choice.items() if k in {"type", "name"} and v != "auto"} or None,
        "parallel": choice.get("disable_parallel_tool_use") or None,
        "images": images or None,
    }


def is_web(tool: Mapping[str, Any]) -> bool:
    """Whether a tool is the server's web search or web fetch, which count from the system level on."""
    return str(tool.get("type") or "").startswith(_WEB)


def _features(messages: Sequence[Mapping[str, Any]]) -> tuple[bool, bool]:
    """Whether there is an image anywhere, and whether any document is to be cited; one look at each block."""
    images = citations = False
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            continue
        for block in content:
            kind = block.get("type")
            if kind == "image":
                images = True
            elif kind == "tool_result":
                inner = block.get("content")
                images = images or (isinstance(inner, list) and any(_is_image(item) for item in inner))
            elif kind != "text":
                wanted = block.get("citations")
                citations = citations or (isinstance(wanted, Mapping) and bool(wanted.get("enabled")))
    return images, citations


def _is_image(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "image"
