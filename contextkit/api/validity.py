"""The validity rules of a Messages request, as faults in the API's own words.

Law: a body without faults is one that the API takes, as far as first-party text says; a fault carries the status,
the error type and the shape of message that the API answers with. Texts marked (unverified) are ours: the rule is
documented, its exact wording is not. The conversation's property tests and the emulator share these rules.

Sources: SDK 2.12.0 types and docstrings; the tool-use, thinking, prompt-caching, errors and migration pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contextkit.api.facts import THINKING_OFF_UP_TO, THINKING_REFUSED, TOOL_ID, Model, model
from contextkit.api.marks import refused_marks
from contextkit.api.messages import has_user_text, walk
from contextkit.api.wellformed import malformed

__all__ = ["Fault", "faults", "merged"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why the API refuses a body.

    Attributes:
        message: the text of the error.
        status: HTTP status.
        type: the error's type, as in the API's JSON.
    """

    message: str
    status: int = 400
    type: str = "invalid_request_error"


_USER_ONLY: Final = frozenset({"tool_result", "image", "document", "search_result"})
_ASSISTANT_ONLY: Final = frozenset({"tool_use", "thinking", "redacted_thinking", "server_tool_use"})
_SYSTEM: Final = frozenset({"text", "tool_addition", "tool_removal"})
_SYSTEM_ONLY: Final = frozenset({"tool_addition", "tool_removal"})
_MANUAL: Final = "enabled"

_RESUMABLE: Final = frozenset({"server_tool_use", "mcp_tool_use"})
"""What a turn holds that pause_turn has interrupted: it is sent back as it is."""

Turn = tuple[str, list[tuple[str, Mapping[str, Any]]]]
"""A role and its blocks, each with the path the API names it by."""


def faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    """Every fault of a request body, in about the order in which the API looks; empty for a valid body."""
    found = [Fault(message) for message in malformed(body)]
    yield from found
    if found:
        return  # what follows walks content that must have its shape
    row = model(str(body["model"]))
    turns = merged(body["messages"])
    yield from _roles(body["messages"], row)
    yield from _content(body, turns)
    yield from _pairs(turns)
    yield from _thinking(body, turns, row)
    yield from _ending(turns, row)
    yield from (Fault(message) for message in refused_marks(body))
    yield from _zero(body)


def merged(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """Same-role neighbours as one turn (SDK docstring of `messages`); system messages are left out."""
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        if message["role"] == "system":
            continue
        blocks = [(f"messages.{index}.content.{at}", block) for at, block in enumerate(walk(message))]
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], blocks))
    return turns


def _roles(messages: Sequence[Mapping[str, Any]], row: Model | None) -> Iterator[Fault]:
    before = ""
    for index, message in enumerate(messages):
        role, last = message["role"], index == len(messages) - 1
        if role == "system" and not message["content"] and message.get("output_config"):
            continue  # sets the effort from here on, says nothing, and may stand anywhere
        if not message["content"] and not (last and role == "assistant"):
            yield Fault(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant"
                " message"
            )
        if role == "system":
            if row is not None and not row.mid_system and not row.doubt:
                yield Fault("role 'system' is not supported on this model")
            if before not in {"user", "system"}:
                yield Fault(f"messages.{index}: a system message must follow a user turn")  # (unverified)
            yield from _said_by_system(message, index)
        elif role == "user" and before == "system":
            yield Fault(f"messages.{index}: a system message must be followed by an assistant turn")  # (unverified)
        before = "user" if role == "assistant" and _ends_in_server_result(message) else role


def _ends_in_server_result(message: Mapping[str, Any]) -> bool:
    """Such an assistant turn may be followed by a system message, as a user turn may (its page)."""
    blocks = walk(message)
    return bool(blocks) and str(blocks[-1]["type"]).endswith("_tool_result")


def _said_by_system(message: Mapping[str, Any], index: int) -> Iterator[Fault]:
    for at, block in enumerate(walk(message)):
        where = f"messages.{index}.content.{at}"
        if block["type"] not in _SYSTEM:
            yield Fault(f"{where}: `{block['type']}` blocks are not permitted in system messages")  # (unverified)
        elif block["type"] == "text":
            yield from _text(block["text"], where, blank=False)
        if message.get("clear_at") and block.get("cache_control"):
            yield Fault(f"{where}: cache_control cannot be set on turn-scoped system messages")  # (unverified)


def _content(body: Mapping[str, Any], turns: Sequence[Turn]) -> Iterator[Fault]:
    system = body.get("system")
    if isinstance(system, Sequence) and not isinstance(system, str):
        yield from (
            Fault(f"system.{at}: text content blocks must be non-empty")
            for at, block in enumerate(system)
            if isinstance(block, Mapping) and not block.get("text")
        )
    for role, blocks in turns:
        wrong = _USER_ONLY if role == "assistant" else _ASSISTANT_ONLY
        for where, block in blocks:
            kind = block["type"]
            if kind in wrong or kind in _SYSTEM_ONLY:
                yield Fault(f"{where}: `{kind}` blocks are not permitted in {role} turns")  # (unverified)
            if kind == "text":
                # Recorded: a blank text beside a tool call was taken back in an assistant turn (Haiku 4.5, 2026-04).
                beside = role == "assistant" and any(other["type"] != "text" for _, other in blocks)
                yield from _text(block["text"], where, blank=beside)
                if role == "user" and block.get("citations"):  # API version 2026-10-21
                    yield Fault(f"{where}.text.citations: Extra inputs are not permitted")  # (unverified)


def _text(text: str, where: str, *, blank: bool) -> Iterator[Fault]:
    if not text:
        yield Fault(f"{where}: text content blocks must be non-empty")
    elif text.isspace() and not blank:
        yield Fault(f"{where}: text content blocks must contain non-whitespace text")


def _pairs(turns: Sequence[Turn]) -> Iterator[Fault]:
    """Every call is answered in the very next turn, first thing, once; ids are unique in their turn.

    Recorded: an id that came back in a later turn, answered in its own next turn, was taken (Sonnet 4.5, 2026).
    """
    opened: list[str] = []
    mixed = False
    for index, (role, blocks) in enumerate(turns):
        answered = [str(block.get("tool_use_id")) for _, block in blocks if block["type"] == "tool_result"]
        if role == "user":
            yield from _answers(blocks, opened, answered)
            if mixed and len(answered) != len(blocks):  # a server tool still runs in the turn that is gone on with
                yield Fault(f"{blocks[0][0]}: only `tool_result` blocks may answer a paused turn")  # (unverified)
            opened, mixed = [], False
            continue
        opened = [str(block.get("id")) for _, block in blocks if block["type"] == "tool_use"]
        ended = {str(block.get("tool_use_id")) for _, block in blocks}
        mixed = bool(opened) and any(
            block["type"] == "server_tool_use" and str(block.get("id")) not in ended for _, block in blocks
        )
        seen: set[str] = set()
        for where, block in blocks:
            if block["type"] == "tool_use":
                yield from _call(where, block, seen)
        following = turns[index + 1] if index + 1 < len(turns) else None
        if opened and following is None:
            yield _missing(blocks, opened)


def _answers(
    blocks: Sequence[tuple[str, Mapping[str, Any]]], opened: Sequence[str], answered: Sequence[str]
) -> Iterator[Fault]:
    open_ids, answered_ids = set(opened), set(answered)
    missing = [name for name in opened if name not in answered_ids]
    where = blocks[0][0] if blocks else "messages"
    if missing:
        yield _missing(blocks, missing)
    unknown = [name for name in answered if name not in open_ids]
    if unknown:
        yield Fault(
            f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(unknown)}. Each `tool_result`"
            " block must have a corresponding `tool_use` block in the previous message."
        )
    if len(answered) != len(answered_ids):
        yield Fault(f"{where}: each tool_use must have a single result")  # (unverified)
    kinds = [block["type"] == "tool_result" for _, block in blocks]
    if opened and kinds != sorted(kinds, reverse=True):
        yield Fault(f"{where}: `tool_result` blocks must come before other content")  # (unverified)


def _missing(blocks: Sequence[tuple[str, Mapping[str, Any]]], missing: Sequence[str]) -> Fault:
    where = blocks[0][0].rsplit(".content", 1)[0] if blocks else "messages"
    return Fault(
        f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}."
        " Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _call(where: str, block: Mapping[str, Any], seen: set[str]) -> Iterator[Fault]:
    name = str(block.get("id"))
    if not TOOL_ID.fullmatch(name):
        yield Fault(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    if name in seen:
        yield Fault(f"{where}: `tool_use` ids must be unique")
    if not isinstance(block.get("input"), Mapping):
        yield Fault(f"{where}.tool_use.input: Input should be a valid dictionary")
    seen.add(name)


def _thinking(body: Mapping[str, Any], turns: Sequence[Turn], row: Model | None) -> Iterator[Fault]:
    config = body.get("thinking") or {}
    manual = config.get("type") == _MANUAL
    choice = (body.get("tool_choice") or {}).get("type")
    refused = THINKING_REFUSED.get(row.id, ()) if row else ()
    if config.get("type") in refused:
        yield Fault(f'"thinking.type.{config["type"]}" is not supported for this model.')
    effort = (body.get("output_config") or {}).get("effort") or "high"
    off = THINKING_OFF_UP_TO.get(row.id) if row else None
    if config.get("type") == "disabled" and off and effort not in off:
        yield Fault(f"thinking.type.disabled is not supported with effort '{effort}' on this model")  # (unverified)
    if choice in {"any", "tool"}:
        if manual:
            yield Fault("Thinking may not be enabled when tool_choice forces tool use.")
        elif row is not None and not row.forced_tools:
            yield Fault(f"tool_choice: `{choice}` is not supported on this model")  # (unverified)
    if manual and int(config.get("budget_tokens") or 0) >= int(body["max_tokens"]):
        yield Fault("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if manual and (final := _final_answer(turns)):
        where, first = final[0]
        if first["type"] not in {"thinking", "redacted_thinking"}:
            yield Fault(
                f"{where}.type: Expected `thinking` or `redacted_thinking`, but found `{first['type']}`. When"
                " `thinking` is enabled, a final `assistant` message must start with a thinking block."
            )


def _final_answer(turns: Sequence[Turn]) -> list[tuple[str, Mapping[str, Any]]]:
    """The blocks of the assistant turn that is still going on: a prefilled one, or one whose tools were answered."""
    if not turns:
        return []
    if turns[-1][0] == "user":
        said = [block for _, block in turns[-1][1]]
        return [] if len(turns) == 1 or has_user_text(said) else turns[-2][1]
    return turns[-1][1]


def _ending(turns: Sequence[Turn], row: Model | None) -> Iterator[Fault]:
    role, blocks = turns[-1] if turns else ("user", [])
    if role != "assistant" or not blocks:
        return
    where, last = blocks[-1]
    kind = str(last["type"])
    resumed = kind == "compaction" or any(block["type"] in _RESUMABLE for _, block in blocks)
    if kind == "text" and not resumed and str(last["text"])[-1:].isspace():
        yield Fault(f"{where}: final assistant content cannot end with trailing whitespace")
    if row is not None and not row.prefill and not resumed and kind != "tool_use":
        yield Fault(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def _zero(body: Mapping[str, Any]) -> Iterator[Fault]:
    """What `max_tokens: 0` (pre-warming) does not go with (prompt-caching page)."""
    if body["max_tokens"] != 0:
        return
    if body.get("stream"):
        yield Fault("max_tokens: 0 is not supported with streaming")  # (unverified)
    if (body.get("thinking") or {}).get("type") == _MANUAL:
        yield Fault("max_tokens: 0 is not supported with thinking enabled")  # (unverified)
    if (body.get("output_config") or {}).get("format"):
        yield Fault("max_tokens: 0 is not supported with output_config.format")  # (unverified)
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        yield Fault("max_tokens: 0 is not supported with a forced tool choice")  # (unverified)
