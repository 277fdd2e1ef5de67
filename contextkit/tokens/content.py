"""Content of any spelling as mappings and text: dicts, plain strings, the SDK's models, and what nobody expected.

The law: never an error and bounded work; what cannot be read becomes nothing or its leaves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["as_blocks", "as_json", "as_mapping", "string"]


def _leaves(value: Any) -> Iterator[str]:
    """The strings of a value that JSON cannot write (circular, too deep): each container once, numbers as a word."""
    stack: list[Any] = [value]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping | list | tuple):
            if id(item) not in seen:
                seen.add(id(item))
                stack.extend([*item.keys(), *item.values()] if isinstance(item, Mapping) else item)
        else:
            yield item if isinstance(item, str) else type(item).__name__


def as_json(value: Any) -> str:
    """A value as JSON text, other scripts unescaped; a value that JSON cannot write as the text of its leaves."""
    try:
        return json.dumps(value, ensure_ascii=False, default=lambda item: type(item).__name__)
    except (TypeError, ValueError, RecursionError):
        return "\n".join(_leaves(value))


def as_mapping(block: Any) -> Mapping[str, Any]:
    """A block as a mapping: dicts as they are, the SDK's models through `model_dump`, text as a text block."""
    if isinstance(block, Mapping):
        return block
    if isinstance(block, str):
        return {"type": "text", "text": block}
    dump = getattr(block, "model_dump", None)
    dumped = dump(exclude_none=True) if callable(dump) else None
    return dumped if isinstance(dumped, Mapping) else {}


def as_blocks(content: Any) -> list[Mapping[str, Any]]:
    """Content as a list of blocks: text is one block, nothing is none."""
    if isinstance(content, str | Mapping):
        return [as_mapping(content)]
    if isinstance(content, Sequence) and not isinstance(content, bytes | bytearray):
        return [as_mapping(block) for block in content]
    return []


def string(block: Mapping[str, Any], key: str) -> str:
    """A string field; empty when it is missing or something else."""
    value = block.get(key)
    return value if isinstance(value, str) else ""
