"""Tool outputs that come as content blocks: every text in them within one cap, whatever block it stands in.

Law: what is no text (images, PDFs) stays as it is or is refused, since half of it is nothing; texts are cut in place
by their fair share, and where there are too many for that, they become one text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.facts import MAX_REQUEST_BYTES
from contextkit.errors import ContentError
from contextkit.shape.text import fair_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contextkit.api.messages import Block

__all__ = ["bounded", "texts"]

_LEAST: Final = 200
"""Characters that a text keeps at least where it is cut in place."""


def texts(block: Block) -> Iterator[tuple[dict[str, Any], str]]:
    """Where a block of a tool result holds text: the dict, and its key."""
    source, inner = block.get("source"), block.get("content")
    if isinstance(source, dict) and source.get("type") == "text" and isinstance(source.get("data"), str):
        yield source, "data"
    if isinstance(block.get("text"), str):
        yield block, "text"
    for held in (inner, source.get("content") if isinstance(source, dict) else None):
        if isinstance(held, list):
            for item in held:
                if isinstance(item, dict):
                    yield from texts(item)


def bounded(blocks: Sequence[Block], max_chars: int, cut: Callable[[str, int], str], *, where: str) -> list[Block]:
    """The blocks with at most `max_chars` characters of text in all.

    Args:
        blocks: a tool result's; changed in place where a text is cut.
        max_chars: cap of all texts together.
        cut: shortens one text to so many characters, and keeps the original.
        where: for the error: whose output it is.

    Raises:
        ContentError: an image or a file is larger than any request may be.
    """
    places = [place for block in blocks for place in texts(block)]
    lengths = [len(holder[key]) for holder, key in places]
    media = sum(_media(block) for block in blocks)
    if media > MAX_REQUEST_BYTES:
        raise ContentError(
            f"images and files of {media:,} bytes; the API takes {MAX_REQUEST_BYTES:,} in a whole request",
            where=where,
            fix="Give a smaller file, or one by URL or file id.",
        )
    if sum(lengths) <= max_chars:
        return list(blocks)
    share = fair_share(lengths, max_chars)
    if share < _LEAST:
        whole = "\n\n".join(holder[key] for holder, key in places)
        others = [block for block in blocks if next(texts(block), None) is None]
        return [{"type": "text", "text": cut(whole, max_chars)}, *others]
    for (holder, key), length in zip(places, lengths, strict=True):
        if length > share:
            holder[key] = cut(holder[key], share)
    return list(blocks)


def _media(block: Block) -> int:
    """Bytes of what is sent inside of the request and is no text."""
    source, inner = block.get("source"), block.get("content")
    data = source.get("data") if isinstance(source, Mapping) and source.get("type") == "base64" else ""
    own = len(data) if isinstance(data, str) else 0
    return own + (sum(_media(item) for item in inner if isinstance(item, dict)) if isinstance(inner, list) else 0)
