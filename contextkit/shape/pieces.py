"""A JSON text in pieces. The law: the same text as at once, made with little memory beside it.

Python's encoder (until 3.12) holds a small text for every value of what it is given, 100,000 at most at a time: of
dense documents that is twenty times the text. Here it is given parts of a few thousand values each.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = ["PIECE", "pieces"]

PIECE: Final = 1_000
"""Values that are encoded at once."""

_CONTAINERS: Final = frozenset({dict, list})


def pieces(value: Any, encode: Callable[[Any], str]) -> Iterator[str]:
    """The compact JSON of a plain value, piece by piece.

    Args:
        value: what is written.
        encode: gives the compact JSON of a value at once.
    """
    if type(value) not in _CONTAINERS or _count([value]) <= PIECE:
        yield encode(value)
        return
    yield "{" if isinstance(value, dict) else "["
    between = ""
    for run, light in _runs(value):
        yield between
        between = ","
        if light:
            yield encode(run)[1:-1]
        elif isinstance(run, dict):
            ((name, one),) = run.items()
            yield encode({name: 0})[1:-2]
            yield from pieces(one, encode)
        else:
            yield from pieces(run[0], encode)
    yield "}" if isinstance(value, dict) else "]"


def _runs(value: dict[str, Any] | list[Any]) -> Iterator[tuple[Any, bool]]:
    """The members or elements in order, by as many as are light together, or one alone; and whether they are light."""
    left: Iterator[Any] = iter(value.items() if isinstance(value, dict) else value)
    halves: list[list[Any]] = []
    length = 1
    while some := halves.pop() if halves else list(islice(left, length)):
        run: Any = dict(some) if isinstance(value, dict) else some
        count = _count(run.values() if isinstance(run, dict) else run)
        if count <= PIECE or len(some) == 1:
            yield run, count <= PIECE
            length = min(2 * length, PIECE) if 2 * count <= PIECE else length
        else:
            length = len(some) // 2
            halves += [some[length:], some[:length]]


def _count(values: Collection[Any]) -> int:
    """How many values some values have in them, themselves too; counted level by level, and only until it is many."""
    count = len(values)
    while values and count <= PIECE:
        inner = [one for one in values if type(one) in _CONTAINERS]
        count += sum(map(len, inner))
        if count <= PIECE:
            values = [below for one in inner for below in (one.values() if isinstance(one, dict) else one)]
    return count
