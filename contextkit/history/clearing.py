"""What a clear does to an old entry: tool results give way to handles, and thinking goes where the model allows it.

Law: the entry itself is never changed; what is sent in its place is a new list of blocks, made once. Errors, images
and what is hardly longer than a handle stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contextkit.api.messages import Block
    from contextkit.history.log import Entry

__all__ = ["cleared", "freed", "thought"]

_NOTE_TOKENS: Final = 45.0
"""About what is sent in the place of a result."""

_LEAST: Final = 150.0
"""Results of fewer tokens stay: a handle would hardly be shorter."""

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


def freed(block: Mapping[str, object], tokens: float) -> float:
    """Tokens that clearing a tool result of so many tokens would free; 0.0 where it stays."""
    return tokens - _NOTE_TOKENS if tokens >= _LEAST and _text(block) is not None else 0.0


def thought(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that are thinking."""
    return [block for block in blocks if block["type"] in _THINKING]


def cleared(
    entry: Entry, sizes: Callable[[Block], float], put: Callable[[str], str], *, thinking: bool
) -> Sequence[Block] | None:
    """The blocks that are sent instead of an entry's; None where nothing of it goes.

    Args:
        entry: an old one.
        sizes: estimated tokens of a block.
        put: keeps a text in the archive and gives its handle.
        thinking: drop thinking, too.
    """
    made = [_instead(block, sizes, put) for block in entry.blocks if not (thinking and block["type"] in _THINKING)]
    same = len(made) == len(entry.blocks) and all(new is old for new, old in zip(made, entry.blocks, strict=True))
    return None if same or not made else made


def _instead(block: Block, sizes: Callable[[Block], float], put: Callable[[str], str]) -> Block:
    if block["type"] != "tool_result" or not freed(block, sizes(block)):
        return block
    text = _text(block) or ""
    note = f'[cleared to save room: {len(text):,} characters; recall handle "{put(text)}"]'
    return {**block, "content": note}


def _text(block: Mapping[str, object]) -> str | None:
    """The text of a result that may be cleared."""
    content = block.get("content")
    if block.get("is_error") or isinstance(content, str):
        return None if block.get("is_error") else str(content)
    if isinstance(content, list) and all(item.get("type") == "text" for item in content):
        return "\n".join(str(item.get("text")) for item in content)
    return None
