"""RFC 9535 to the letter, by python-jsonpath in its strict form (extra `rfc9535`). The law: as bounded as the default.

The engine finds lazily, so matches are counted as they come. `match` and `search` are replaced by bounded ones.
"""

from __future__ import annotations

import re
from functools import lru_cache, partialmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.document import MAX_DEPTH
from contextkit.shape.engine import values_below
from contextkit.shape.paths import bare, check
from contextkit.shape.patterns import budget, check_pattern
from contextkit.shape.select import MAX_MATCHES
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextkit.shape.select import Location

__all__ = ["compiled"]

MAX_FILTERS: Final = 3
MAX_VALUES: Final = 40_000
"""Values of a document that a path with a filter or `..` is looked up in: about a second at worst."""

_MANY_FROM_ROOT: Final = re.compile(r"\$[\w.\[\]'\"-]*[*?:]")
_DOT: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\.", re.DOTALL)
_PATTERN_CALL: Final = re.compile(r"\b(?:match|search)\s*\(")


def compiled(path: str, *, allow_regex: bool = False) -> Callable[[Any], Iterator[tuple[Location, Any]]]:
    """A function that gives the places which a path matches in a document, each with what stands there.

    Raises:
        ShapeError: the package is missing, the path does not parse, or it is refused and why.
    """
    check(path)
    environment = _environment()
    open_text = bare(path)
    _refuse(path, allow_regex=allow_regex)
    try:
        query = environment.compile(path)
    except RecursionError:
        raise ShapeError("The path is nested too deeply to parse", where=path[:60]) from None
    except Exception as error:  # noqa: BLE001  (the package's own errors cannot be named where it is absent)
        reason = str(error).split("\n", 1)[0]
        raise ShapeError(f"The path does not parse: {reason}", where=path) from None

    def find(document: Any) -> Iterator[tuple[Location, Any]]:
        with budget():
            if values_below(document, MAX_VALUES) > MAX_VALUES and (".." in open_text or "?" in open_text):
                raise BoundError("too large for this path")
            for count, match in enumerate(query.finditer(document), 1):
                if count > MAX_MATCHES:
                    raise BoundError("too many matches")
                yield tuple(match.parts), match.obj

    return find


@lru_cache(maxsize=1)
def _environment() -> Any:
    try:
        base = import_module("jsonpath").JSONPathEnvironment
        functions = import_module("jsonpath.function_extensions")
    except (ImportError, AttributeError):  # jsonpath-python has the same module name and another class
        raise ShapeError(
            'dialect="rfc9535" needs the package python-jsonpath',
            fix="Install the extra: pip install 'claude-contextkit[rfc9535]'",
        ) from None
    environment = type("Environment", (base,), {"max_recursion_depth": MAX_DEPTH})(strict=True)
    kinds = functions.ExpressionType
    for name, whole in (("match", True), ("search", False)):
        # A named class and not a function: the package checks the types of a function's arguments on its class.
        body = {
            "arg_types": [kinds.VALUE, kinds.VALUE],
            "return_type": kinds.LOGICAL,
            "__call__": partialmethod(_bounded, whole=whole),
        }
        environment.function_extensions[name] = type("Bounded", (functions.FilterFunction,), body)()
    return environment


def _bounded(_self: object, value: object, pattern: object, *, whole: bool) -> bool:
    """`match` or `search`, with a checked pattern and counted steps."""
    if not isinstance(pattern, str):
        return False
    try:
        checked = check_pattern(_dots(pattern), "a pattern in the document")
    except ShapeError as error:
        raise BoundError(error.what) from None
    return checked.found_in(value, whole=whole)


def _dots(pattern: str) -> str:
    """A pattern of RFC 9485, in which a dot is neither a line feed nor a carriage return, as one of Python's."""
    return _DOT.sub(lambda found: r"[^\n\r]" if found[0] == "." else found[0], pattern)


def _refuse(path: str, *, allow_regex: bool) -> None:
    """The refusals of the default engine, read off the text of the path."""
    text = bare(path)
    if _PATTERN_CALL.search(text) and not allow_regex:
        raise ShapeError(
            "`match` and `search` are refused: their time on hostile text has no bound",
            where=path,
            fix="Compare with ==, or pass allow_regex=True for a pattern without nested repeats.",
        )
    if text.count("?") > MAX_FILTERS:
        raise ShapeError(f"The path is refused: more than {MAX_FILTERS} filters", where=path)
    depth = unions = 0
    union_here = False
    for at, character in enumerate(text):
        if character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
            unions += union_here and depth == 0
            union_here = union_here and depth > 0
        elif character == "," and depth > 0:
            union_here = union_here or not _in_call(text, at)
        elif depth > 0 and character == "." and text[at : at + 2] == "..":
            raise ShapeError("The path is refused: `..` inside a filter runs for every candidate", where=path)
        elif depth > 0 and character == "$" and _MANY_FROM_ROOT.match(text, at):
            raise ShapeError(
                "The path is refused: a filter looks at many places from `$` for every candidate", where=path
            )
    if unions > 1:
        raise ShapeError(
            "The path is refused: several unions multiply their matches", where=path, fix="Give several paths."
        )


def _in_call(text: str, at: int) -> bool:
    """Whether a comma stands between the arguments of a function."""
    depth = 0
    for character in reversed(text[:at]):
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(character, 0)
        if depth < 0:
            return character == "("
    return False
