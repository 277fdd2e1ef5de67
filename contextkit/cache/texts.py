"""The texts that a report's windows need, per position of a request; kept only where `redact` is off.

Law: what an earlier request has kept is taken over, so that a growing conversation adds only what is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.cache.cause import shared
from contextkit.cache.settings import is_web
from contextkit.cache.window import kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.cache.sent import Sent
    from contextkit.cache.spell import Spelled

__all__ = ["texts_of"]


def texts_of(before: Sent | None, now: Spelled, body: Mapping[str, Any]) -> list[Any]:
    """What windows need, per position; taken over from the request before as far as both are the same."""
    old = before.texts if before else []
    if before is None or not old:
        return [*_fixed_texts(body), *_message_texts(now, body["messages"], 0)]
    mine, its = before.spelled.top, now.top
    head = before.spelled.head
    known = mine is its or (mine.tools, mine.system) == (its.tools, its.system)
    same = min(shared(before.spelled.blocks.chain, now.blocks.chain), max(0, len(old) - head))
    texts = old[: head + same] if known else [*_fixed_texts(body), *old[head : head + same]]
    texts += _message_texts(now, body["messages"], same)
    return texts


def _fixed_texts(body: Mapping[str, Any]) -> list[Any]:
    return [kept(block) for block in _fixed_blocks(body)]


def _fixed_blocks(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    system = body.get("system") or ()
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    tools = [tool for tool in body.get("tools") or () if not tool.get("defer_loading") and not is_web(tool)]
    return [*tools, *blocks]


def _message_texts(now: Spelled, messages: Sequence[Mapping[str, Any]], same: int) -> list[Any]:
    texts: list[Any] = []
    blocks = now.blocks
    if same >= len(blocks.owns):
        return texts
    first, skip = blocks.message_of(same)
    for at in range(first, len(messages)):
        content = messages[at]["content"]
        end = blocks.starts[at + 1] if at + 1 < len(blocks.starts) else len(blocks.owns)
        if end == blocks.starts[at]:
            continue  # turn-scoped, renders as nothing
        if isinstance(content, str):
            texts.append(content)
        else:
            texts.extend(kept(block) for block in content[skip if at == first else 0 :])
    return texts
