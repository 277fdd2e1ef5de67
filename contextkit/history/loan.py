"""What a request hands out is lent: read it, send it, even write on it; the history stays as it was.

Law: a borrower's writing marks the loan as touched, and the lender makes a fresh one before the next request. So a
request of 2,000 messages costs one list of references instead of a deep copy, and nothing that a caller or the SDK
does to it reaches the history. Loans are dicts and lists, so `json.dumps` and the SDK take them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LoanedDict", "LoanedList", "Slip", "lend", "lend_message", "returned"]


class Slip:
    """The library card of one lent message: remembers in `register` that it was written on."""

    __slots__ = ("index", "register")

    def __init__(self, index: int, register: set[int]) -> None:
        self.index = index
        self.register = register

    def touch(self) -> None:
        """Note that a borrower wrote on this loan."""
        self.register.add(self.index)


class LoanedDict(dict[str, Any]):
    """A lent dict; equal to, printed and serialised as a plain one. A copy of it is plain."""

    __slots__ = ("slip",)
    slip: Slip

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: deepcopy(value, memo) for key, value in self.items()}

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class LoanedList(list[Any]):
    """A lent list; see `LoanedDict`."""

    __slots__ = ("slip",)
    slip: Slip

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [deepcopy(value, memo) for value in self]

    def __copy__(self) -> list[Any]:
        return list(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def _touching(base: type, name: str) -> Callable[..., Any]:
    original = getattr(base, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.slip.touch()
        return original(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = original.__doc__
    return method


for _name in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(LoanedDict, _name, _touching(dict, _name))
for _name in (
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
    *("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
):
    setattr(LoanedList, _name, _touching(list, _name))


def lend(value: Any, slip: Slip) -> Any:
    """A lent copy of plain JSON; strings and numbers are shared, since nobody can change them."""
    if isinstance(value, dict):
        copy = LoanedDict(value)
        copy.slip = slip
        if not _NESTED.isdisjoint(map(type, value.values())):
            for key, item in value.items():
                if type(item) in _NESTED:
                    dict.__setitem__(copy, key, lend(item, slip))  # past the watch: this is the lender's own writing
        return copy
    if isinstance(value, list):
        items = LoanedList(value)
        items.slip = slip
        for at, item in enumerate(value):
            if type(item) in _NESTED:
                list.__setitem__(items, at, lend(item, slip))
        return items
    return value


def lend_message(role: str, blocks: Sequence[dict[str, Any]], slip: Slip) -> LoanedDict:
    """A lent message of such blocks."""
    lent = []
    for block in blocks:  # `lend` for a dict, spelled out: every message of every request passes here
        copy = LoanedDict(block)
        copy.slip = slip
        if not _NESTED.isdisjoint(map(type, block.values())):
            for key, item in block.items():
                if type(item) in _NESTED:
                    dict.__setitem__(copy, key, lend(item, slip))
        lent.append(copy)
    content = LoanedList(lent)
    content.slip = slip
    message = LoanedDict(role=role, content=content)
    message.slip = slip
    return message


_NESTED = frozenset({dict, list})


def returned(value: Any) -> Any:
    """A plain deep copy of lent or own JSON, for whoever wants to keep it."""
    if isinstance(value, Mapping):
        return {key: returned(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [returned(item) for item in value]
    return value
