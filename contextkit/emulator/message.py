"""From a reply to the message that the API would send: what fits, why it stopped, and what it cost.

Law: a limit is never exceeded. When `max_tokens`, the window or a stop sequence ends the reply, its last text is
cut at about that token and everything behind it is left out; a tool call or a thinking block is whole or absent,
because half a call has no JSON and half a thought no signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contextkit.api.messages import Block
    from contextkit.api.usage import Usage
    from contextkit.cache.prefix import Counts
    from contextkit.cache.simulator import Bill
    from contextkit.emulator.script import Reply

__all__ = ["Said", "said", "usage_json"]

_THINKING = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Said:
    """A reply after all limits.

    Attributes:
        content: its blocks.
        stop_reason: as in the API.
        stop_sequence: which one was met.
        output: generated tokens.
        thinking: how many of them are thinking.
    """

    content: tuple[Block, ...]
    stop_reason: str
    stop_sequence: str | None
    output: int
    thinking: int = 0


def said(reply: Reply, body: Mapping[str, Any], counts: Counts, room: int) -> Said:
    """What the client gets of a reply.

    Args:
        reply: what the script said.
        body: the request, for max_tokens and stop_sequences.
        counts: counts the blocks.
        room: tokens that are left in the window.
    """
    limit = int(body["max_tokens"])
    if limit == 0:
        return Said((), "max_tokens", None, 0)
    content, sequence = _until_stop(reply.content, body.get("stop_sequences") or ())
    sizes = [counts.block(block) for block in content]
    whole = max(1, round(sum(sizes)))  # never 0, even for an empty reply (SDK docstring of `usage`)
    output = whole if reply.output_tokens is None else reply.output_tokens
    reason = reply.stop_reason or _reason(content, sequence)
    bound = min(limit, room)
    if output > bound:
        content = _cut(content, sizes, bound / output * whole)
        output, sequence = bound, None
        reason = "max_tokens" if limit <= room else "model_context_window_exceeded"
    thought = round(sum(counts.block(block) for block in content if block["type"] in _THINKING))
    return Said(content, reason, sequence, output, min(thought, output))


def _reason(content: Sequence[Block], sequence: str | None) -> str:
    if sequence is not None:
        return "stop_sequence"
    return "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"


def _until_stop(content: tuple[Block, ...], stops: Sequence[str]) -> tuple[tuple[Block, ...], str | None]:
    """The content up to the first stop sequence in a text."""
    for index, block in enumerate(content):
        if block["type"] != "text":
            continue
        words = str(block["text"])
        found = [(words.find(stop), stop) for stop in stops if isinstance(stop, str) and stop and stop in words]
        if found:
            at, stop = min(found)
            kept = ({**block, "text": words[:at]},) if at else ()
            return content[:index] + kept, stop
    return content, None


def _cut(content: Sequence[Block], sizes: Sequence[float], budget: float) -> tuple[Block, ...]:
    """The blocks that fit into the budget; the text in which it ends is cut by its share of characters."""
    kept: list[Block] = []
    for block, size in zip(content, sizes, strict=True):
        if size > budget:
            share = int(len(block["text"]) * budget / size) if block["type"] == "text" else 0
            if share:
                kept.append({**block, "text": block["text"][:share]})
            break
        kept.append(block)
        budget -= size
    return tuple(kept)


def usage_json(bill: Bill, output: int, *, thinking: int = 0, tier: str = "standard", speed: str | None = None,
               geo: str | None = None) -> dict[str, Any]:  # fmt: skip
    """A bill as the API's `usage` object."""
    return {
        **class_json(bill.usage(output)),
        "output_tokens_details": {"thinking_tokens": thinking},
        "server_tool_use": None,
        "service_tier": tier,
        "inference_geo": geo or "global",
        "speed": speed or "standard",
    }


def class_json(usage: Usage) -> dict[str, Any]:
    """The token classes with the names of the API; `input_tokens` excludes what was read or written."""
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.write_5m,
            "ephemeral_1h_input_tokens": usage.write_1h,
        },
        "output_tokens": usage.output,
    }
