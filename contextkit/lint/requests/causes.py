"""What a change of the messages is called, once it is clear how the two requests differ.

Law: the watch says that a message changed, went or came; what that was for shows in the blocks around it: a window
that slides, a summary, a tool result that was trimmed. Two requests and a departure go in, a cause comes out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from contextkit.cache.cause import shared
from contextkit.cache.window import kept
from contextkit.transcripts.lines import mapping, string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contextkit.cache.spell import Spelled
    from contextkit.cache.violations import Violation

__all__ = ["begins_with_summary", "cause_of", "is_declared_summary", "is_summary"]

_HEAD: Final = 2
"""Messages at the front that may be kept by a window that slides: the task, and the answer to it."""
_NEAR: Final = 3
"""Blocks after the departure among which a summary is looked for: a short answer may stand before it."""
_LEAD: Final = 300
_OURS: Final = "<conversation_summary messages="
_CLAUDE_CODE: Final = "This session is being continued from a previous conversation"
_SUMMARY: Final = re.compile(
    r"<[\w-]*summary|\bsummary (?:of|so far)|\bsummari[sz]ed\b|conversation (?:so far|summary|history)|"
    r"(?:previous|earlier|prior) (?:conversation|messages|turns|context|history)|story so far|condensed|^\W*summary\b",
    re.IGNORECASE,
)
_CUES: Final = ("summar", "conversation", "previous ", "earlier ", "prior ", "story so far", "condensed")
"""One of these stands in every text that the pattern finds; looking for them takes a tenth of its time."""
_WHOLE: Final = 12
"""Bytes of a result that may differ at the place where it was cut: an ellipsis, a quote."""
_LEADS: Final = 4_096
"""Beginnings of texts whose answer is remembered: a conversation's first messages come again with every request."""


def cause_of(violation: Violation, before: Spelled, now: Spelled, texts: list[Any], body: Mapping[str, Any]) -> str:
    """The cause of a departure in the messages, as exactly as it can be told; other causes as they are.

    "branched" is no break: the conversation went back and on another way.

    Args:
        violation: what the watch found.
        before: the earlier request.
        now: the request.
        texts: what was kept of the earlier one, by position.
        body: the request.
    """
    if not violation.cause.startswith("message_"):
        return violation.cause
    summary = _summarised(before, now, texts, body)
    if summary or violation.cause == "message_inserted":
        return summary or violation.cause
    same = shared(before.blocks.chain, now.blocks.chain)
    block = _block(body, *now.blocks.message_of(same))
    old = _kept(texts, before, same)
    if _rewound(before, now, same):
        return "branched"
    if before.blocks.message_of(same)[0] <= _HEAD and _slid(before, now, same):
        return "sliding_window"
    trimmed = block.get("type") == "tool_result" and _shorter(old, kept(block))
    return "result_trimmed" if trimmed and violation.cause == "message_changed" else violation.cause


def _summarised(before: Spelled, now: Spelled, texts: list[Any], body: Mapping[str, Any]) -> str:
    """What happened where the new request says a summary; "" where it says none."""
    same = shared(before.blocks.chain, now.blocks.chain)
    for at in range(same, min(same + _NEAR, len(now.blocks.owns))):
        block = _block(body, *now.blocks.message_of(at))
        text = _text(block)
        if block.get("type") != "text" or not is_summary(text):
            continue
        if is_summary(_text(_kept(texts, before, at))):
            return "summary_rewritten"
        if len(now.blocks.roles) < len(before.blocks.roles):
            return "compaction" if is_declared_summary(text) else "compaction_undeclared"
    return ""


def begins_with_summary(body: Mapping[str, Any]) -> bool:
    """Whether one of the first messages of a request is a summary; False for what is no request."""
    messages = body.get("messages")
    for entry in messages[:_HEAD] if isinstance(messages, list) else ():
        content = mapping(entry).get("content")
        if isinstance(content, str):
            if is_summary(content):
                return True
        elif any(is_summary(text) for text in _texts(content)):
            return True
    return False


def _texts(content: Any) -> Iterator[str]:
    """The first texts of a message's blocks."""
    return (string(mapping(block).get("text")) for block in (content[:_HEAD] if isinstance(content, list) else ()))


def _kept(texts: list[Any], before: Spelled, block: int) -> Any:
    return texts[before.head + block] if before.head + block < len(texts) else None


def is_summary(text: str) -> bool:
    """Whether a text introduces itself as a summary of what was said before."""
    return _leads_in(text[:_LEAD])


@lru_cache(_LEADS)
def _leads_in(lead: str) -> bool:
    low = lead.lower()
    return any(cue in low for cue in _CUES) and (bool(_SUMMARY.search(lead)) or lead.startswith(_CLAUDE_CODE))


def is_declared_summary(text: str) -> bool:
    """Whether a text says in a fixed form that a compaction was done here: contextkit's, or Claude Code's."""
    lead = text[:_LEAD]
    return _OURS in lead or _CLAUDE_CODE in lead


def _rewound(before: Spelled, now: Spelled, same: int) -> bool:
    """Whether the request goes back to an earlier answer's place and takes another way from there.

    What the other branch had added is not missed by anybody: no block of it stands in the new request.
    """
    old, new = before.blocks, now.blocks
    there, here = old.roles[old.message_of(same)[0]], new.roles[new.message_of(same)[0]]
    return there == here == "assistant" and not set(old.owns[same:]) & set(new.owns[same:])


def _slid(before: Spelled, now: Spelled, same: int) -> bool:
    """Whether what stands after the departure is a later part of the earlier request, up to its end."""
    rest = before.blocks.owns[same:]
    new = now.blocks.owns[same:]
    if not rest or not new:
        return False
    for skipped in range(1, len(rest)):
        tail = rest[skipped:]
        if new[: len(tail)] == tail:
            return True
    return False


def _block(body: Mapping[str, Any], message: int, index: int) -> Mapping[str, Any]:
    content = body["messages"][message]["content"]
    return {"type": "text", "text": content} if isinstance(content, str) else mapping(content[index])


def _text(held: Any) -> str:
    """The beginning of a block's text, of a block or of what was kept of one."""
    if isinstance(held, str):
        return held
    if isinstance(held, bytes):
        return held[: 2 * _LEAD].decode("utf-8", "replace")
    block = mapping(held)
    content = block.get("content")
    if isinstance(content, list):
        return "".join(string(mapping(item).get("text")) for item in content[:2])
    return string(block.get("text")) or string(content)


def _shorter(old: Any, new: Any) -> bool:
    """Whether a tool's result became shorter than what was kept of it."""
    return old is not None and _length(new) + _WHOLE < _length(old)


def _length(held: Any) -> int:
    if isinstance(held, (bytes, str)):
        return len(held)
    return len(string(mapping(held).get("content")))
