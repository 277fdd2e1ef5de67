"""What is done to the list that is sent as messages.

Law: a list counts as history when it outlives the request: it is kept by an object, given from outside, or made
before the loop. What is done to a list before it is first sent is building, not editing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contextkit.lint.source.reach import Program, SourceRule
from contextkit.lint.source.values import Kind, deep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.lint.rule import Finding
    from contextkit.lint.source.sent import Sent
    from contextkit.lint.source.values import Event, Heap, Taint

__all__ = ["HistoryRule", "by_place", "trims"]


class HistoryRule(SourceRule):
    """A rule on one kind of thing done to histories.

    Attributes:
        kind: of the thing.
        because: ends the message.
    """

    kind: Kind
    because: str

    @classmethod
    def found(cls, program: Program) -> Iterator[Finding]:
        """One finding a place where it is done."""
        for sent in program.sent:
            for heap in sent.histories:
                for event in _events(heap):
                    if event.taint.kind is cls.kind and not event.over and _matters(event, heap, sent):
                        yield cls.on(event.taint, f"`{event.taint.what}`: {cls.because}", _sent_here(sent, event.taint))
        for reach in program.reaches:
            if reach.taint.kind is cls.kind and not reach.taint.control:
                yield cls.on(reach.taint, f"`{reach.taint.what}`: {cls.because}", _sent_here(reach.sent, reach.taint))


def _sent_here(sent: Sent, taint: Taint) -> list[Any]:
    return [] if sent.spot.line == taint.spot.line else [sent.spot.place("sent here")]


def _events(heap: Heap) -> list[Event]:
    """What was done to a list, and to those whose elements it took over."""
    found: list[Event] = []
    waiting, seen = [heap], {id(heap)}
    while waiting:
        one = waiting.pop()
        found += [event for event in one.events if event not in found]
        inner = [other for item in one.items if item.name == "?*" for other in item.heaps() if id(other) not in seen]
        seen |= {id(other) for other in inner}
        waiting += inner
    return found


def _matters(event: Event, heap: Heap, sent: Sent) -> bool:
    taint = event.taint
    if taint.stage == "module" and sent.stage != "module" and taint.kind is not Kind.BOUNDED:
        return False
    if taint.kind is Kind.EDIT:
        return event.sent or _outlives(heap, taint, sent)
    if taint.kind is Kind.WINDOW:
        return bool(sent.loops or sent.stage == "call" or taint.loops)
    if taint.kind is Kind.BOUNDED:
        return True
    return event.sent or _outlives(heap, taint, sent) or heap.kind == "open" or not heap.whole


def _outlives(heap: Heap, taint: Taint, sent: Sent) -> bool:
    """The list was there before the round of the loop, or before the call, in which it is changed and sent."""
    if heap.stage != "call" and sent.stage == "call":
        return taint.stage == "call"
    if heap.kind == "open":
        return True
    shared = [a for a, b in zip(taint.loops, sent.loops, strict=False) if a == b]
    return len(shared) > len(heap.loops)


def by_place(program: Program) -> Iterator[tuple[Taint, Sent]]:
    """Messages of a list made for this request that depend on how long the history is."""
    for sent in program.sent:
        for heap in sent.histories:
            for item in heap.items if not sent.lasts(heap) else ():
                counted = [one for one in item.taints if one.kind is Kind.COUNTER and one.control and not one.bound]
                chosen = [one for one in item.taints if one.kind is Kind.CHOICE]
                if counted and (item is not heap.items[-1] or len(heap.items) == 1) and counted[0].stage == "call":
                    yield (chosen or counted)[0], sent


def trims(program: Program) -> Iterator[tuple[Taint, Sent]]:
    """Cuts to what is left of a budget that are sent."""
    for sent in program.sent:
        value = sent.params.get("messages")
        held = {taint for heap in sent.histories for item in heap.items for taint in deep(item)}
        held |= {taint for block in sent.blocks for taint in block.taints}
        held |= deep(value) if value is not None else set()
        for taint in sorted((one for one in held if one.kind is Kind.TRIM), key=lambda one: one.spot.line):
            yield taint, sent
