"""Which file a path means, and which files the program itself writes.

Law: a path is known by its text, or by the object that holds it. What is read at every call is likely the program's
own text; what the program also writes is not the same at the next call.
"""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.given import Given
    from contextkit.lint.source.scope import Scope
    from contextkit.lint.source.values import Heap, Value

__all__ = ["FIXED", "joined_path", "key_of", "noted", "path_name", "read_key", "written_files"]

FIXED: Final = "fixed:"
"""Begins the `fix` of a read of a fixed path; its key follows."""
_WRITES: Final = frozenset({"write_text", "write_bytes"})
_OPENS: Final = frozenset({"open", "open_file"})
_PLAIN: Final = (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.BinOp, ast.Div, ast.Load)
_LARGEST: Final = 16  # nodes of an expression that names a path
_STEPS: Final = 400


def joined_path(parts: Iterable[Value]) -> str:
    """The text of a path made of several; "" where a part is not known."""
    texts = [_text_of(one) for one in parts]
    return posixpath.normpath(posixpath.join(*[text for text in texts if text])) if texts and all(texts) else ""


def path_name(dotted: str) -> str:
    """The name of a value, where it is a path made of a path: a path."""
    found = _PATH.match(dotted)
    return f"{found.group(1)}.Path()" if found is not None else dotted


_PATH: Final = re.compile(
    r"^\??(pathlib|anyio)\.Path(?:\(\))?\.(?:parent|parents\[\]"
    r"|(?:resolve|absolute|joinpath|expanduser|with_\w+|cwd|home|relative_to|rename)\(\))$"
)


def _text_of(value: Value) -> str:
    return value.text or next((heap.path for heap in value.heaps()), "") if not value.choices else ""


def key_of(value: Value | None) -> str:
    """What tells a path from others; "" where nothing does."""
    if value is None or value.choices:
        return ""
    text = _text_of(value)
    if text:
        return posixpath.normpath(text)
    return f"#{id(value.heap)}" if value.heap is not None else ""


def read_key(given: Given, receiver: Value | None) -> str:
    """The key of the file that a call reads."""
    own = receiver is not None and (receiver.name.startswith("pathlib.") or receiver.heap is not None)
    return key_of(receiver if own else given.get(0, "file"))


def noted(run: Run, name: str, given: Given, receiver: Value | None) -> None:
    """Remember the file that a call writes, if it does."""
    last = name.rsplit(".", 1)[-1]
    if last in _WRITES or (last in _OPENS and _mode(given.node)):
        key = read_key(given, receiver)
        if key:
            run.written.add(key)


def _mode(node: ast.AST) -> bool:
    """Whether `open` is for writing."""
    if not isinstance(node, ast.Call):
        return False
    modes = [*node.args[:2], *(one.value for one in node.keywords if one.arg == "mode")]
    texts = [one.value for one in modes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return any(text and set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)


def written_files(run: Run, paths: Iterable[str]) -> set[str]:
    """The keys of all files that the modules write, also in functions that no request leads to."""
    found = set(run.written)
    for path in paths:
        scope, tree = run.project.scopes.get(path), run.project.tree(path)
        for target, around, owner in _targets(tree) if scope is not None and tree is not None else ():
            run.steps = _STEPS
            key = _key(run, target, around, owner, scope) if scope is not None else ""
            found |= {key} if key else set()
    return found


def _targets(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.AST, str]]:
    """Expressions of paths that are written, each with what stands around it and the class it is in."""
    waiting: list[tuple[ast.AST, ast.AST, str]] = [(tree, tree, "")]
    while waiting:
        node, around, owner = waiting.pop()
        if isinstance(node, ast.ClassDef):
            owner = node.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            around = node
        elif isinstance(node, ast.Call) and (target := _target(node)) is not None:
            yield target, around, owner
        waiting += [(child, around, owner) for child in ast.iter_child_nodes(node)]


def _target(node: ast.Call) -> ast.expr | None:
    function = node.func
    if isinstance(function, ast.Attribute):
        if function.attr in _WRITES:
            return function.value
        if function.attr in _OPENS and _mode(node):
            library = isinstance(function.value, ast.Name) and function.value.id in {
                "io",
                "codecs",
                "aiofiles",
                "anyio",
            }
            return (node.args[0] if node.args else None) if library else function.value
    elif isinstance(function, ast.Name) and function.id == "open" and _mode(node) and node.args:
        return node.args[0]
    return None


def _key(run: Run, target: ast.expr, around: ast.AST, owner: str, scope: Scope) -> str:
    nodes = list(ast.walk(target))
    if len(nodes) > _LARGEST or not all(isinstance(node, _PLAIN) for node in nodes):
        return ""
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in {"self", "cls"}:
        return key_of(_attribute(scope, owner, target.attr))
    if isinstance(target, ast.Name) and scope.own(target.id) is None:
        assigned = [
            one.value
            for one in ast.walk(around)
            if isinstance(one, ast.Assign) and any(isinstance(n, ast.Name) and n.id == target.id for n in one.targets)
        ]
        same = len(assigned) == 1 and not (isinstance(assigned[0], ast.Name))
        return _key(run, assigned[0], around, owner, scope) if same else ""
    return key_of(run.value(target, scope))


def _attribute(scope: Scope, owner: str, name: str) -> Value | None:
    found = scope.own(owner) if owner else None
    made = found.cls.made if found is not None and found.cls is not None else None
    heap: Heap | None = next(made.heaps(), None) if made is not None else None
    return heap.keys.get(name) if heap is not None else None
