"""Compaction on the server: automatic at a threshold, and on demand (compaction and compaction-on-demand pages).

Law: a compaction block stands for everything before it; what it cost stands in `usage.iterations` and not in the
top-level sums. The summarising pass reads the same prefix as the request, and so the same cache (the pages do not
say; a closed context of 200,000 tokens may report a few thousand, which is what a cached pass reports).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import walk
from contextkit.emulator.answer import Refusal
from contextkit.emulator.chain import summarises
from contextkit.emulator.editing import COMPACTION, threshold
from contextkit.emulator.parameters import COMPACT, COMPACT_NOW
from contextkit.emulator.signature import claims_of, covers

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_demand", "closed", "folded", "plain_summary", "triggered"]

_TRIGGER: Final = 150_000
_LEAST: Final = 50_000
_INSTRUCTIONS: Final = 16_384  # characters
_HEAD: Final = 200  # characters of the first message in a plain summary


def folded(body: dict[str, Any], betas: frozenset[str], secret: bytes) -> dict[str, Any]:
    """The request from its newest compaction block on.

    Raises:
        Refusal: a block without its beta header, or a signed one that is misplaced, doubled or changed.
    """
    found = [
        (index, at, block)
        for index, message in enumerate(body["messages"])
        for at, block in enumerate(walk(message))
        if block.get("type") == "compaction"
    ]
    if not found:
        return body
    full = [(index, at, block) for index, at, block in found if summarises(block)]
    for index, at, block in found:
        need = COMPACT_NOW if "signature" in block else COMPACT
        if need not in betas:
            raise Refusal(
                f"messages.{index}.content.{at}: compaction blocks need the beta header {need}"
            )  # (unverified)
    signed = [(index, at, block) for index, at, block in full if "signature" in block]
    for index, at, block in signed:
        _check_signed(index, at, block, len(full), secret)
    if not full:
        return body
    index, at, _ = full[-1]
    first = {**body["messages"][index], "content": walk(body["messages"][index])[at:]}
    return {**body, "messages": [first, *body["messages"][index + 1 :]]}


def _check_signed(index: int, at: int, block: Mapping[str, Any], number: int, secret: bytes) -> None:
    where = f"messages.{index}.content.{at}"
    if number > 1:
        raise Refusal(f"{where}: more than one compaction block with content", code="compaction_block_ambiguous")
    if index or at:
        raise Refusal(f"{where}: the compaction block must be the first block", code="compaction_block_misplaced")
    claims = claims_of(block["signature"], secret)
    if claims is None:
        raise Refusal(f"{where}: the compaction signature does not verify", code="compaction_signature_invalid")
    if not covers(claims, str(block["content"])):
        raise Refusal(f"{where}: the compaction content was changed", code="compaction_content_mismatch")


def triggered(body: Mapping[str, Any], edits: Sequence[Mapping[str, Any]], total: int) -> Mapping[str, Any] | None:
    """The compaction edit, if its threshold is reached.

    Raises:
        Refusal: the model has no compaction, or the threshold is below 50,000 tokens.
    """
    for at, edit in enumerate(edits):
        if edit["type"] == COMPACTION:
            where = f"context_management.edits.{at}"
            _check_model(body, where)
            limit = threshold(edit.get("trigger"), _TRIGGER, f"{where}.trigger", kinds=("input_tokens",), least=_LEAST)[
                1
            ]
            return edit if total >= limit else None
    return None


def check_demand(body: Mapping[str, Any]) -> None:
    """Refuse an on-demand compaction that the API does not take.

    Raises:
        Refusal: with the API's error code where it has one.
    """
    asked = body["compaction"]
    if not isinstance(asked, Mapping) or asked.get("type") != "summarize" or asked.keys() - {"type", "instructions"}:
        raise Refusal("compaction: Input should be of type 'summarize'")  # (unverified)
    if len(str(asked.get("instructions") or "")) > _INSTRUCTIONS:
        raise Refusal(f"compaction.instructions: String should have at most {_INSTRUCTIONS} characters")
    _check_model(body, "compaction")
    output = body.get("output_config") or {}
    clashes = {
        "context_management": body.get("context_management"),
        "stop_sequences": body.get("stop_sequences"),
        "output_config.format": output.get("format"),
        "output_config.task_budget.remaining": (output.get("task_budget") or {}).get("remaining"),
        "tool_choice": (body.get("tool_choice") or {}).get("type") in {"any", "tool"},
    }
    for name, value in clashes.items():
        if value:
            raise Refusal(f"compaction: cannot be combined with {name}")  # (unverified)
    messages = body["messages"]
    content = [block for message in messages if message["role"] != "system" for block in walk(message)]
    if not any(block.get("type") != "compaction" for block in content):
        raise Refusal("compaction: there is nothing to summarize", code="compaction_nothing_to_summarize")


def closed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The conversation of an on-demand compaction as a plain request: it may end on the model's finished turn.

    Raises:
        Refusal: it ends on an open tool call.
    """
    messages: Any = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, Mapping) or last.get("role") != "assistant" or not last.get("content"):
        return body
    if not isinstance(last["content"], str | list):
        return body  # what is wrong with it is for the validity rules to say
    if any(isinstance(block, Mapping) and block.get("type") == "tool_use" for block in walk(last)):
        raise Refusal(
            "compaction: the conversation ends on an `assistant` turn that is not finished",
            code="compaction_incomplete_turn",
        )
    return {**body, "messages": [*messages, {"role": "user", "content": "-"}]}


def _check_model(body: Mapping[str, Any], where: str) -> None:
    row = facts.model(str(body["model"]))
    if row is not None and row.id in facts.NO_COMPACTION:
        raise Refusal(f"{where}: compaction is not supported on this model")  # (unverified)


def plain_summary(body: Mapping[str, Any]) -> str:
    """A summary without a model: how much there was and how it began."""
    messages = body["messages"]
    texts = [str(block.get("text")) for message in messages for block in walk(message) if block.get("type") == "text"]
    head = " ".join(texts[0].split())[:_HEAD] if texts else ""
    return f"Summary of {len(messages)} messages by the emulator. The conversation began: {head}"
