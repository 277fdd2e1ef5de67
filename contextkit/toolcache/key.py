"""What a call is, as a text: the same for the same call however it is written, and another one for any other.

The law: one encoding, injective and typed (1, 1.0, True and "1" differ), free of the order of keywords, members and
sets, with defaults filled in. A value without such a form (a connection, a callable, one's own object) gives no key.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from contextkit.errors import ConfigError
from contextkit.store.entries import PART

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Arguments", "NoKeyError", "canonical", "digest", "part"]

_DEPTH: Final = 60
_EMPTY: Final = inspect.Parameter.empty
_POSITIONAL: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD
_NAMED: Final = inspect.Parameter.KEYWORD_ONLY
_WRITTEN: Final = (datetime, date, time, timedelta, Decimal, UUID, PurePath)


class NoKeyError(Exception):
    """A value has no canonical form; which, and where it stands."""


def canonical(value: Any, depth: int = 0) -> str:
    """The form of a value: a letter for its type, then itself, with lengths where it could end early.

    Raises:
        NoKeyError: it has none, or is nested deeper than 60.
    """
    simple = _SIMPLE.get(type(value))
    if simple is not None:
        return simple(value)
    if depth > _DEPTH:
        raise NoKeyError(f"nested deeper than {_DEPTH}")
    kind = type(value)
    if kind is list or kind is tuple:
        return ("l" if kind is list else "t") + "".join([canonical(one, depth + 1) for one in value]) + "e"
    if kind is dict:
        return "d" + _members(value, depth) + "e"
    return _other(value, depth)


def _text(value: str) -> str:
    return f"s{len(value)}:{value}"


_SIMPLE: Final[dict[type, Callable[[Any], str]]] = {
    str: _text,
    int: lambda value: f"i{value:x};",
    float: lambda value: f"f{value!r};",
    bool: lambda value: "T" if value else "F",
    type(None): lambda _: "N",
    bytes: lambda value: f"b{value.hex()};",
}


def _members(value: Mapping[Any, Any], depth: int) -> str:
    return "".join(sorted([canonical(key, depth + 1) + canonical(one, depth + 1) for key, one in value.items()]))


def _other(value: Any, depth: int) -> str:
    """Values of richer types: with the name of their type, so that no two types meet."""
    named = _text(f"{type(value).__module__}.{type(value).__qualname__}")
    if isinstance(value, Enum):
        return f"n{named}{_text(value.name or str(value.value))}"
    if isinstance(value, _WRITTEN):
        return f"w{named}{_text(str(value))}"
    if isinstance(value, AbstractSet):
        return f"z{named}" + "".join(sorted([canonical(one, depth + 1) for one in value])) + "e"
    if isinstance(value, Mapping):
        return f"m{named}{_members(value, depth)}e"
    if is_dataclass(value) and not isinstance(value, type):
        held = {one.name: getattr(value, one.name) for one in fields(value)}
        return f"o{named}{_members(held, depth)}e"
    if callable(getattr(type(value), "model_dump", None)):  # a pydantic model
        return f"o{named}{_members(dict(value), depth)}e"
    raise NoKeyError(f"a {type(value).__name__} has no canonical form")


def digest(text: str, size: int) -> str:
    """A text as so many hex digits of its hash."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size // 2).hexdigest()


@lru_cache(maxsize=4_096)
def part(text: str) -> str:
    """A namespace or the name of a function as a part of a key: opaque, of fixed length."""
    return digest(text, PART)


class Arguments:
    """The calls of a function as keys.

    Args:
        function: whose.
        key: what of a call counts. None for all arguments; names of parameters for those alone; a function that
            takes the same arguments and gives a value for something else.

    Raises:
        ConfigError: a name in `key` is no parameter.
    """

    def __init__(self, function: Callable[..., Any], key: Any = None) -> None:
        self._signature = inspect.signature(function)
        parameters = list(self._signature.parameters.values())
        self._given = key if callable(key) else None
        self._simple = all(one.kind in {_POSITIONAL, _NAMED} for one in parameters)
        self._positional = tuple(one.name for one in parameters if one.kind is _POSITIONAL)
        self._defaults = {one.name: one.default for one in parameters}
        self._required = tuple(name for name, value in self._defaults.items() if value is _EMPTY)
        self._names = tuple(self._defaults)
        if key is not None and self._given is None:
            if not isinstance(key, (str, list, tuple, set, frozenset)):
                raise ConfigError(
                    f"key is a {type(key).__name__}",
                    where=f"cached({function.__qualname__}, key=)",
                    fix="Name parameters, or give a function of the same arguments.",
                )
            self._names = (key,) if isinstance(key, str) else tuple(sorted(key))
        strange = [name for name in self._names if name not in self._defaults]
        if strange:
            raise ConfigError(
                f"{strange[0]!r} is no parameter",
                where=f"cached({function.__qualname__}, key=)",
                fix="Name parameters.",
            )
        # Called by place, with nothing left out but defaults: the values in order are the arguments as they are.
        self._by_place = self._simple and self._names == self._positional
        self._least = len(self._required)
        self._tail = tuple(self._defaults.values())

    def key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """The digest of a call, 32 hex digits; None when the function would refuse the call.

        Raises:
            NoKeyError: an argument has no canonical form; the message names it.
        """
        if self._given is not None:
            return digest(canonical(self._given(*args, **kwargs)), 2 * PART)
        values: Any
        if self._by_place and not kwargs and self._least <= len(args) <= len(self._tail):
            values = args + self._tail[len(args) :]
        else:
            bound = self._bound(args, kwargs)
            if bound is None:
                return None
            values = [bound[name] for name in self._names]
        try:
            written = [_SIMPLE[type(value)](value) if type(value) in _SIMPLE else canonical(value) for value in values]
        except (NoKeyError, RecursionError):
            self._explain(values)
            raise
        return digest("".join(written), 2 * PART)

    def _explain(self, values: Any) -> None:
        for name, value in zip(self._names, values, strict=True):
            try:
                canonical(value)
            except (NoKeyError, RecursionError) as error:
                raise NoKeyError(f"argument {name}: {error}") from None

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """All parameters with their values, as the call would set them; None when it would not fit."""
        if not self._simple:
            return self._bound_by_inspect(args, kwargs)
        if len(args) > len(self._positional):
            return None
        values = {**self._defaults, **kwargs}
        if len(values) != len(self._defaults):  # a keyword that no parameter takes
            return None
        for name, value in zip(self._positional, args, strict=False):
            if name in kwargs:
                return None
            values[name] = value
        return None if any(values[name] is _EMPTY for name in self._required) else values

    def _bound_by_inspect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return None
        bound.apply_defaults()
        return bound.arguments
