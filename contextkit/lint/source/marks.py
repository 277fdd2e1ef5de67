"""The marks of a request: how many, in which order, on what, after what.

Law: only what is certain from the source: marks that are always there, texts that are literals.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from contextkit.api import facts
from contextkit.lint.source.values import Kind
from contextkit.tokens.quick import quick_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextkit.lint.source.sent import Block, Mark, Sent
    from contextkit.lint.source.values import Heap, Spot, Taint, Value

__all__ = ["below_minimum", "count", "endless", "marked", "placed", "unmarked", "volatile_before"]

_VOLATILE: Final = frozenset({Kind.CLOCK, Kind.RANDOM, Kind.UUID, Kind.IDENTITY, Kind.COUNTER, Kind.RETRIEVAL})
_MARGIN: Final = 1.25  # the estimate may be that far too low
_LARGE: Final = 6_000  # characters that are worth a mark in every loop


def marked(sent: Sent) -> list[tuple[Block, Mark]]:
    """The blocks with marks, in order."""
    return [(block, block.mark) for block in sent.blocks if block.mark is not None]


def placed(sent: Sent) -> list[Mark]:
    """All marks in order, the request's own last, as the API places it."""
    return [mark for _block, mark in marked(sent)] + ([sent.auto] if sent.auto is not None else [])


def count(sent: Sent) -> list[Mark]:
    """Marks that are always there, each place in the source once."""
    found: dict[tuple[str, str], Mark] = {}
    for block, mark in marked(sent):
        if mark.sure:
            found.setdefault(("" if block.repeats else block.pointer, f"{mark.spot.line}:{mark.spot.column}"), mark)
    marks = list(found.values())
    return [*marks, sent.auto] if sent.auto is not None else marks


_TAKES: Final = re.compile(
    r"pop\(\s*[\"']cache_control|del [^\n]*cache_control|!= *[\"']cache_control|[\"']cache_control[\"'] *\]? *= *None"
)


def endless(sent: Sent, text: Callable[[str], str]) -> Spot | None:
    """Where a loop puts a mark on each message of a lasting list, and nothing in the file takes one away."""
    lasting = [heap for heap in sent.histories if sent.lasts(heap) and heap.grown is not None]
    if not lasting or _TAKES.search(text(sent.spot.path)):
        return None
    again = [inner for heap in lasting for item in heap.items for inner in item.heaps() if inner.loops != heap.loops]
    spots = {spot for inner in again for spot in _marks_of(inner)}
    for block, mark in marked(sent):
        if block.part == "messages" and not block.fresh and mark.sure and block.role == "user" and mark.spot in spots:
            return mark.spot
    return None


def _marks_of(heap: Heap, depth: int = 4) -> Iterator[Spot]:
    """Where the marks of a message that each round appends anew stand."""
    mark = heap.keys.get("cache_control")
    if mark is not None and mark.at is not None:
        yield mark.at
    for one in (*heap.items, *heap.keys.values()) if depth > 0 else ():
        for inner in one.heaps():
            yield from _marks_of(inner, depth - 1)


def volatile_before(sent: Sent) -> list[tuple[Mark, Taint]]:
    """Marks that stand after, or on, something that changes at every call, with the first such taint."""
    found = []
    first: Taint | None = None
    for block in sent.blocks:
        if first is None and (block.part != "messages" or block.fresh):
            first = next((one for one in sorted(block.taints, key=lambda t: t.spot.line) if _volatile(one, sent)), None)
        if block.mark is not None and first is not None and first not in block.taints:
            found.append((block.mark, first))
    return found


def _volatile(taint: Taint, sent: Sent) -> bool:
    return taint.kind in _VOLATILE and not taint.control and taint.stage == "call" and sent.changes(taint)


def below_minimum(sent: Sent) -> tuple[Mark, int, int] | None:
    """The last mark where all before it is literal and too short for the model: mark, tokens, minimum."""
    model = sent.params.get("model")
    row = facts.model(model.text) if model is not None and model.text is not None else None
    marks = marked(sent)
    if row is None or not marks or any(block.empty for block in sent.blocks) or sent.auto is not None or sent.loose:
        return None
    last = next(at for at in range(len(sent.blocks) - 1, -1, -1) if sent.blocks[at].mark is not None)
    before = sent.blocks[: last + 1]
    if any(block.text is None for block in before) or "tools" in sent.params or not _plain(sent.params.get("system")):
        return None
    blocks = [{"type": "text", "text": cast("str", block.text)} for block in before]
    tokens = round(quick_tokens(blocks, row.tokenizer) * _MARGIN)
    mark = sent.blocks[last].mark
    return (mark, tokens, row.min_prefix) if mark is not None and tokens < row.min_prefix else None


def _plain(value: Value | None) -> bool:
    return value is None or not value.choices


def unmarked(sent: Sent) -> bool:
    """A conversation that grows in a loop, with no mark anywhere."""
    if sent.loose or placed(sent) or not sent.api.startswith("messages.") or sent.api.endswith("count_tokens"):
        return False
    if not sent.rounds():
        return False
    given = [sent.params[name] for name in ("tools", "system") if name in sent.params]
    if any(_could_carry(one) for value in given for one in value.each()) or any(h.marks for h in sent.histories):
        return False
    grows = [heap for heap in sent.histories if heap.grown is not None and heap.kind == "list"]
    return bool(grows) and not any(_marked_inside(heap) for heap in sent.histories)


def _marked_inside(heap: Heap, depth: int = 4) -> bool:
    """Something in a list of messages was given a mark, which may have been taken away again."""
    if heap.marks or "cache_control" in heap.keys:
        return True
    held = (*heap.items, *heap.keys.values()) if depth > 0 else ()
    return any(_marked_inside(inner, depth - 1) for one in held for inner in one.heaps())


def _could_carry(value: Value) -> bool:
    """Nothing is known of it: it may be a list with marks.

    A constant of a module that is not here (`from agent.prompts import SYSTEM`) is taken for text, unless its name
    says otherwise: whatever it holds, the messages that grow have no mark.
    """
    items = [item for heap in value.heaps() if heap.kind in {"list", "tuple"} for item in heap.items]
    if items:
        return any(_could_carry(one) for item in items for one in item.each() if one.heap is None)
    if value.known or value.name == "str()" or not value.open:
        return False
    return not _CONSTANT.search(value.name) or bool(_MARKED.search(value.name))


_CONSTANT: Final = re.compile(r"^(?:\w+\.)+_?[A-Z][A-Z0-9_]*$")
_MARKED: Final = re.compile(r"cache|mark|block|ephemeral|breakpoint", re.IGNORECASE)
