"""What a Python expression may be, as far as a prompt cache cares: text, containers, functions, and taints on them.

Law: values are cheap and forgetful. A value knows what its content depends on (taints), its literal where there is
one, and its heap, the mutable thing behind it, which aliases share. What is not known is left open, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from contextkit.lint.rule import Place

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator

    from contextkit.lint.source.scope import Class, Function, Scope

__all__ = ["NOTHING", "Event", "Heap", "Kind", "Spot", "Stage", "Taint", "Value", "deep", "merge", "tainted"]

Stage = Literal["call", "init", "module"]
"""When a value was made: at each call, once an object, once a process."""


class Kind(StrEnum):
    """Why a value changes."""

    CLOCK = "clock"
    RANDOM = "random"
    UUID = "uuid"
    IDENTITY = "identity"
    COUNTER = "counter"
    ENVIRONMENT = "environment"
    FILE = "file"
    LISTING = "listing"
    ORDER = "order"
    SERIAL = "serial"
    REQUEST = "request"
    RETRIEVAL = "retrieval"
    WINDOW = "window"
    FRONT = "front"
    BOUNDED = "bounded"
    SUMMARY = "summary"
    EDIT = "edit"
    BUDGET = "budget"
    TRIM = "trim"
    LENGTH = "length"
    TURN = "turn"
    CHOICE = "choice"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a file: lines from 1, columns from 0 in UTF-8 bytes, as `ast` counts."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def of(cls, path: str, node: ast.AST) -> Spot:
        """The place of a node that has one."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end_line, end = getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)
        return cls(path, line, column, end_line or line, end if end is not None else column)

    def place(self, note: str = "") -> Place:
        """For a report."""
        return Place(self.path, self.line, self.column + 1, note)


@dataclass(frozen=True, slots=True)
class Taint:
    """One reason why a value is not the same next time.

    Attributes:
        kind: the reason.
        spot: where it came in.
        what: the source, for the message: `datetime.now()`.
        stage: how often it is made.
        loops: the loops around its making, outermost first.
        control: it chose the value, it is not in it.
        bound: it changes only from round to round of the innermost of its loops.
        fix: "sort_keys" or "sorted" where the expression at `spot` can be made stable by that.
        steps: where it was passed on, oldest first.
    """

    kind: Kind
    spot: Spot
    what: str = ""
    stage: Stage = "call"
    loops: tuple[int, ...] = ()
    control: bool = False
    bound: bool = False
    fix: str = ""
    steps: tuple[Spot, ...] = field(default=(), compare=False)

    def via(self, spot: Spot) -> Taint:
        """The same, passed on at a further place."""
        known = (self.spot, *self.steps)
        if len(self.steps) >= _STEPS or any(s.path == spot.path and s.line == spot.line for s in known):
            return self
        return replace(self, steps=(*self.steps, spot))

    def chooses(self) -> Taint:
        """The same, as the ground of a choice."""
        return self if self.control else replace(self, control=True)


_STEPS: Final = 5
_NONE: Final[frozenset[Taint]] = frozenset()
_WIDE: Final = 8  # alternatives kept
_EVENTS: Final = 24  # kept of one list
_LONGEST: Final = 100  # elements kept of one list: the first and the last
_BROAD: Final = 120  # containers looked into at a time
_DEEP: Final = 7  # levels of containers looked into


class _Nothing:
    """Not a literal."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class Event:
    """Something done to a list that matters when it is sent as history.

    Attributes:
        taint: what was done, and where.
        sent: the list had been part of a request by then.
        over: True where it waited for a threshold that leaves room: a planned fold, not a sliding one.
    """

    taint: Taint
    over: bool = False
    sent: bool = False


@dataclass(slots=True, eq=False)
class Heap:
    """A mutable thing that aliases share.

    Attributes:
        kind: "list", "tuple", "set", "dict", "object", or "open" where only its use is known.
        items: elements in order, as far as known.
        keys: values under literal keys, or attributes.
        rest: values under keys or places that are not known.
        taints: of the whole: its order, its selection.
        stage: when it was made; loops: inside which loops; sent: it was part of a request before.
        grown: where loops or later calls put elements in; counted: loops only of which the rounds are known.
        parent: the list it is an element of; whole: no elements but `items` and `keys`.
        path: the text of a path; origin: the list of which this is a rendering, element by element.
    """

    kind: str
    items: list[Value] = field(default_factory=list)
    keys: dict[str, Value] = field(default_factory=dict)
    rest: list[Value] = field(default_factory=list)
    taints: frozenset[Taint] = _NONE
    stage: Stage = "call"
    loops: tuple[int, ...] = ()
    frame: int = 0
    whole: bool = True
    merged: bool = False
    sent: bool = False
    grown: Taint | None = None
    counted: bool = False
    parent: Heap | None = None
    cls: Class | None = None
    marks: int = 0
    path: str = ""
    origin: Heap | None = None
    events: list[Event] = field(default_factory=list)

    def took(self, other: Heap) -> None:
        """What was done to another list came along with its elements."""
        for event in other.events[:_EVENTS]:
            if len(self.events) < _EVENTS and event not in self.events:
                self.events.append(event)
        self.trim()

    def trim(self) -> None:
        """Forget elements in the middle of a long list: what grows by itself in a loop would never end."""
        if len(self.items) > _LONGEST:
            del self.items[_LONGEST // 2 : -_LONGEST // 2]
        if len(self.rest) > _LONGEST:
            del self.rest[_LONGEST:]

    def add(self, taints: Iterable[Taint]) -> None:
        """Taint the whole."""
        self.taints |= frozenset(taints)


@dataclass(slots=True, eq=False)
class Value:
    """What an expression may be.

    Attributes:
        taints: what the content depends on, containers' elements not included.
        const: the literal, or NOTHING.
        heap: the mutable thing, or None.
        name: dotted path: of an import ("datetime.datetime.now"), or of an open value ("?client.messages").
        func: a function of the project, with what is bound; cls: a class of the project; scope: a module of it.
        native: a callable of the analysis itself (partials, bound methods of containers).
        choices: alternatives, when there is more than one.
        open: nothing says what it is: a parameter, the result of an unknown call.
    """

    taints: frozenset[Taint] = _NONE
    const: Any = NOTHING
    heap: Heap | None = None
    name: str = ""
    func: Function | None = None
    cls: Class | None = None
    scope: Scope | None = None
    native: Callable[..., Value] | None = None
    choices: tuple[Value, ...] = ()
    open: bool = False
    at: Spot | None = None

    def each(self) -> tuple[Value, ...]:
        """The alternatives, or the value itself."""
        return self.choices or (self,)

    def heaps(self) -> Iterator[Heap]:
        """The mutable things it may be."""
        for one in self.each():
            if one.heap is not None:
                yield one.heap

    @property
    def known(self) -> bool:
        """It is a literal."""
        return self.const is not NOTHING

    @property
    def text(self) -> str | None:
        """The literal, where it is a string."""
        return self.const if isinstance(self.const, str) else None

    def with_(self, taints: Iterable[Taint]) -> Value:
        """The same value with further taints; the heap stays shared."""
        whole = self.taints.union(taints)
        if len(whole) == len(self.taints):
            return self
        return Value(  # as dataclasses.replace does, which takes eight times as long, here of all places
            whole, self.const, self.heap, self.name, self.func, self.cls, self.scope, self.native, self.choices,
            self.open, self.at,
        )  # fmt: skip


def tainted(*taints: Taint, name: str = "", at: Spot | None = None) -> Value:
    """A value of which only its taints are known."""
    return Value(taints=frozenset(taints), name=name, open=True, at=at)


def merge(values: Iterable[Value]) -> Value:
    """One of these."""
    found: list[Value] = []
    taints: set[Taint] = set()
    for value in values:
        taints |= value.taints
        for one in value.each():
            if not any(_same(one, other) for other in found):
                found.append(one)
    if not found:
        return Value(open=True)
    if len(found) == 1:
        return found[0].with_(taints)
    return Value(taints=frozenset(taints), choices=tuple(found[:_WIDE]), at=found[0].at)


def _same(one: Value, other: Value) -> bool:
    if one is other:
        return True
    if one.heap is not None or other.heap is not None:
        return one.heap is other.heap and one.taints == other.taints
    if one.known and other.known:
        return bool(type(one.const) is type(other.const) and one.const == other.const) and one.taints == other.taints
    same = one.func is other.func and one.cls is other.cls and one.native is other.native and one.name == other.name
    return same and one.known == other.known and one.taints == other.taints


def deep(value: Value, *, depth: int = _DEEP) -> frozenset[Taint]:
    """The taints of a value and of all that it holds."""
    if value.heap is None and not value.choices:
        return value.taints
    found: set[Taint] = set()
    _collect(value, found, set(), depth)
    return frozenset(found)


def _collect(value: Value, found: set[Taint], seen: set[int], depth: int) -> None:
    found |= value.taints
    for choice in value.choices:
        _collect(choice, found, seen, depth)
    heap = value.heap
    if heap is None or depth <= 0 or id(heap) in seen or len(seen) > _BROAD:
        return
    seen.add(id(heap))
    found |= heap.taints
    if heap.kind == "object":
        return  # an object is not its attributes until it is turned into text
    for held in (*heap.items, *heap.keys.values(), *heap.rest):
        _collect(held, found, seen, depth - 1)
