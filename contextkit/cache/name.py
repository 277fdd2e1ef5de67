"""The opaque name of a conversation that has none: made of how it begins.

Law: the same beginning (model, tools, system, first message) has the same name in every process, wherever its marks
stand; where content is not to be recognised, the name means nothing outside of this process.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.form import by_value, form

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["name_of"]

_DIGITS: Final = 12


def name_of(body: Mapping[str, Any], *, private: bool = False) -> str:
    """A name of the form "c-0123456789ab".

    Args:
        body: the first request that is seen of a conversation.
        private: nobody who guesses the content can check the guess by the name.
    """
    system, first = body.get("system") or (), body["messages"][0]
    head = [*(body.get("tools") or ()), *_blocks(system)]
    begin = (
        str(body["model"]),
        len(head),
        *map(_form, head),
        str(first["role"]),
        *map(_form, _blocks(first["content"])),
    )
    made = None if private else by_value(begin)
    if made is None:
        return f"c-{hash(begin) & 0xFFFF_FFFF_FFFF:0{_DIGITS}x}"
    return f"c-{blake2b(made, digest_size=_DIGITS // 2).hexdigest()}"


def _blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _form(block: Mapping[str, Any]) -> Any:
    return form(block)[0]
