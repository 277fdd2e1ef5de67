"""Filters, by jsonpath-ng. The law: the engine says whether one value meets a filter; the room walks.

What jsonpath-ng could do beyond that, or could do without a bound, is refused when the path is compiled, by a list of
what is allowed. A path of a form that `paths` does not read is parsed by jsonpath-ng as a whole and taken apart.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.paths import ANY, Segment, Slice, Where, bare, segments
from contextkit.shape.patterns import check_pattern
from contextkit.shape.refused import MAX_FILTERS, is_path, nodes, refuse, refuse_patterns
from contextkit.shape.select import MAX_LOOKS

if TYPE_CHECKING:
    from contextkit.shape.patterns import Pattern
    from contextkit.shape.select import Look

__all__ = ["Condition", "compiled", "values_below"]


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A filter, ready: jsonpath-ng's own expressions, asked of one value at a time.

    Attributes:
        parts: all of them must hold.
        rooted: they ask the whole document too.
        wide: they may look at every value below the one they are asked of.
    """

    parts: tuple[_Part, ...]
    rooted: bool
    wide: bool

    def holds(self, value: Any, look: Look) -> bool:
        """Whether a value meets the filter.

        Raises:
            BoundError: the document has used up its looks, or its steps of patterns.
        """
        if self.wide:
            look.count(values_below(value, MAX_LOOKS))
        for part in self.parts:
            if part.name is not None and not (isinstance(value, dict) and part.name in value):
                if not part.without:
                    return False
            elif not part.expression.find(self._subject(value, look)):
                return False
        return True

    def _subject(self, value: Any, look: Look) -> Any:
        if not self.rooted:
            return value
        from jsonpath_ng.jsonpath import DatumInContext  # noqa: PLC0415  (heavy, only for these paths)

        return DatumInContext(value, context=DatumInContext(look.root))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One expression of a filter.

    Attributes:
        expression: jsonpath-ng's own.
        name: the member that it asks for first; without it the answer is known, and jsonpath-ng is not asked.
        without: that answer.
    """

    expression: Any
    name: str | None = None
    without: bool = False


def _part(expression: Any) -> _Part:
    if type(expression).__name__ != "Expression" or is_path(expression.value):
        return _Part(expression)
    target: Any = expression.target
    name: Any = None
    while type(target).__name__ == "Child":
        target, name = target.left, target.right
    fields: Any = getattr(name, "fields", ())
    if type(target).__name__ != "This" or type(name).__name__ != "Fields" or len(fields) != 1 or fields[0] == "*":
        return _Part(expression)
    return _Part(expression, fields[0], expression.op in {"!", "!="})


_RETURN: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\r")


def _blank(found: re.Match[str]) -> str:
    """A carriage return outside of strings as the blank that it is, which jsonpath-ng does not know."""
    return " " if found[0] == "\r" else found[0]


@lru_cache(maxsize=512)
def compiled(path: str, *, allow_regex: bool = False) -> tuple[Segment, ...]:
    """The segments of a path with its filters ready, compiled once.

    Raises:
        ShapeError: the path does not parse, or is refused and why.
    """
    read = segments(path)
    text = bare(path)
    if read is not None and not any(isinstance(step, Where) for segment in read for step in segment.steps):
        return read
    refuse_patterns(path, text, allow_regex=allow_regex)
    if text.count("?") > MAX_FILTERS:
        raise ShapeError(f"The path is refused: more than {MAX_FILTERS} filters", where=path)
    if read is None:
        return _of_tree(_parsed(path, path))
    return tuple(
        Segment(tuple(_ready(step, path) if isinstance(step, Where) else step for step in segment.steps), segment.deep)
        for segment in read
    )


def _ready(filter_: Where, path: str) -> Condition:
    """A filter of a path, compiled.

    Raises:
        ShapeError: it is more than a filter, does not parse, or is refused.
    """
    last = _parsed(f"$[?{_RETURN.sub(_blank, filter_.text)}]", path)
    if type(last).__name__ != "Child" or type(last.right).__name__ != "Filter" or type(last.left).__name__ != "Root":
        raise ShapeError(f"The path does not parse: {filter_.text!r} is not one filter", where=path)
    return _condition(last.right)


def _condition(node: Any) -> Condition:
    kinds = [(type(part).__name__, part) for part in nodes(node)]
    rooted = any(kind == "Root" for kind, _ in kinds)
    many = sum(kind in {"Wildcard", "Slice", "Filter"} for kind, _ in kinds) > 1  # the filter itself is one
    compared = any(kind == "Expression" and (rooted or is_path(part.value)) for kind, part in kinds)
    return Condition(tuple(map(_part, node.expressions)), rooted, many or compared)


def _of_tree(tree: Any) -> tuple[Segment, ...]:
    """The segments of a path that only jsonpath-ng could read."""
    found: list[Segment] = []
    while type(tree).__name__ in {"Child", "Descendants"}:
        steps = _steps(tree.right)
        if steps or type(tree).__name__ == "Descendants":
            found.append(Segment(steps, type(tree).__name__ == "Descendants"))
        tree = tree.left
    steps = _steps(tree)
    return (*([Segment(steps)] if steps else []), *reversed(found))


def _steps(node: Any) -> tuple[Any, ...]:
    """What one node of jsonpath-ng takes; nothing for `$` and `this`."""
    kind = type(node).__name__
    if kind in {"Root", "This"}:
        return ()
    if kind == "Wildcard":
        return (ANY,)
    if kind == "Slice":
        return (Slice(node.start, node.end, node.step),)
    if kind == "Filter":
        return (_condition(node),)
    steps = getattr(node, "fields", None) or getattr(node, "indices", None)
    if not steps:
        raise ShapeError(f"The path is refused: {kind.lower()} is not a step of a selection")
    return tuple(steps)


def values_below(value: Any, enough: int) -> int:
    """How many values a document has, counted until there are enough."""
    count, waiting = 0, [value]
    while waiting and count <= enough:
        one = waiting.pop()
        count += 1
        if isinstance(one, (dict, list)):
            waiting.extend(one.values() if isinstance(one, dict) else one)
    return count


def _parsed(text: str, path: str) -> Any:
    """The tree of a path or a part of one, refused or bounded, with its patterns checked."""
    from jsonpath_ng.ext.parser import parse  # noqa: PLC0415  (heavy, and only for these paths)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            tree = parse(text.strip())
    except RecursionError:
        raise ShapeError("The path is nested too deeply to parse", where=path[:60]) from None
    except Exception as error:  # noqa: BLE001  (the parser raises many kinds, bare Exception among them)
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ShapeError(
            f"The path does not parse: {reason}",
            where=path,
            fix='jsonpath-ng reads less than RFC 9535: try dialect="rfc9535".',
        ) from None
    _bound_patterns(tree, path)
    refuse(tree, path)
    return tree


class Matching:
    """A comparison with a pattern inside a filter, in the place of jsonpath-ng's own, which has no bound."""

    def __init__(self, target: Any, pattern: Pattern) -> None:
        self.target = target
        self.pattern = pattern

    def find(self, datum: Any) -> list[Any]:
        """The places of the target whose text holds the pattern."""
        return [found for found in self.target.find(datum) if self.pattern.found_in(found.value)]


def _bound_patterns(tree: Any, path: str) -> None:
    for node in nodes(tree):
        inner = getattr(node, "expressions", None) or getattr(node, "operands", None)
        if not inner:
            continue
        for place, one in enumerate(inner):
            if type(one).__name__ == "Expression" and one.op == "=~":
                inner[place] = Matching(one.target, check_pattern(str(one.value), path))
