"""Context editing on the server: clearing old tool results and old thinking (context-editing page).

Law: the client sends the whole history every time and the server edits it anew; so an edit depends on the request
alone. Every option is honoured or refused. Order: thinking first, then tool uses, each judged on what the one before
it left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.api import facts
from contextkit.api.messages import has_user_text, walk
from contextkit.cache.prefix import prefix
from contextkit.emulator.answer import Refusal
from contextkit.emulator.chain import THINKING
from contextkit.emulator.parameters import COMPACT, EDITING

if TYPE_CHECKING:
    from contextkit.cache.prefix import Counts, CountsFor

__all__ = ["COMPACTION", "Edited", "apply_edits", "edits_of", "threshold"]

TOOL_USES: Final = "clear_tool_uses_20250919"
THOUGHTS: Final = "clear_thinking_20251015"
COMPACTION: Final = "compact_20260112"

_OPTIONS: Final[dict[str, tuple[str, frozenset[str]]]] = {
    # The beta header that an edit needs, and its options.
    TOOL_USES: (EDITING, frozenset({"trigger", "keep", "clear_at_least", "exclude_tools", "clear_tool_inputs"})),
    THOUGHTS: (EDITING, frozenset({"keep"})),
    COMPACTION: (COMPACT, frozenset({"trigger", "instructions", "pause_after_compaction"})),
}
_TRIGGER: Final = 100_000  # tokens
_KEEP: Final = 3  # newest pairs
_CLEARED: Final = "[Old tool result content cleared]"  # a placeholder is documented, its words are not

_Spot = tuple[int, int]
_Blocks = dict[_Spot, Mapping[str, Any] | None]
"""What stands in place of a block; None for nothing."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A request after its edits.

    Attributes:
        body: what the model sees.
        applied: the API's report of what was cleared.
    """

    body: Mapping[str, Any]
    applied: list[dict[str, Any]]


def edits_of(body: Mapping[str, Any], betas: frozenset[str]) -> list[Mapping[str, Any]]:
    """The edits that a request asks for.

    Raises:
        Refusal: one is unknown, lacks its beta header, has an unknown option, or thinking is not cleared first.
    """
    config = body.get("context_management")
    if config is None:
        return []
    edits = config.get("edits") if isinstance(config, Mapping) else None
    if not isinstance(edits, list) or config.keys() - {"edits"}:
        raise Refusal("context_management.edits: Input should be a valid list")
    for at, edit in enumerate(edits):
        where = f"context_management.edits.{at}"
        kind = edit.get("type") if isinstance(edit, Mapping) else None
        beta, options = _OPTIONS.get(str(kind), ("", frozenset[str]()))
        if beta not in betas:
            tags = ", ".join(f"'{name}'" for name, (need, _) in _OPTIONS.items() if need in betas)
            raise Refusal(f"{where}: Input tag '{kind}' does not match any of the expected tags: {tags}")
        for name in edit.keys() - options - {"type"}:
            raise Refusal(f"{where}.{name}: Extra inputs are not permitted")
        if kind == THOUGHTS and at:
            raise Refusal(f"{where}: `{THOUGHTS}` must be the first edit")  # (unverified)
    return edits


def apply_edits(body: Mapping[str, Any], edits: Sequence[Mapping[str, Any]], counts_for: CountsFor) -> Edited:
    """Clear what the edits ask for; compaction is not one of them.

    Raises:
        Refusal: an option has a wrong value.
    """
    applied: list[dict[str, Any]] = []
    for at, edit in enumerate(edits):
        where, counts = f"context_management.edits.{at}", counts_for(body)
        if edit["type"] == THOUGHTS:
            put, report = _thoughts(body, edit, where)
        elif edit["type"] == TOOL_USES:
            put, report = _tool_uses(body, edit, where, counts)
        else:
            continue
        cleared = _cleared(body, put, counts)
        least = threshold(edit.get("clear_at_least"), 0, f"{where}.clear_at_least", kinds=("input_tokens",))[1]
        if put and cleared >= least:
            body = _replaced(body, put)
            applied.append({"type": edit["type"], **report, "cleared_input_tokens": cleared})
    return Edited(body, applied)


def threshold(given: Any, default: int, where: str, *, kinds: tuple[str, ...], least: int = 0) -> tuple[str, int]:
    """A `{"type", "value"}` of the API as kind and number.

    Raises:
        Refusal: it is something else, or below `least`.
    """
    if given is None:
        return kinds[0], default
    kind = given.get("type") if isinstance(given, Mapping) else None
    value = given.get("value") if isinstance(given, Mapping) else None
    if kind not in kinds or not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(f"{where}: Input should be a type of {' or '.join(kinds)} and an integer value")  # (unverified)
    if value < least:
        raise Refusal(f"{where}.value: Input should be greater than or equal to {least}")
    return kind, value


def _tool_uses(
    body: Mapping[str, Any], edit: Mapping[str, Any], where: str, counts: Counts
) -> tuple[_Blocks, dict[str, Any]]:
    calls = [(spot, block) for spot, block in _spots(body) if block.get("type") == "tool_use"]
    kind, limit = threshold(edit.get("trigger"), _TRIGGER, f"{where}.trigger", kinds=("input_tokens", "tool_uses"))
    _, keep = threshold(edit.get("keep"), _KEEP, f"{where}.keep", kinds=("tool_uses",))
    size = prefix(body, counts).total if kind == "input_tokens" else len(calls)
    if size <= limit:
        return {}, {}
    excluded = set(edit.get("exclude_tools") or ())
    old = [(spot, call) for spot, call in calls[: max(0, len(calls) - keep)] if call["name"] not in excluded]
    ids = {str(call["id"]) for _, call in old}
    put: _Blocks = {
        spot: {**block, "content": _CLEARED}
        for spot, block in _spots(body)
        if block.get("type") == "tool_result" and block.get("tool_use_id") in ids
    }
    inputs = edit.get("clear_tool_inputs") or False
    for spot, call in old:
        if inputs is True or (isinstance(inputs, list) and call["name"] in inputs):
            put[spot] = {**call, "input": {}}
    return put, {"cleared_tool_uses": len(ids)}


def _thoughts(body: Mapping[str, Any], edit: Mapping[str, Any], where: str) -> tuple[_Blocks, dict[str, Any]]:
    keep = edit.get("keep")
    row = facts.model(str(body["model"]))
    if keep in ("all", {"type": "all"}) or (keep is None and (row is None or row.keeps_thinking)):
        return {}, {}
    _, turns = threshold(keep, 1, f"{where}.keep", kinds=("thinking_turns",), least=1)
    # A turn is what the model did until the user spoke again, a whole tool loop included: its thinking belongs
    # together. The page counts "assistant turns"; that a loop is one is inferred from its default.
    number, found = 0, list[tuple[int, _Spot]]()
    for index, message in enumerate(body["messages"]):
        number += message["role"] == "user" and has_user_text(message["content"])
        found += [(number, (index, at)) for at, block in enumerate(walk(message)) if block.get("type") in THINKING]
    thought = sorted({number for number, _ in found})
    old = set(thought[: max(0, len(thought) - turns)])
    return {spot: None for number, spot in found if number in old}, {"cleared_thinking_turns": len(old)}


def _spots(body: Mapping[str, Any]) -> Iterator[tuple[_Spot, Mapping[str, Any]]]:
    for index, message in enumerate(body["messages"]):
        for at, block in enumerate(walk(message)):
            yield (index, at), block


def _cleared(body: Mapping[str, Any], put: _Blocks, counts: Counts) -> int:
    before = sum(counts.block(block) for spot, block in _spots(body) if spot in put)
    after = sum(counts.block(block) for block in put.values() if block is not None)
    return max(0, round(before - after))


def _replaced(body: Mapping[str, Any], put: _Blocks) -> dict[str, Any]:
    touched = {index for index, _ in put}
    messages = [
        {**message, "content": _edited(message, index, put)} if index in touched else message
        for index, message in enumerate(body["messages"])
    ]
    return {**body, "messages": messages}


def _edited(message: Mapping[str, Any], index: int, put: _Blocks) -> list[Mapping[str, Any]]:
    blocks = (put.get((index, at), block) for at, block in enumerate(walk(message)))
    return [block for block in blocks if block is not None]
