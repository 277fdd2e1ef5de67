"""Functions, classes and the names around them, while a program is being followed.

Law: names resolve as Python resolves them: local, enclosing, module, built in.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.lint.source.values import Taint, Value

__all__ = ["Class", "Function", "Scope"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, a class body or one activation of a function."""

    path: str
    names: dict[str, Value] = field(default_factory=dict)
    waiting: dict[str, Callable[[], Value]] = field(default_factory=dict)
    parent: Scope | None = None
    module: str = ""
    function: Function | None = None
    owner: Class | None = None
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    returns: list[Value] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)
    leaving: list[tuple[dict[str, Value], frozenset[Taint]]] = field(default_factory=list)
    frame: int = 0
    seeded: bool = False
    ended: bool = False

    def find(self, name: str) -> Value | None:
        """The value of a name; class bodies are not seen from inside their functions."""
        scope: Scope | None = self.elsewhere.get(name, self)
        while scope is not None:
            found = scope.own(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def own(self, name: str) -> Value | None:
        """A name of this scope; an import is followed when it is first used."""
        if name in self.waiting:
            self.names[name] = self.waiting.pop(name)()
        return self.names.get(name)

    @property
    def top(self) -> Scope:
        """The module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


@dataclass(slots=True, eq=False)
class Function:
    """A function of the project, with what it closes over."""

    node: Definition
    scope: Scope
    name: str
    bound: Value | None = None
    owner: Class | None = None
    defaults: dict[str, Value] = field(default_factory=dict)
    cached: bool = False
    kind: str = ""  # "", "property", "class", "static", "context"
    handler: bool = False
    wrapped: Value | None = None


@dataclass(slots=True, eq=False)
class Class:
    """A class of the project."""

    node: ast.ClassDef
    scope: Scope
    name: str
    body: Scope
    bases: list[Class] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    record: bool = False  # its annotations are its constructor's arguments
    fields: list[tuple[str, ast.expr | None]] = field(default_factory=list)
    made: Value | None = None  # the instance on which its methods are followed
    taints: frozenset[Taint] = frozenset()

    def find(self, name: str) -> Value | None:
        """A method or class attribute, from the class or its bases."""
        if name in self.body.names:
            return self.body.names[name]
        for base in self.bases:
            found = base.find(name) if base is not self else None
            if found is not None:
                return found
        return None

    def lineage(self) -> list[Class]:
        """The class and its bases of the project, nearest first."""
        found = [self]
        for base in self.bases:
            found += [one for one in base.lineage() if one not in found] if base is not self else []
        return found
