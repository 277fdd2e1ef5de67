"""A message as the API streams it: server-sent events, in the API's order.

Law: what the events add up to is the message that the same call returns without streaming. Order: message_start
(with the cache numbers), ping, then start, deltas and stop of each block, message_delta, message_stop (streaming
page and SDK types).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["event", "events"]

_PIECES: Final = 32
"""Deltas of a long text; the real API sends more, which would only slow tests down."""
_PIECE: Final = 16
"""Characters of a delta at least, as long as two deltas remain."""

_FILLED: Final[dict[str, tuple[str, str]]] = {
    "text": ("text", "text_delta"),
    "thinking": ("thinking", "thinking_delta"),
}


def event(value: Mapping[str, Any]) -> bytes:
    """One event on the wire, named by its type."""
    return f"event: {value['type']}\ndata: {dumps(value)}\n\n".encode("utf-8", "surrogatepass")


def events(message: Mapping[str, Any]) -> Iterator[bytes]:
    """The whole stream of a message."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    # Tokens generated so far: one when the response begins, none when nothing is generated.
    start["usage"] = {**usage, "output_tokens": min(1, usage["output_tokens"])}
    start["usage"].pop("iterations", None)
    start.pop("context_management", None)  # arrives in the final message_delta (context-editing page)
    yield event({"type": "message_start", "message": start})
    yield event({"type": "ping"})
    for index, block in enumerate(message["content"]):
        yield from (event(item) for item in _block(block, index))
    final: dict[str, Any] = {
        "type": "message_delta",
        "delta": {key: message.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")},
        "usage": {key: value for key, value in usage.items() if key in _CUMULATIVE},
    }
    if "context_management" in message:
        final["context_management"] = message["context_management"]
    yield event(final)
    yield event({"type": "message_stop"})


_CUMULATIVE: Final = frozenset(
    {
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
        "iterations",
    }
)


def _block(block: Mapping[str, Any], index: int) -> Iterator[dict[str, Any]]:
    kind = block["type"]
    begin, deltas = dict(block), list[dict[str, Any]]()
    if kind in _FILLED:
        key, delta = _FILLED[kind]
        begin[key] = ""
        deltas = [{"type": delta, key: piece} for piece in _pieces(block[key])]
    if kind == "thinking":
        begin["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif kind == "tool_use":
        begin["input"] = {}
        deltas = [
            {"type": "input_json_delta", "partial_json": piece} for piece in ("", *_pieces(dumps(block["input"])))
        ]
    elif kind == "compaction":
        begin["content"] = None
        deltas = [{"type": "compaction_delta", "content": block["content"]}]  # one piece (compaction page)
    yield {"type": "content_block_start", "index": index, "content_block": begin}
    yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
    yield {"type": "content_block_stop", "index": index}


def _pieces(text: str) -> Iterator[str]:
    size = max(ceil(len(text) / _PIECES), min(_PIECE, ceil(len(text) / 2)), 1)
    yield from (text[at : at + size] for at in range(0, len(text), size))
