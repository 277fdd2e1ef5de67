"""CK109: the order of a set in the cached part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.lint.rule import Edit, Severity
from contextkit.lint.source.edits import wrapped
from contextkit.lint.source.reach import Reach, TaintRule
from contextkit.lint.source.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UnorderedSet"]


class UnorderedSet(TaintRule):
    """The order of a set in the cached part.

    What it does:
        Reports sets that are joined, listed, printed or iterated on the way into the cached part. `sorted()` ends
        it.

    Why is this bad:
        The hash of a string is salted per process: each worker writes the same set in another order.

    Example:
        skills = {"sql", "python", "bash"}
        system = f"You know {', '.join(skills)}."

    Use instead:
        system = f"You know {', '.join(sorted(skills))}."
    """

    code = "CK109"
    name = "unordered-set"
    severity = Severity.ERROR
    advice = "Wrap it in sorted()."
    kind = Kind.ORDER
    because = "a set of strings has another order in every process"

    @classmethod
    def edits(cls, reach: Reach, text: Callable[[str], str]) -> tuple[Edit, ...]:
        """`sorted()` around it."""
        spot = reach.taint.spot
        return wrapped(text(spot.path), spot) if reach.taint.fix == "sorted" else ()
