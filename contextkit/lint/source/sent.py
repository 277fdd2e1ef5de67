"""A request as the program makes it: its parts in the order of the prefix, with what each depends on.

Law: tools, then system, then messages; what counts is what stands before the last mark, or where there is no mark,
before the newest message.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.values import Kind, Spot, Stage, Taint, Value, deep, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.lint.source.values import Heap

__all__ = ["Block", "Mark", "Sent", "blocks_of", "system_of"]

_ORDERS: Final = frozenset({Kind.RANDOM, Kind.ORDER, Kind.LISTING})
_EITHER: Final = 2
_IN_MESSAGES: Final = frozenset({"tool_result", "tool_use", "image", "document", "thinking", "redacted_thinking"})
_CHAIN: Final = 4  # renderings of renderings of a list
RANK: Final = ("call", "init", "module")


@dataclass(frozen=True, slots=True)
class Mark:
    """A `cache_control`.

    Attributes:
        ttl: "5m", "1h", or "" where it is not a literal.
        spot: where it stands.
        sure: it is always there.
        auto: it is the request's own, not a block's.
    """

    ttl: str
    spot: Spot
    sure: bool = True
    auto: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A tool, a block of system text, or a block of a message.

    Attributes:
        part: "tools", "system" or "messages".
        pointer: JSON pointer, as far as known.
        taints: what it depends on.
        mark: its `cache_control`.
        text: its literal text; None where it is not a literal.
        fresh: made for this request, not kept from an earlier one.
        newest: of the last message.
        role: of its message.
        given: nothing is known of it.
        empty: its text is, or may be, empty.
        repeats: it may be one of many made at the same place in the source.
    """

    part: str
    pointer: str
    taints: frozenset[Taint]
    spot: Spot
    mark: Mark | None = None
    text: str | None = None
    fresh: bool = True
    newest: bool = False
    role: str = ""
    given: bool = False
    empty: bool = False
    repeats: bool = False


@dataclass(slots=True, eq=False)
class Sent:
    """One request, where it is made.

    Attributes:
        spot: of the call.
        api: how it is sent: "messages.create", "batches.create", "Conversation", "litellm", ...
        stage: how often; loops: inside which.
        params: its arguments, by the API's names.
        loose: further arguments that are not known.
        blocks: its parts in order.
        histories: the lists that were sent as messages, with what is done to them before or after.
        auto: the mark of the request itself.
        kept: whether each of the lists outlived the request when it was made.
    """

    spot: Spot
    api: str
    stage: Stage
    loops: tuple[int, ...]
    params: dict[str, Value]
    loose: bool = False
    once: bool = False
    claude: bool = True
    blocks: list[Block] = field(default_factory=list)
    histories: list[Heap] = field(default_factory=list)
    auto: Mark | None = None
    kept: dict[int, bool] = field(default_factory=dict)

    def lasts(self, heap: Heap) -> bool:
        """Whether a list outlives the request: it is sent again, longer."""
        known = self.kept.get(id(heap))
        if known is not None:
            return known
        if RANK.index(heap.stage) > RANK.index(self.stage) or heap.kind == "open" or heap.sent:
            return True
        shared = self.loops[: len(heap.loops)] == heap.loops
        return shared and len(heap.loops) < len(self.loops)

    def rounds(self) -> frozenset[int]:
        """The loops in which the same conversation is sent again."""
        own = [set(heap.loops) for heap in self.histories]
        return frozenset(one for one in self.loops if all(one not in inner for inner in own)) if own else frozenset()

    def changes(self, taint: Taint) -> bool:
        """Whether the taint makes a difference from one of these requests to the next."""
        if taint.stage == "module" and self.stage != "module":
            return False
        if taint.bound:
            return bool(taint.loops) and self.loops[: len(taint.loops)] == taint.loops
        inner = len(taint.loops) < len(self.loops) and self.loops[: len(taint.loops)] == taint.loops
        return not (taint.stage == "module" and inner)


def _mark_of(value: Value | None, at: Spot, *, auto: bool = False) -> Mark | None:
    if value is None or (value.known and value.const is None):
        return None
    spot = value.at or at
    ttls = []
    for one in value.each():
        if one.heap is not None and one.heap.kind == "dict" and "type" in one.heap.keys:
            ttl = one.heap.keys.get("ttl")
            ttls.append("5m" if ttl is None and one.heap.whole else str(ttl.const) if ttl and ttl.known else "")
        else:
            ttls.append("")
    return Mark(ttls[0] if len(ttls) == 1 else "", spot, sure=not value.choices, auto=auto)


def _held(value: Value) -> Iterator[tuple[Value, Heap | None]]:
    """The elements of a list of blocks, with the list they come from."""
    for one in value.each():
        heap = one.heap
        if heap is None or heap.kind not in {"list", "tuple"}:
            yield one, None
            continue
        for item in heap.items:
            yield item, heap


def system_of(value: Value | None, at: Spot) -> list[Block]:
    """The blocks of `system`."""
    found: list[Block] = []
    for number, (block, heap) in enumerate(_held(value) if value is not None else ()):
        item = _sayable(block)
        if item is None:
            continue
        order = heap.taints if heap is not None else frozenset()
        more = heap is not None and ((heap.grown is not None and not heap.counted) or not heap.whole)
        spot = item.at or value.at if value else at
        found.append(_block("system", f"/system/{number}", item, spot, at, order, repeats=more))
    if value is not None and found:
        found[0] = _with(found[0], value.taints)
    return found


def _sayable(item: Value) -> Value | None:
    """A block without the types that only messages hold: one encoder may write the blocks of both."""
    every = item.each()
    left = [one for one in every if not _only_in_messages(one)]
    return item if len(left) == len(every) else merge(left) if left else None


def _only_in_messages(block: Value) -> bool:
    kind = block.heap.keys.get("type") if block.heap is not None and block.heap.kind == "dict" else None
    return kind is not None and kind.const in _IN_MESSAGES


def _with(block: Block, taints: Iterable[Taint]) -> Block:
    return replace(block, taints=block.taints | frozenset(taints))


def _block(
    part: str, pointer: str, item: Value, spot: Spot | None, at: Spot, order: frozenset[Taint], **more: Any
) -> Block:
    marks = [one.heap.keys.get("cache_control") for one in item.each() if one.heap is not None]
    present = [mark for mark in marks if mark is not None]
    texts = [one.heap.keys.get("text") if one.heap is not None else one for one in item.each()]
    literal = texts[0].text if len(texts) == 1 and texts[0] is not None else None
    mark = _mark_of(merge(present), at) if present else None
    if mark is not None and len(present) < len(item.each()):
        mark = replace(mark, sure=False)
    given = item.open and not present and literal is None and (item.heap is None or not item.heap.keys)
    emptiable = literal is not None and not literal.strip()
    emptiable = emptiable or any(_by_default(one) for one in texts if one is not None)
    return Block(part, pointer, deep(item) | order, spot or at, mark, literal, given=given, empty=emptiable, **more)


def _by_default(value: Value) -> bool:
    """A parameter whose default is the empty text."""
    named = [one for one in value.choices if one.open and one.name[:1] == "?" and one.name[1:].isidentifier()]
    empty = [one for one in value.choices if one.text is not None and not one.text.strip()]
    return len(value.choices) == _EITHER and bool(named) and bool(empty)


def tools_of(value: Value | None, at: Spot) -> list[Block]:
    """The tools, in order."""
    found: list[Block] = []
    for number, (item, heap) in enumerate(_held(value) if value is not None else ()):
        order = heap.taints if heap is not None else frozenset()
        found.append(_block("tools", f"/tools/{number}", item, item.at, at, order | (value.taints if value else order)))
    if value is not None and not found:
        found.append(Block("tools", "/tools", deep(value), value.at or at, given=value.open))
    return found


def messages_of(sent: Sent, value: Value | None) -> list[Block]:
    """The blocks of all messages, leading system ones apart (LiteLLM and LangChain put them there)."""
    found: list[Block] = []
    for one in value.each() if value is not None else ():
        heap = one.heap
        if heap is None:
            found.append(Block("messages", "/messages", one.taints, one.at or sent.spot, given=True, fresh=False))
            continue
        sent.histories.append(heap)
        found += _messages(sent, heap, one)
    return found


def _messages(sent: Sent, heap: Heap, value: Value) -> list[Block]:
    lasting = sent.kept[id(heap)] = sent.lasts(heap)
    found: list[Block] = []
    whole = heap.taints | value.taints
    earlier = _earlier(sent, heap)
    for number, item in enumerate(heap.items):
        newest = number == len(heap.items) - 1
        role = _role(item)
        if role == "system":
            contents = [h.keys.get("content") or (h.items[1] if len(h.items) > 1 else None) for h in item.heaps()]
            for content in contents:
                found += system_of(content.with_(item.taints) if content is not None else None, sent.spot)
            continue
        spliced = item.name == "?*"
        if spliced and not lasting:
            shuffled = frozenset(t for t in whole | item.taints if t.kind in _ORDERS and not t.control)
            found.append(Block("messages", f"/messages/{number}", shuffled, item.at or sent.spot, given=True))
        kept = lasting or spliced or any(id(inner) in earlier or _kept(sent, inner) for inner in item.heaps())
        more = {"fresh": not kept, "newest": newest and not spliced, "role": role}
        extra = frozenset() if lasting else frozenset(t for t in whole if not t.control)
        found += _content(sent, item, number, extra, more)
    return _less(found, _inherited(sent, heap.origin)) if heap.origin is not None and not lasting else found


def _inherited(sent: Sent, origin: Heap) -> frozenset[tuple[Kind, Spot]]:
    """What the messages of a list that goes on were made of when they came: it is in them for good."""
    for _ in range(_CHAIN):
        if sent.lasts(origin) or origin.origin is None or origin.origin is origin:
            break
        origin = origin.origin
    if not sent.lasts(origin):
        return frozenset()
    return frozenset((taint.kind, taint.spot) for item in origin.items for taint in deep(item))


def _less(blocks: list[Block], inherited: frozenset[tuple[Kind, Spot]]) -> list[Block]:
    if not inherited:
        return blocks
    return [
        replace(block, taints=frozenset(one for one in block.taints if (one.kind, one.spot) not in inherited))
        for block in blocks
    ]


def _earlier(sent: Sent, heap: Heap) -> set[int]:
    """The messages that came with a list that goes on, as in `[*head, marked]`: they were there before this request."""
    found: set[int] = set()
    waiting, seen = [heap], {id(heap)}
    while waiting:
        for item in waiting.pop().items:
            if item.name != "?*":
                continue
            for inner in item.heaps():
                if id(inner) not in seen:
                    seen.add(id(inner))
                    waiting.append(inner)
                    found |= {id(one) for held in inner.items for one in held.heaps()} if sent.lasts(inner) else set()
    return found


def _kept(sent: Sent, heap: Heap) -> bool:
    return heap.kind == "open" or RANK.index(heap.stage) > RANK.index(sent.stage)


def _role(item: Value) -> str:
    for heap in item.heaps():
        role = heap.keys.get("role") or heap.keys.get("0")
        if role is not None and role.text is not None:
            return role.text
        if heap.kind == "tuple" and heap.items and heap.items[0].text is not None:
            return {"human": "user", "ai": "assistant"}.get(heap.items[0].text or "", heap.items[0].text or "")
    return ""


def _content(sent: Sent, item: Value, number: int, extra: frozenset[Taint], more: dict[str, Any]) -> list[Block]:
    contents = [h.keys["content"] for h in item.heaps() if "content" in h.keys]
    contents = contents or [h.items[1] for h in item.heaps() if h.kind == "tuple" and len(h.items) > 1]
    pointer = f"/messages/{number}"
    if not contents:
        return [Block("messages", pointer, item.taints | extra, item.at or sent.spot, given=True, **more)]
    found = []
    for content in contents:
        for at, (block, _heap) in enumerate(_held(content)):
            spot = block.at or content.at or item.at
            place = f"{pointer}/content/{at}"
            found.append(
                _block("messages", place, block, spot, sent.spot, extra | content.taints | item.taints, **more)
            )
    return _either(found) if len(contents) > 1 or any(len(one.choices) > 1 for one in contents) else found


def _either(blocks: list[Block]) -> list[Block]:
    """Of contents of which one is sent, no mark is always there."""
    return [replace(one, mark=replace(one.mark, sure=False)) if one.mark is not None else one for one in blocks]


def blocks_of(sent: Sent) -> list[Block]:
    """All parts in the order of the prefix."""
    messages = messages_of(sent, sent.params.get("messages"))
    lead = [block for block in messages if block.part == "system"]
    rest = [block for block in messages if block.part != "system"]
    sent.auto = _mark_of(sent.params.get("cache_control"), sent.spot, auto=True)
    tools = tools_of(sent.params.get("tools"), sent.spot)
    return [*tools, *system_of(sent.params.get("system"), sent.spot), *lead, *rest]


def cached(sent: Sent) -> list[tuple[Block, bool]]:
    """The blocks before the last mark, and for each whether a mark is known to follow it; all, where there is none."""
    last = max((at for at, block in enumerate(sent.blocks) if block.mark is not None), default=-1)
    if last < 0 or sent.auto is not None or _unsure(sent.blocks[last + 1 :]):
        return [(block, at <= last) for at, block in enumerate(sent.blocks) if not block.newest or at <= last]
    return [(block, True) for block in sent.blocks[: last + 1]]


def _unsure(_later: list[Block]) -> bool:
    return False
