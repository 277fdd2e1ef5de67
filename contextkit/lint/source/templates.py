"""Templates: `%`, `format`, `format_map`, `string.Template`, jinja2.

Law: of the values a literal template is given, only those it names reach the text; a template that is not known may
name them all.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Final

from contextkit.lint.source.attributes import attribute
from contextkit.lint.source.standard import as_text
from contextkit.lint.source.values import NOTHING, Taint, Value, deep

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable

    from contextkit.lint.source.follow import Run
    from contextkit.lint.source.given import Given
    from contextkit.lint.source.scope import Scope

__all__ = ["METHODS", "percent", "template"]

_MADE: Final = "template()"
_TEXT: Final = "template"
_SIGN: Final = re.compile(r"_(?:string|prefix)$")  # jinja's other tags
_PERCENT: Final = re.compile(r"%(?:%|\((\w+)\)|.)", re.DOTALL)
_DOLLAR: Final = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ELSEWHERE: Final = re.compile(r"\{%-?\+?\s*(?:include|extends|import|from)\b")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_DEEPER: Final = re.compile(r"\.(\w+)|\[([^\]]+)\]")
_NESTED: Final = 2  # format specifications may hold fields, which hold no further ones


def percent(run: Run, text: Value, values: Value, node: ast.BinOp, scope: Scope) -> Value | None:
    """`text % values`, by the names in the text; None where it names nothing, or is not known."""
    literals = _literals(text)
    names = [_PERCENT.findall(one) for one in literals or ()]
    if not names or not any(name for one in names for name in one) or not _dicts(values):
        return None
    named = {name for one in names for name in one if name}
    return _text(run, [text, *_named(values, named)], node.right, scope, _grounds(values))


def formatted(owner: Value, given: Given) -> Value:
    """`text.format(...)` and `text.format_map(...)`: the fields that the text has."""
    literals = _literals(owner)
    fields = _fields(literals) if literals is not None else None
    if fields is None:
        return _whole(owner, given)
    run, mapped = given.run, _mapping(given)
    found: list[Value] = [owner]
    for first, further in sorted(fields):
        if mapped is None and first.isdigit():
            held = given.args[int(first) : int(first) + 1] or given.rest
        else:
            held = _named(mapped, {first}) if mapped is not None else _keyword(given, {first})
        found += [_deeper(run, one, further, given) for one in held]
    grounds = _grounds(*given.rest, *([mapped] if mapped is not None else []))
    return _text(run, found, given.node, given.scope, grounds)


def template(given: Given, kind: str, owner: Value | None = None) -> Value:
    """`Template(text)`: a template that knows its text, where that is known.

    Args:
        given: the arguments.
        kind: "string" or "jinja2", whose template it is.
        owner: the environment that makes it, whose globals may be in the text.
    """
    text = given.get(0, "source" if kind == "jinja2" else "template") or Value(open=True)
    held = [one for heap in (owner.heaps() if owner is not None else ()) for one in (*heap.rest, *heap.keys.values())]
    around = owner.taints.union(*(deep(one) for one in held)) if owner is not None else frozenset()
    known = _literals(text) is not None and not any(_SIGN.search(name) for name in given.keywords)
    if not known:
        heap = given.run.heap("open", whole=False)
        return Value(taints=around | given.taints(), name=f"{kind}.Template()", open=True, heap=heap)
    heap = given.run.heap("open", keys={_TEXT: text}, whole=False)
    return Value(name=f"{kind}.{_MADE}", open=True, heap=heap, taints=around | text.taints)


def _from_string(owner: Value, given: Given) -> Value | None:
    """`environment.from_string(text)`."""
    return template(given, "jinja2", owner) if owner.name.startswith(("jinja2.", "?")) else None


def rendered(owner: Value, given: Given) -> Value | None:
    """`template.substitute(values)`, `template.render(**values)`; None where the template is not known."""
    heap = owner.heap
    texts = _literals(heap.keys[_TEXT]) if heap is not None and _TEXT in heap.keys else None
    if not owner.name.endswith(_MADE) or not texts:
        return None
    names = [_jinja(text) if owner.name.startswith("jinja2.") else _dollars(text) for text in texts]
    if any(one is None for one in names):
        return _whole(owner, given)
    named = {name for one in names for name in one or ()}
    held = [one for value in given.args for one in _named(value, named)]
    found = [owner, *held, *_keyword(given, named)]
    return _text(given.run, found, given.node, given.scope, _grounds(*given.args, *given.rest))


def _literals(text: Value) -> list[str] | None:
    """The texts that a template may be; None where one is not known."""
    found = [one.text for one in text.each()]
    return [one for one in found if one is not None] if None not in found else None


def _dollars(text: str) -> set[str]:
    return {name for pair in _DOLLAR.findall(text) for name in pair if name}


def _jinja(text: str) -> set[str] | None:
    """The words within its tags, more than its names; all words where its tags are others; None where it includes."""
    if _ELSEWHERE.search(text):
        return None
    return set(_WORD.findall(" ".join(_TAG.findall(text)) or text))


def _fields(texts: Iterable[str]) -> set[tuple[str, str]] | None:
    """First part and rest of each replacement field, numbered where they have no name."""
    found: set[tuple[str, str]] = set()
    for text in texts:
        try:
            _gather(text, found, iter(range(len(text))), _NESTED)
        except (ValueError, StopIteration):
            return None
    return found


def _gather(text: str, found: set[tuple[str, str]], numbers: Iterable[int], depth: int) -> None:
    for _literal, field, form, _conversion in Formatter().parse(text):
        if field is None:
            continue
        first = re.split(r"[.\[]", field, maxsplit=1)[0]
        found.add((first or str(next(iter(numbers))), field[len(first) :]))
        if form and depth > 1:
            _gather(form, found, numbers, depth - 1)


def _mapping(given: Given) -> Value | None:
    """What `format_map` is given."""
    asked = getattr(getattr(given.node, "func", None), "attr", "") == "format_map"
    return given.args[0] if asked and given.args else None


def _named(values: Value, names: set[str]) -> list[Value]:
    """What a mapping holds under these names, or may hold."""
    found = []
    for one in values.each():
        heap = one.heap
        if heap is None or heap.kind != "dict":
            found.append(one)
            continue
        found += [heap.keys[name] for name in sorted(names) if name in heap.keys]
        found += heap.rest if names - heap.keys.keys() else []
    return found


def _keyword(given: Given, names: set[str]) -> list[Value]:
    held = [given.keywords[name] for name in sorted(names) if name in given.keywords]
    unknown = names - given.keywords.keys()
    return held + [value for one in given.rest if unknown for value in _named(one, unknown)]


def _dicts(values: Value) -> bool:
    return all(one.heap is not None and one.heap.kind == "dict" for one in values.each())


def _grounds(*values: Value) -> frozenset[Taint]:
    """What chose between mappings."""
    return frozenset(taint for value in values if _dicts(value) for taint in value.taints if taint.control)


def _deeper(run: Run, value: Value, further: str, given: Given) -> Value:
    """`{user.name}`, `{rules[tone]}`: not the whole object."""
    from contextkit.lint.source.containers import item_of  # noqa: PLC0415  (containers are imported by the library)

    for name, key in _DEEPER.findall(further):
        if name:
            value = attribute(run, value, name, given.node, given.scope)
        else:
            at = Value(const=int(key) if key.isdecimal() else key)
            found = [item_of(one, at) for one in value.each()]
            value = Value(taints=value.taints.union(*(deep(one) for one in found)), open=True) if found else value
    return value


def _text(run: Run, values: list[Value], node: ast.AST, scope: Scope, grounds: frozenset[Taint]) -> Value:
    texts = [as_text(run, one, node, scope) for one in values]
    return Value(
        taints=grounds.union(*(text.taints for text in texts), *(_inside(one) for one in values)), name="str()"
    )


def _inside(value: Value) -> frozenset[Taint]:
    return deep(value) if value.const is NOTHING and not value.name.endswith(_MADE) else value.taints


def _whole(owner: Value, given: Given) -> Value:
    """All that is given may be in the text."""
    texts = [as_text(given.run, one, given.node, given.scope) for one in given.all()]
    taints = owner.taints | given.taints()
    return Value(taints=taints.union(*(text.taints for text in texts)), name="str()")


METHODS: Final[dict[str, Callable[[Value, Given], Value | None]]] = {
    "format": formatted, "format_map": formatted, "from_string": _from_string, "substitute": rendered,
    "safe_substitute": rendered, "render": rendered, "render_async": rendered,
}  # fmt: skip
"""Of texts, templates and environments."""
