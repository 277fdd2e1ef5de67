"""Policies as people write them: `name:setting=value,...`, or a TOML file with a `[[policy]]` table each.

Law: every setting is checked here, by name, type and range; nothing is guessed.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.facts import TTL_SECONDS
from contextkit.errors import ConfigError
from contextkit.replay.break_even import BreakEven
from contextkit.replay.policies import Automatic, Nothing, Rolling, Sliding, Threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.replay.policies import Policy

__all__ = ["NAMES", "load_policies", "policy"]

NAMES: Final[dict[str, Any]] = {
    "none": Nothing,
    "automatic": Automatic,
    "sliding": Sliding,
    "rolling": Rolling,
    "threshold": Threshold,
    "break-even": BreakEven,
}

_LEAST: Final = {"turns": 1, "budget": 1_000, "keep": 0, "summary": 200, "fan_out": 2, "levels": 1}


def load_policies(text: str) -> list[Policy]:
    """One policy, or those of a TOML file.

    Raises:
        ConfigError: which policy, which setting, and what it may be.
    """
    if not text.endswith(".toml"):
        return [policy(text)]
    try:
        tables = tomllib.loads(Path(text).read_text(encoding="utf-8")).get("policy", [])
    except (OSError, ValueError) as error:
        raise ConfigError(f"the file cannot be read: {error}", where=text, fix="Give a TOML file.") from None
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise ConfigError("no policy is declared", where=text, fix='Write [[policy]] with name = "threshold".')
    return [
        _made(str(table.pop("name", "")), table, where=f"{text}, [[policy]] {at}") for at, table in enumerate(tables, 1)
    ]


def policy(text: str) -> Policy:
    """A policy by its name and settings, as in `threshold:budget=60000,keep=10000`.

    Raises:
        ConfigError: which setting, and what it may be.
    """
    name, _, rest = text.partition(":")
    given: dict[str, Any] = {}
    for piece in filter(None, rest.split(",")):
        key, sign, value = piece.partition("=")
        if not sign:
            raise ConfigError(f"{piece!r} has no value", where=f"policy {text}", fix="Write setting=value.")
        given[key.strip()] = value.strip()
    return _made(name.strip(), given, where=f"policy {text}")


def _made(name: str, given: Mapping[str, Any], *, where: str) -> Policy:
    kind = NAMES.get(name)
    if kind is None:
        raise ConfigError(f"there is no policy {name!r}", where=where, fix=f"Known: {', '.join(NAMES)}.")
    known = {field.name: field.default for field in fields(kind) if field.name not in {"archive", "listing"}}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"{name} has no setting {', '.join(unknown)}", where=where, fix=f"Known: {', '.join(known)}.")
    made: Policy = kind(**{key: _value(key, value, known[key], where) for key, value in given.items()})
    if isinstance(made, BreakEven):
        made.settings()  # its own checks
    elif isinstance(made, Threshold) and made.keep >= made.budget:
        raise ConfigError("keep is not below the budget", where=where, fix="A fold has to get below the budget.")
    return made


def _value(key: str, value: Any, default: Any, where: str) -> Any:
    """A value of the default's type, in its range."""
    try:
        made = type(default)(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{key} is {value!r}", where=where, fix=f"Give a {type(default).__name__}.") from None
    if isinstance(made, int | float) and not made >= _LEAST.get(key, 0):
        raise ConfigError(f"{key} is {value}", where=where, fix=f"Give {_LEAST.get(key, 0)} or more.")
    if key == "ttl" and made not in TTL_SECONDS:
        raise ConfigError(f"ttl is {value!r}", where=where, fix="Give 5m or 1h.")
    return made
