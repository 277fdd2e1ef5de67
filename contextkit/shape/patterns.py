"""Patterns that a user allowed. The law: all matching in one document has one bound, counted in steps and not in time.

Python's own `re` tries again on failure; what makes that explode is a repeat inside a repeat, or many open repeats in
a row. Such patterns are refused; for the others the steps are at most (length of the subject) ** (open repeats + 1),
and the sum of these over one document is bounded. Counting steps instead of seconds keeps shaping deterministic.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.shaped import BoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_STEPS", "Pattern", "budget", "check_pattern"]

MAX_STEPS: Final = 50_000_000
"""Steps of matching in one document: about half a second at worst, measured on hostile subjects."""

_OPEN_REPEATS: Final = 2
_MAX_PATTERN: Final = 200
_MANY: Final = 16
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})

_spent: ContextVar[list[int] | None] = ContextVar("spent", default=None)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked pattern, and how its steps grow."""

    text: str
    repeats: int
    _compiled: re.Pattern[str] = field(compare=False, repr=False)

    def found_in(self, subject: object, *, whole: bool = False) -> bool:
        """Whether the pattern is in a text (or, with `whole`, is all of it); False for what is not text.

        Raises:
            BoundError: the document has used up its steps.
        """
        if not isinstance(subject, str):
            return False
        spent = _spent.get()
        if spent is not None:
            spent[0] += (len(subject) + 1) ** (self.repeats + 1)
            if spent[0] > MAX_STEPS:
                raise BoundError("too much text for a pattern")
        return bool(self._compiled.fullmatch(subject) if whole else self._compiled.search(subject))


@contextmanager
def budget() -> Iterator[None]:
    """The steps of one document are counted inside."""
    token = _spent.set([0])
    try:
        yield
    finally:
        _spent.reset(token)


@lru_cache(maxsize=512)
def check_pattern(pattern: str, where: str) -> Pattern:
    """A pattern whose time is bounded.

    Raises:
        ShapeError: it does not compile, is too long, nests repeats, looks back at a group, or repeats too often.
    """
    if len(pattern) > _MAX_PATTERN:
        raise ShapeError(f"The pattern is longer than {_MAX_PATTERN} characters", where=where)
    try:
        ready = re.compile(pattern)
        tree = re._parser.parse(pattern)  # type: ignore[attr-defined]  # noqa: SLF001  (re has no public parser)
    except (re.error, RecursionError, OverflowError) as error:
        raise ShapeError(f"The pattern does not compile: {error}", where=where) from None
    repeats = _repeats(tree, where, inside=False)
    if repeats > _OPEN_REPEATS:
        raise ShapeError(
            f"The pattern has more than {_OPEN_REPEATS} open repeats", where=where, fix="Use fewer of `*` and `+`."
        )
    return Pattern(pattern, repeats, ready)


def _repeats(tree: Any, where: str, *, inside: bool) -> int:
    """Open repeats of a parsed pattern; refuses one inside another."""
    count = 0
    for kind, argument in tree:
        name = str(kind)
        if name in _REPEATS:
            count += _repeat(argument, where, inside=inside)
        elif name in {"GROUPREF", "GROUPREF_EXISTS"}:
            raise ShapeError("The pattern looks back at a group", where=where)
        elif name == "BRANCH":
            if inside:
                raise ShapeError("The pattern has a choice inside a repeat", where=where)
            count += sum(_repeats(one, where, inside=inside) for one in argument[1])
        elif name == "SUBPATTERN":
            count += _repeats(argument[3], where, inside=inside)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            count += _repeats(argument[1], where, inside=inside)
        elif name == "ATOMIC_GROUP":
            count += _repeats(argument, where, inside=inside)
    return count


def _repeat(argument: Any, where: str, *, inside: bool) -> int:
    least, most, body = argument
    if least == most and most <= _MANY and not inside:
        return _repeats(body, where, inside=False) * int(most)  # written out, this is not a repeat
    if inside:
        raise ShapeError("The pattern has a repeat inside a repeat", where=where, fix="Write it without nesting.")
    _repeats(body, where, inside=True)
    return 1
