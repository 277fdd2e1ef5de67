"""What a cache was told. The law: refused where it is declared, never at a call."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from contextkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Settings", "check_callables", "check_given", "settings_of"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `cached` that decide; times are seconds.

    Attributes:
        ttl: for which an answer is fresh.
        jitter: the largest share of the TTL that is taken off at random.
        stale: after that, for which the old answer is served while one call makes a new one behind it.
        stale_if_error: after the TTL, for which the old answer is served when the tool raises.
        errors: exceptions that are kept as answers.
        error_ttl: for which they are.
        lease: after which a maker that gave no sign is taken for dead.
        wait: the longest wait for another call's answer; then the tool runs uncached.
        tokens: what making a value cost in tokens.
    """

    ttl: float = 3_600.0
    jitter: float = 0.1
    stale: float = 0.0
    stale_if_error: float = 0.0
    errors: tuple[type[Exception], ...] = ()
    error_ttl: float = 30.0
    lease: float = 10.0
    wait: float = 60.0
    tokens: Callable[[Any], int] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in ("ttl", "error_ttl", "lease"):
            _check(name, getattr(self, name), above=0.0)
        for name in ("stale", "stale_if_error", "wait"):
            _check(name, getattr(self, name))
        _check("jitter", self.jitter, most=1.0)
        for kind in self.errors:
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                raise ConfigError(f"{kind!r} is no exception", where="cached(errors=)", fix="Give (KeyError, ...).")

    @property
    def kept(self) -> float:
        """Seconds past its TTL for which an answer may still be of use."""
        return max(self.stale, self.stale_if_error)

    @property
    def kinds(self) -> dict[str, type[Exception]]:
        """The exceptions that are kept, by name."""
        return {f"{kind.__module__}.{kind.__qualname__}": kind for kind in self.errors}


def _check(name: str, value: Any, *, above: float | None = None, most: float = float("inf")) -> None:
    """A number within its bounds; NaN is within none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and value <= most and value < float("inf") and (value > above if above is not None else value >= 0):
        return
    raise ConfigError(
        f"{name} is {value!r}",
        where=f"cached({name}=)",
        fix="Give a share of 0 to 1."
        if most == 1.0
        else f"Give seconds, {'above 0' if above is not None else '0 or more'}.",
    )


def settings_of(errors: Any, given: dict[str, Any]) -> Settings:
    """The settings of a cache, by their names.

    Raises:
        ConfigError: one is unknown or out of range.
    """
    known = {one.name for one in fields(Settings)}
    if unknown := sorted(set(given) - known):
        raise ConfigError(
            f"there is no setting {unknown[0]!r}", where="cached()", fix=f"Known: {', '.join(sorted(known))}."
        )
    if isinstance(errors, type) or not hasattr(errors, "__iter__"):
        raise ConfigError(f"errors is {errors!r}", where="cached(errors=)", fix="Give (KeyError, ...).")
    return Settings(errors=tuple(errors), **given)


def check_given(*, limit: Any, patience: Any, namespace: Any, name: Any, version: Any) -> None:
    """Refuse what no store and no key can be made of.

    Raises:
        ConfigError: which.
    """
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ConfigError(
            f"limit is {limit!r}", where="cached(limit=)", fix="Give bytes, above 0, or None for no bound."
        )
    if patience is not None:
        _check("patience", patience, above=0.0)
    for what, text, fine in (
        ("namespace", namespace, isinstance(namespace, str) or callable(namespace)),
        ("name", name, name is None or isinstance(name, str)),
        ("version", version, isinstance(version, str)),
    ):
        if not fine:
            raise ConfigError(f"{what} is {text!r}", where=f"cached({what}=)", fix="Give a text.")


def check_callables(**given: Any) -> None:
    """Refuse what is to be called and cannot be.

    Raises:
        ConfigError: which.
    """
    for name, one in given.items():
        if one is not None and not callable(one):
            raise ConfigError(f"{name} is {one!r}", where=f"cached({name}=)", fix="Give a function.")
