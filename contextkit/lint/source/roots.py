"""Where following begins: module bodies, functions and methods that send, or that lead to what sends.

Law: a root's parameters are open. A class is followed on one object of its own, twice, so that what one method leaves
in an attribute is seen by the others.
"""

from __future__ import annotations

import ast
import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contextkit.lint.source import calls, containers, expressions, statements
from contextkit.lint.source.follow import STEPS, Run, Spent
from contextkit.lint.source.places import OWNERS, REQUEST
from contextkit.lint.source.standard import Given
from contextkit.lint.source.values import Heap, Kind, Value, deep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contextkit.lint.source.project import Project
    from contextkit.lint.source.scope import Class, Function, Scope

__all__ = ["follow"]

_REGISTERED: Final = (calls, containers, expressions, statements)
_MAIN: Final = frozenset({"main", "_main", "amain", "async_main", "run_cli", "cli", "repl", "__main__", "main_async"})
_ON_MESSAGES: Final = frozenset({"create", "stream", "count_tokens", "tool_runner", "parse", "batches"})
_SENDERS: Final = frozenset({
    "completion", "acompletion", "invoke", "ainvoke", "astream", "Agent", "Conversation", "create_agent",
    "create_react_agent", "abatch", "agenerate",
})  # fmt: skip
_ASKING: Final = frozenset({"completion", "acompletion", "invoke", "ainvoke", "astream", "abatch", "agenerate"})
_ROUNDS: Final = 3
BUDGET: Final = 150_000
"""Steps of one group of modules; roots beyond it are followed with a few steps only."""
_LEAST: Final = 600
_BEYOND: Final = 50_000
"""Steps beyond the budget, after which only what itself sends is followed."""
_COMMON: Final = frozenset({"__init__", "get", "set", "add", "update", "close", "items", "append", "join", "format"})


def follow(project: Project, paths: Iterable[str]) -> Run:
    """Follow a group of modules from everything that leads to a request."""
    run = Run(project)
    paths = [path for path in paths if project.modules[path].sends and not project.is_sdk(path)]
    run.left = BUDGET
    leading = _leading(project, paths)
    for path, names in leading.items():
        run.steps = STEPS
        scope = project.scope(path, run)
        if scope is not None:
            _module(run, scope, names)
    return run


def _leading(project: Project, paths: list[str]) -> dict[str, set[str]]:
    """The top-level functions and classes that send, or that use one that does, by module."""
    used = {path: _uses(project, path) for path in paths}
    sending: dict[str, set[str]] = {path: set() for path in paths}
    reached: set[str] = set(_SENDERS)
    importers = [path for path in project.modules if path not in used]
    for turn in range(_ROUNDS):
        new = False
        for path, uses in used.items():
            for name, words in uses.items():
                if name not in sending[path] and (words & reached or ("messages" in words and words & _ON_MESSAGES)):
                    sending[path].add(name)
                    new = True
        found = {name for names in sending.values() for name in names}
        reached |= {name for name in found if name not in _COMMON}
        if not new:
            break
        if turn == 0:
            named = re.compile(r"\b(?:" + "|".join(sorted(reached)) + r")\b")
            for path in _importing(project, importers, set(paths)):
                if named.search(project.source(path)):
                    used[path], sending[path] = _uses(project, path), set()
    return sending


def _importing(project: Project, candidates: list[str], targets: set[str]) -> list[str]:
    found: list[str] = []
    reached = set(targets)
    for _ in range(3):
        new = [path for path in candidates if path not in found and _imports_any(project, path, reached)]
        if not new:
            break
        found += new
        reached |= set(new)
    return found


def _imports_any(project: Project, path: str, targets: set[str]) -> bool:
    for name in project.modules[path].imports:
        level = len(name) - len(name.lstrip("."))
        if project.find(name[level:], path, level) in targets:
            return True
    return False


def _uses(project: Project, path: str) -> dict[str, set[str]]:
    tree = project.tree(path)
    lines = project.source(path).split("\n")
    found: dict[str, set[str]] = {}
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = words_of(node, lines)
        elif isinstance(node, ast.Assign):
            found |= {target.id: words_of(node.value, lines) for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.If | ast.Try):
            for inner in ast.walk(node):
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    found[inner.name] = words_of(inner, lines)
    return found


def words_of(node: ast.AST, lines: list[str] | None = None) -> set[str]:
    """Every word in a function or class; from the source's lines where they are at hand, which is quicker."""
    known: set[str] | None = getattr(node, "words", None)
    if known is not None:
        return known
    if lines is not None:
        first, last = getattr(node, "lineno", 1) - 1, getattr(node, "end_lineno", None)
        words = set(_WORD.findall("\n".join(lines[first:last])))
    else:
        inner = list(ast.walk(node))
        words = {one.attr for one in inner if isinstance(one, ast.Attribute)}
        words |= {one.id for one in inner if isinstance(one, ast.Name)}
    node.words = words  # type: ignore[attr-defined]  # a tree is ours alone
    return words


_WORD: Final = re.compile(r"[A-Za-z_]\w*")


def _module(run: Run, scope: Scope, names: set[str]) -> None:
    for name in list(scope.names):
        value = scope.names[name]
        for one in value.each():
            if one.func is not None and name in names and one.func.node not in run.called:
                _root(run, one.func)
            elif one.cls is not None and name in names and one.cls.scope.path == scope.path:
                _class(run, one.cls)


def _guarded(run: Run, action: Any) -> None:
    """One root, within its steps; what goes too deep is left."""
    run.steps = given = min(STEPS, max(run.left, _LEAST))
    run.stage, run.loops, run.conditions, run.branch, run.tests = "call", (), (), 0, ()
    run.lasting, run.active, run.visits = set(), [], {}
    with contextlib.suppress(Spent, RecursionError):
        action()
    run.left -= given - max(run.steps, 0)


def _root(run: Run, function: Function, bound: Value | None = None) -> None:
    """Follow a function with open parameters."""
    if function.kind == "property" and bound is None:
        return
    if run.left < -_BEYOND and not _sends(function):
        return

    def action() -> None:
        run.stage = "module" if function.name in _MAIN and bound is None else "call"
        args, keywords = parameters(run, function, bound)
        calls.call_function(run, function, args, keywords, function.node, function.scope, further(function))
        _nested(run, function)

    _guarded(run, action)


def _sends(function: Function) -> bool:
    """Whether a function itself seems to make a request."""
    words = words_of(function.node)
    return ("messages" in words and bool(words & _ON_MESSAGES)) or bool(words & _ASKING)


def _nested(run: Run, function: Function) -> None:
    """Functions defined inside that nobody called: handlers, callbacks."""
    for value in run.inner.pop(function.node, []):
        inner = value.func
        if inner is None or inner.node in run.called or not words_of(inner.node) & (_SENDERS | _ON_MESSAGES):
            continue
        run.stage = "call"
        args, keywords = parameters(run, inner, None)
        calls.call_function(run, inner, args, keywords, inner.node, inner.scope)
        _nested(run, inner)


def parameters(run: Run, function: Function, bound: Value | None) -> tuple[list[Value], dict[str, Value]]:
    """Open values for all parameters of a function."""
    spec = function.node.args
    names = [*spec.posonlyargs, *spec.args]
    taken = (
        1 if bound is not None or function.bound is not None or (function.owner and function.kind != "static") else 0
    )
    args = [parameter(run, function, arg) for arg in names[taken:]]
    if taken and function.bound is None and bound is None:
        args.insert(0, Value(open=True, name="?self", heap=Heap("open", whole=False, stage="init")))
    return args, {arg.arg: parameter(run, function, arg) for arg in spec.kwonlyargs}


def further(function: Function) -> list[Value]:
    """What may be given beyond the named parameters."""
    spec = function.node.args
    return [Value(open=True, name="?*")] if spec.vararg is not None or spec.kwarg is not None else []


def parameter(run: Run, function: Function, arg: ast.arg) -> Value:
    """An open value for one parameter; a default that is a literal may be it, too."""
    default = function.defaults.get(arg.arg)
    if default is not None and default.taints:
        return default
    hint = ast.unparse(arg.annotation).strip("'\"") if arg.annotation is not None else ""
    depended = _depended(run, function, arg, default) if function.handler and "Depends" in f"{hint}{default}" else None
    if depended is not None:
        return depended
    own = _instance(run, function, hint)
    if own is not None:
        return own
    kind = "set" if hint.split("[")[0].lower().rsplit(".", 1)[-1] in {"set", "frozenset", "abstractset"} else "open"
    heap = Heap(kind, stage="init", whole=False)
    library = _library(function, hint)
    if library:
        return Value(open=True, name=library, heap=heap)
    asked = function.handler and not (default is not None and default.name.endswith(("Depends()", "Security()")))
    name = f"?~{arg.arg}" if asked else f"?{arg.arg}"
    if hint.rsplit(".", 1)[-1] in {"Request", "HttpRequest", "WebSocket"} and not REQUEST.match(arg.arg):
        name = f"?~{arg.arg}"
    empty = default is not None and default.const == "" and isinstance(default.const, str)
    made = Value(open=True, name=name, heap=heap)
    return Value(open=True, name=name, heap=heap, choices=(made, default)) if empty and default is not None else made


def _library(function: Function, hint: str) -> str:
    """The name of an instance of a library's class that an annotation names, where its methods are sources."""
    first, _, rest = hint.removesuffix(" | None").partition(".")
    found = function.scope.find(first) if first.isidentifier() else None
    if found is None or not found.name or found.name.startswith("?"):
        return ""
    named = f"{found.name}.{rest}()" if rest else f"{found.name}()"
    return named if named in OWNERS else ""


def _depended(run: Run, function: Function, arg: ast.arg, default: Value | None) -> Value | None:
    """What FastAPI gives for `Depends(f)`: what `f` makes of this request; None where that is nothing of it."""
    asked = default
    if isinstance(arg.annotation, ast.Subscript) and isinstance(arg.annotation.slice, ast.Tuple):
        asked = next((run.value(n, function.scope) for n in arg.annotation.slice.elts if isinstance(n, ast.Call)), None)
    if asked is None or not asked.name.endswith("Depends()") or asked.func is None:
        return None
    maker = replace(asked.func, handler=True)
    args, keywords = parameters(run, maker, None)
    made = calls.call_function(run, maker, args, keywords, maker.node, maker.scope)
    return made if any(taint.kind is Kind.REQUEST for taint in deep(made)) else None


def _instance(run: Run, function: Function, hint: str) -> Value | None:
    """An object of the class of the project that an annotation names."""
    name = hint.removesuffix(" | None").removeprefix("Optional[").removesuffix("]")
    found = function.scope.find(name) if name.isidentifier() and not function.handler else None
    cls = found.cls if found is not None else None
    if cls is None:
        return None
    if cls.made is None:
        state = run.stage, run.loops, run.conditions, run.branch, run.tests, run.active, run.lasting, run.visits
        _construct(run, cls)
        run.stage, run.loops, run.conditions, run.branch, run.tests, run.active, run.lasting, run.visits = state
    return cls.made


def _construct(run: Run, cls: Class) -> Value:
    """The object on which a class is followed."""
    heap = Heap("object", stage="init", cls=cls, whole=False)
    made = cls.made = Value(heap=heap)

    def construct() -> None:
        run.stage = "init"
        given = Given(run, cls.node, cls.scope, [], {}, [])
        calls.construct(run, cls, made, given)

    _guarded(run, construct)
    return made


def _class(run: Run, cls: Class) -> None:
    """Follow every method of a class on one object."""
    if cls in run.classes:
        return
    run.classes.append(cls)
    made = cls.made or _construct(run, cls)
    methods = [
        (one, value)
        for one in reversed(cls.lineage())
        for value in one.body.names.values()
        if value.func is not None and value.func.owner is one
    ]
    for turn in range(2):
        for _owner, value in methods:
            function = value.func
            if function is not None and function.name not in {"__init__", "__post_init__"} and _worth(function, turn):
                _method(run, function, made)


def _worth(function: Function, turn: int) -> bool:
    """Methods that send, or lead to it, or leave something in an attribute; the second time, those that send."""
    words = words_of(function.node)
    if words & (_SENDERS | _ON_MESSAGES) or "self" not in words:
        return True
    stores = any(
        (isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del))
        or (isinstance(node, ast.Attribute) and node.attr in _CHANGES)
        for node in ast.walk(function.node)
    )  # fmt: skip
    return stores or turn == 1


_CHANGES: Final = frozenset({"append", "extend", "insert", "pop", "popleft", "remove", "clear", "update"})


def _method(run: Run, function: Function, made: Value) -> None:
    if function.kind == "property":
        return
    receiver = None if function.kind == "static" else Value(cls=function.owner) if function.kind == "class" else made
    _root(run, replace(function, bound=receiver), receiver)
