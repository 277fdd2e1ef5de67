"""Following a program: one pass over its statements with abstract values, calls into the project's own code included.

Law: bounded. Every loop body is followed twice, every call at most a few levels deep, every root with a fixed number
of steps; what is beyond is open, and an open value is never a finding.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source.values import Heap, Kind, Spot, Stage, Taint, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from contextkit.lint.source.project import Project
    from contextkit.lint.source.scope import Class, Function, Scope
    from contextkit.lint.source.sent import Sent

__all__ = ["CHOOSING", "STEPS", "Run", "Spent", "brief", "choosing", "expression", "statement", "written"]

CHOOSING: Final = frozenset({
    Kind.CLOCK, Kind.RANDOM, Kind.UUID, Kind.IDENTITY, Kind.COUNTER, Kind.TURN, Kind.SUMMARY, Kind.BUDGET,
    Kind.RETRIEVAL, Kind.LENGTH, Kind.REQUEST, Kind.CALL,
})  # fmt: skip
"""Kinds that make what is chosen by them change; a value chosen by the environment stays."""

STEPS: Final = 6_000
_NESTED: Final = 3


class Spent(Exception):  # noqa: N818  (a signal, not an error)
    """The steps of a root are used up."""


@dataclass(slots=True, eq=False)
class Run:
    """The state of following a program.

    Attributes:
        project: the modules.
        sent: every request that was met, with its values.
        stage: whether this code runs at each call, once an object, once a process.
        loops: the loops around, outermost first, by number.
        conditions: what the branches around depend on.
        tests: the tests of the branches around.
        branch: how many branches around.
        active: the functions being followed, outermost first.
        lasting: what decided that this activation did not return earlier.
        left: steps left to the whole group.
        defining: how many values bound to module names are being evaluated around.
        visits: how often a function was followed from this root.
        called: the functions that were followed because the program's start calls them.
        inner: functions defined inside a function.
        written: keys of the files that were written.
        walked: the list that the innermost `for` goes over.
        steady: the loops around that are followed once for each element of a known list.
    """

    project: Project
    sent: list[Sent] = field(default_factory=list)
    stage: Stage = "module"
    loops: tuple[int, ...] = ()
    conditions: tuple[frozenset[Taint], ...] = ()
    tests: tuple[ast.expr, ...] = ()
    branch: int = 0
    active: list[Function] = field(default_factory=list)
    lasting: set[Taint] = field(default_factory=set)
    steps: int = STEPS
    left: int = 0
    frames: int = 0
    numbers: dict[tuple[str, int, int], int] = field(default_factory=dict)
    defining: int = 0
    visits: dict[ast.AST, int] = field(default_factory=dict)
    called: set[ast.AST] = field(default_factory=set)
    inner: dict[ast.AST, list[Value]] = field(default_factory=dict)
    classes: list[Class] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    walked: Heap | None = None
    steady: set[int] = field(default_factory=set)

    def value(self, node: ast.AST | None, scope: Scope) -> Value:
        """What an expression may be.

        Raises:
            Spent: the root's steps are used up.
        """
        self.steps -= 1
        if self.steps < 0:
            raise Spent
        if node is None:
            return Value(const=None)
        evaluate = _EXPRESSIONS.get(type(node))
        return evaluate(self, node, scope) if evaluate else Value(open=True)

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> bool:
        """Follow statements in order; True when the end cannot be reached."""
        for statement in body:
            execute = _STATEMENTS.get(type(statement))
            if execute is not None and execute(self, statement, scope):
                return True
        return False

    def spot(self, node: ast.AST, scope: Scope) -> Spot:
        """Where a node stands."""
        return Spot.of(scope.path, node)

    def taint(self, kind: Kind, node: ast.AST, scope: Scope, what: str = "", **more: Any) -> Taint:
        """A new reason, made here and now."""
        spot = Spot.of(scope.path, node)
        return Taint(kind, spot, what or brief(node), stage=self.stage, loops=self.loops, **more)

    def heap(self, kind: str, **more: Any) -> Heap:
        """A new mutable thing, made here and now."""
        return Heap(kind, stage=self.stage, loops=self.loops, frame=self.frames, **more)

    def because(self) -> frozenset[Taint]:
        """What the branches around depend on, as grounds of a choice."""
        return frozenset().union(*self.conditions) if self.conditions else frozenset()

    @contextmanager
    def staged(self, stage: Stage) -> Iterator[None]:
        """Within: code that runs that rarely, unless what is around runs more rarely yet."""
        before = self.stage
        rank = ("call", "init", "module")
        self.stage = stage if rank.index(stage) > rank.index(before) else before
        try:
            yield
        finally:
            self.stage = before

    @contextmanager
    def looped(self, node: ast.AST, scope: Scope) -> Iterator[int]:
        """Within: the body of a loop."""
        key = (scope.path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
        number = self.numbers.setdefault(key, len(self.numbers) + 1)
        before = self.loops
        self.loops = (*before, number) if number not in before else before
        try:
            yield number
        finally:
            self.loops = before

    @contextmanager
    def under(self, test: Value | None, node: ast.expr | None = None) -> Iterator[None]:
        """Within: a branch taken because of `test`."""
        before = self.conditions, self.tests
        self.conditions = (*self.conditions, choosing(test.taints if test is not None else ()))
        self.tests = (*self.tests, node) if node is not None else self.tests
        self.branch += 1
        try:
            yield
        finally:
            self.conditions, self.tests = before
            self.branch -= 1

    @property
    def rounds(self) -> int:
        """How often a loop's body is followed here."""
        return 2 if len(self.loops) < _NESTED else 1


def choosing(taints: Iterable[Taint]) -> frozenset[Taint]:
    """Those by which a choice changes, as its grounds."""
    return frozenset(taint.chooses() for taint in taints if taint.kind in CHOOSING)


def written(node: ast.AST) -> str:
    """A node's source, made once."""
    text: str | None = getattr(node, "written", None)
    if text is None:
        try:
            text = ast.unparse(node)
        except (RecursionError, ValueError, AttributeError):
            text = ""
        node.written = text  # type: ignore[attr-defined]  # a tree is ours alone
    return text


def brief(node: ast.AST) -> str:
    """A node's source, shortened for a message."""
    text = written(node) or "this"
    return text if len(text) <= _BRIEF else text[: _BRIEF - 3] + "..."


_BRIEF: Final = 60
_EXPRESSIONS: dict[type[ast.AST], Callable[[Run, Any, Scope], Value]] = {}
_STATEMENTS: dict[type[ast.AST], Callable[[Run, Any, Scope], bool | None]] = {}


def expression(kind: type[ast.AST]) -> Callable[[Any], Any]:
    """Register how a kind of expression is evaluated."""

    def register(function: Any) -> Any:
        _EXPRESSIONS[kind] = function
        return function

    return register


def statement(kind: type[ast.AST]) -> Callable[[Any], Any]:
    """Register how a kind of statement is followed."""

    def register(function: Any) -> Any:
        _STATEMENTS[kind] = function
        return function

    return register
