"""Patterns that a user allowed. The law: a pattern runs in time that its length and its subject bound.

Python's own `re` tries again on failure; what makes that explode is a repeat inside a repeat, or many open repeats in
a row. Such patterns are refused, and the subject is capped.
"""

from __future__ import annotations

import re
from typing import Any, Final

from contextkit.errors import ShapeError

__all__ = ["MAX_SUBJECT", "check_pattern"]

MAX_SUBJECT: Final = 1_000
"""Characters of a value that a pattern looks at."""

_OPEN_REPEATS: Final = 2
_MAX_PATTERN: Final = 200


def check_pattern(pattern: str, *, where: str) -> None:
    """Refuse a pattern whose time is not bounded.

    Raises:
        ShapeError: it does not compile, is too long, nests repeats, looks back at a group, or repeats too often.
    """
    if len(pattern) > _MAX_PATTERN:
        raise ShapeError(f"The pattern is longer than {_MAX_PATTERN} characters", where=where)
    try:
        re.compile(pattern)
        tree = re._parser.parse(pattern)  # type: ignore[attr-defined]  # noqa: SLF001  (the only parser of `re` there is)
    except (re.error, RecursionError, OverflowError) as error:
        raise ShapeError(f"The pattern does not compile: {error}", where=where) from None
    repeats = _repeats(tree, inside=False, where=where)
    if repeats > _OPEN_REPEATS:
        raise ShapeError(f"The pattern has more than {_OPEN_REPEATS} open repeats", where=where,
                         fix="Use fewer of `*` and `+`.")


def _repeats(tree: Any, *, inside: bool, where: str) -> int:
    """Open repeats of a parsed pattern; raises for one inside another."""
    count = 0
    for kind, argument in tree:
        name = str(kind)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            if inside:
                raise ShapeError("The pattern has a repeat inside a repeat", where=where, fix="Write it without nesting.")
            count += 1
            _repeats(argument[2], inside=True, where=where)
        elif name in {"GROUPREF", "GROUPREF_EXISTS"}:
            raise ShapeError("The pattern looks back at a group", where=where)
        elif name == "BRANCH":
            if inside:
                raise ShapeError("The pattern has a choice inside a repeat", where=where)
            count += sum(_repeats(one, inside=inside, where=where) for one in argument[1])
        elif name == "SUBPATTERN":
            count += _repeats(argument[3], inside=inside, where=where)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            count += _repeats(argument[1], inside=inside, where=where)
        elif name == "ATOMIC_GROUP":
            count += _repeats(argument, inside=inside, where=where)
    return count
