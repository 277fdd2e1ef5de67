"""The modules of a folder, by name: imports resolved, sources parsed when they are first needed.

Law: a module is read only when something that sends a request leads to it. Imports may be circular: a module that is
being followed gives what it has so far.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from contextkit.errors import FormatError
from contextkit.lint.source.module import Module, parse
from contextkit.lint.source.places import CALLS
from contextkit.lint.source.scope import Scope
from contextkit.lint.source.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from contextkit.lint.source.follow import Run

__all__ = ["Project", "groups"]

_FAR: Final = 4  # modules between a request and those that call it
_OWN: Final = frozenset(name.split(".", 1)[0] for name in CALLS) | {
    "anthropic", "langchain_anthropic", "pydantic_ai", "litellm", "contextkit", "langchain_core", "langgraph",
    "langchain",
}  # fmt: skip
"""Libraries whose calls are known by name: their own insides are not followed from outside."""


def names_of(path: str) -> list[str]:
    """The dotted names under which a file may be imported, longest first."""
    parts = list(PurePath(path).with_suffix("").parts)
    parts = [part for part in parts if part not in {"/", "\\", ".", ".."} and not part.endswith(":\\")]
    if parts and parts[-1] == "__init__":
        parts.pop()
    return [".".join(parts[at:]) for at in range(len(parts))]


@dataclass(slots=True, eq=False)
class Project:
    """The modules that are linted together."""

    modules: dict[str, Module]
    source: Callable[[str], str]
    found: dict[tuple[str, str, int], str | None] = field(default_factory=dict)
    by_name: dict[str, list[str]] = field(default_factory=dict)
    trees: dict[str, ast.Module | None] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    stars: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.modules:
            for name in names_of(path):
                self.by_name.setdefault(name, []).append(path)

    def find(self, name: str, near: str, level: int = 0) -> str | None:
        """The path of a module by its dotted name, as imported from a file; the nearest of several."""
        folder = _folder(near)
        key = (name, folder, level)
        if key not in self.found:
            self.found[key] = self._relative(name, folder, level) if level else self._absolute(name, near, folder)
        return self.found[key]

    def _relative(self, name: str, folder: str, level: int) -> str | None:
        for _ in range(level - 1):
            folder = _folder(folder)
        return self._file(
            "/".join(part for part in (folder, *name.split(".")) if part or folder == part) if name else folder
        )

    def _absolute(self, name: str, near: str, folder: str) -> str | None:
        first = name.split(".", 1)[0]
        if name not in self.by_name or first in sys.stdlib_module_names or (first in _OWN and first not in near):
            return None
        candidates = [path for path in self.by_name[name] if self._importable(path, name, folder)]
        return max(candidates, key=lambda path: (_shared(path, near), -len(path))) if candidates else None

    def _importable(self, path: str, name: str, folder: str) -> bool:
        """Whether the folder that holds the top of a dotted name may be on the path: no package, or one's own."""
        root = path.removesuffix("/__init__.py").removesuffix(".py")
        for _ in range(name.count(".") + 1):
            root = _folder(root)
        return root == folder or f"{root}/__init__.py" not in self.modules

    def _file(self, base: str) -> str | None:
        for path in (f"{base}.py", f"{base}/__init__.py"):
            path = path.removeprefix("/") if path.removeprefix("/") in self.modules else path  # noqa: PLW2901
            if path in self.modules:
                return path
        return None

    def is_sdk(self, path: str) -> bool:
        """Whether a file is the SDK's own: what sends requests is not what makes them."""
        return any(path.startswith(f"{_folder(client)}/") for client in self.by_name.get("anthropic._client", ()))

    def tree(self, path: str) -> ast.Module | None:
        """A module's tree; None where its source does not parse any more."""
        if path not in self.trees:
            try:
                self.trees[path] = parse(path, self.source(path))
            except (FormatError, OSError):
                self.trees[path] = None
        return self.trees[path]

    def scope(self, path: str, run: Run) -> Scope | None:
        """A module's names, after following its body once."""
        if path in self.scopes:
            return self.scopes[path]
        tree = self.tree(path)
        if tree is None:
            return None
        scope = self.scopes[path] = Scope(path, module=names_of(path)[0] if names_of(path) else "")
        scope.names["__name__"] = Value(open=True, name="?__name__")
        from contextkit.lint.source.follow import Spent  # noqa: PLC0415  (following imports modules)

        state = run.stage, run.loops, run.conditions, run.branch, run.tests, run.active, run.steps
        run.stage, run.loops, run.conditions, run.branch, run.tests, run.active = "module", (), (), 0, (), []
        run.steps = max(run.steps, _MODULE_STEPS)
        try:
            run.block(tree.body, scope)
        except Spent:
            pass
        except RecursionError:
            pass
        finally:
            run.stage, run.loops, run.conditions, run.branch, run.tests, run.active, run.steps = state
        return scope

    def name_in(self, scope: Scope, name: str, run: Run) -> Value:
        """`module.name`: a name of it, or a module inside it."""
        found = scope.own(name) or self.starred(scope, name, run)
        if found is not None:
            return found
        if PurePath(scope.path).name == "__init__.py":
            inner = self._file(f"{_folder(scope.path)}/{name}")
            module = self.scope(inner, run) if inner is not None else None
            if module is not None:
                return Value(scope=module)
        return Value(open=True, name=f"?{name}")

    def starred(self, scope: Scope, name: str, run: Run) -> Value | None:
        """A name that came with `from module import *`."""
        for path in self.stars.get(id(scope), ()):
            other = self.scope(path, run)
            found = other.own(name) if other is not None and other is not scope else None
            if found is not None:
                return found
        return None

    def bind_import(self, node: ast.Import | ast.ImportFrom, scope: Scope, run: Run) -> None:
        """Bind the names of an import statement; what they lead to is followed when they are used."""
        for alias in node.names:
            if isinstance(node, ast.Import):
                self._bind_module(alias, scope, run)
            elif alias.name == "*":
                base = self.find(node.module or "", scope.path, node.level)
                if base is not None:
                    self.stars.setdefault(id(scope.top), []).append(base)
            else:
                name = alias.asname or alias.name
                scope.names.pop(name, None)
                scope.waiting[name] = partial(self._imported, node, alias.name, scope, run)

    def _imported(self, node: ast.ImportFrom, name: str, scope: Scope, run: Run) -> Value:
        base = self.find(node.module or "", scope.path, node.level)
        origin = self.scope(base, run) if base is not None else None
        found = origin.own(name) if origin is not None and origin is not scope else None
        if found is not None:
            return found
        inner = ".".join(part for part in (node.module or "", name) if part)
        path = self.find(inner, scope.path, node.level)
        module = self.scope(path, run) if path is not None else None
        if module is not None:
            return Value(scope=module)
        if origin is not None and origin is not scope:
            return self.name_in(origin, name, run)
        return Value(name=f"{node.module}.{name}" if not node.level else f"?{name}", open=True)

    def _bind_module(self, alias: ast.alias, scope: Scope, run: Run) -> None:
        first = alias.asname or alias.name.split(".", 1)[0]
        scope.names.pop(first, None)
        scope.waiting[first] = partial(self._module, alias, scope, run)

    def _module(self, alias: ast.alias, scope: Scope, run: Run) -> Value:
        path = self.find(alias.name, scope.path)
        found = self.scope(path, run) if path is not None else None
        first, _, rest = alias.name.partition(".")
        if alias.asname is not None:
            return Value(scope=found) if found is not None else Value(name=alias.name, open=True)
        if found is None or not rest:
            return Value(scope=found) if found is not None else Value(name=first, open=True)
        top = self.find(first, scope.path)
        outer = self.scope(top, run) if top is not None else Scope(scope.path)
        return Value(scope=_nested(outer or Scope(scope.path), rest.split("."), found))

    def pipe(self, left: Value, right: Value) -> Value | None:
        """`prompt | model`, as LangChain chains them."""
        from contextkit.lint.source.frameworks import piped  # noqa: PLC0415  (frameworks follow calls)

        return piped(left, right)


def _nested(outer: Scope, parts: list[str], found: Scope) -> Scope:
    """`import a.b.c` binds a; what it leads to is found as an attribute."""
    if len(parts) == 1:
        outer.names.setdefault(parts[0], Value(scope=found))
    elif parts[0] not in outer.names:
        inner = Scope(outer.path)
        outer.names[parts[0]] = Value(scope=_nested(inner, parts[1:], found))
    elif (inner_scope := outer.names[parts[0]].scope) is not None:
        _nested(inner_scope, parts[1:], found)
    return outer


_MODULE_STEPS: Final = 8_000


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _shared(path: str, near: str) -> int:
    count = 0
    for one, other in zip(path.split("/"), near.split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count


def groups(modules: Iterable[Module]) -> list[tuple[str, ...]]:
    """Modules that have to be followed together: each with a request, what imports it, and what those import.

    Returns:
        Groups of paths that do not touch each other; modules in no group cannot matter.
    """
    project = Project({module.path: module for module in modules}, source=lambda _: "")
    down = {path: _imported_paths(project, module) for path, module in project.modules.items()}
    up: dict[str, set[str]] = {}
    for path, targets in down.items():
        for target in targets:
            up.setdefault(target, set()).add(path)
    left = {path for path, module in project.modules.items() if module.sends or (module.counts and module.claude)}
    left -= {path for path in left if project.is_sdk(path)}
    found: list[set[str]] = []
    for start in sorted(left):
        callers = _reach({start}, up, _FAR)
        group = _reach(callers, down, 2 * _FAR)
        touching = [other for other in found if other & callers]
        found = [other for other in found if other not in touching]
        found.append(group.union(*touching))
    return [tuple(sorted(group)) for group in found]


def _reach(start: set[str], edges: dict[str, set[str]], far: int) -> set[str]:
    reached, edge = set(start), set(start)
    for _ in range(far):
        edge = {target for path in edge for target in edges.get(path, ())} - reached
        if not edge:
            break
        reached |= edge
    return reached


def _imported_paths(project: Project, module: Module) -> set[str]:
    found = set()
    for name in module.imports:
        level = len(name) - len(name.lstrip("."))
        path = project.find(name[level:], module.path, level)
        if path is not None and path != module.path:
            found.add(path)
    return found
