"""The arguments of a call.

Law: evaluated once, before it is known what is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.source.values import Taint, Value, deep

if TYPE_CHECKING:
    import ast

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.scope import Scope

__all__ = ["Given"]


class Given:
    """The arguments of a call, evaluated."""

    __slots__ = ("args", "keywords", "node", "rest", "run", "scope")

    def __init__(
        self, run: Run, node: ast.AST, scope: Scope, args: list[Value], keywords: dict[str, Value], rest: list[Value]
    ) -> None:
        self.run, self.node, self.scope = run, node, scope
        self.args, self.keywords, self.rest = args, keywords, rest

    def get(self, at: int, name: str = "") -> Value | None:
        """An argument by place or name."""
        if at < len(self.args):
            return self.args[at]
        return self.keywords.get(name) if name else None

    def all(self) -> list[Value]:
        """Every argument."""
        return [*self.args, *self.keywords.values(), *self.rest]

    def taints(self) -> frozenset[Taint]:
        """The taints of every argument and what it holds."""
        return frozenset().union(*(deep(one) for one in self.all())) if self.all() else frozenset()
