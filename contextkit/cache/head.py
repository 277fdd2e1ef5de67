"""What stands before the messages of a request: tools, system, settings, and the marks on them.

Law: read once, known again by one print. A request whose head is spelled as an earlier one's takes that one over as
it is, so that two requests of a conversation hold the very same head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.api import facts
from contextkit.cache.blocks import life
from contextkit.cache.form import by_value, form
from contextkit.cache.settings import is_web, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from contextkit.api.facts import Ttl

__all__ = ["Head", "Mark", "head_of"]

_NOT_HEAD: Final = frozenset(
    {
        "messages",
        "cache_control",
        "diagnostics",
        "max_tokens",
        "metadata",
        "service_tier",
        "stop_sequences",
        "stream",
        "temperature",
        "top_k",
        "top_p",
    }
)
"""Parameters that say nothing about the head; they may differ from call to call."""


class Mark(NamedTuple):
    """A mark in a request.

    Attributes:
        pos: index of its block in the whole prompt: tools, then system, then messages.
        step: its number among the lookback positions.
        ttl: the lifetime it asks for.
    """

    pos: int
    step: int
    ttl: Ttl


@dataclass(frozen=True, slots=True)
class Head:
    """Everything but the messages.

    Attributes:
        model: the id in the request.
        row: what is known of that model; None where nothing is.
        settings: what is not a block and changes the prompt, by name; a value is a text, or a hash.
        tools: name and hash of each tool that is in the prefix.
        system: hash of each system block.
        count: positions that it takes in the prompt.
        sizes: characters of tools, and of tools and system.
        marks: on tools and system blocks, in order.
        seen: whether the messages hold images, and documents that are to be cited.
        known_by: a hash by which the very same head is known again; None where it cannot be.
    """

    model: str
    row: facts.Model | None
    settings: Mapping[str, str | int]
    tools: tuple[tuple[str, int], ...]
    system: tuple[int, ...]
    count: int
    sizes: tuple[int, int]
    marks: tuple[Mark, ...]
    seen: tuple[bool, bool]
    known_by: int | None


def head_of(body: Mapping[str, Any], betas: Iterable[str], seen: tuple[bool, bool], known: Iterable[Head]) -> Head:
    """The head of a request body, taken over from an earlier request that has the same.

    Args:
        body: the body of a Messages request, as plain JSON.
        betas: the values of the anthropic-beta header.
        seen: whether the messages hold images, and documents that are to be cited.
        known: heads of earlier requests.
    """
    betas = list(betas)
    given = by_value([betas, {key: body[key] for key in body if key not in _NOT_HEAD}])
    known_by = None if given is None else hash(given)
    if known_by is not None:
        for one in known:
            if one.known_by == known_by and one.seen == seen:
                return one
    return _read(body, betas, seen, known_by)


def _read(body: Mapping[str, Any], betas: list[str], seen: tuple[bool, bool], known_by: int | None) -> Head:
    tools = [tool for tool in body.get("tools") or () if not tool.get("defer_loading") and not is_web(tool)]
    given = body.get("system") or ()
    system = [{"type": "text", "text": given}] if isinstance(given, str) else given
    tool_forms, system_forms = [form(tool) for tool in tools], [form(block) for block in system]
    named = zip(tools, tool_forms, strict=True)
    tools_size = sum([length for _, length in tool_forms])
    marked = [(at, block.get("cache_control")) for at, block in enumerate([*tools, *system])]
    model = str(body["model"])
    return Head(
        model,
        facts.model(model),
        settings_of(body, betas, images=seen[0], citations=seen[1]),
        tuple([(str(tool.get("name") or tool.get("type")), hash(made)) for tool, (made, _) in named]),
        tuple([hash(made) for made, _ in system_forms]),
        len(marked),
        (tools_size, tools_size + sum([length for _, length in system_forms])),
        tuple([Mark(at, at, life(mark)) for at, mark in marked if mark]),
        seen,
        known_by,
    )
