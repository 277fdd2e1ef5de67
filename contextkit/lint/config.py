"""The settings: `[tool.contextkit.lint]` of pyproject.toml.

Law: what is written there is understood or refused: an unknown key, an unknown rule, a value of the wrong kind is a
ConfigError that names the key. Options of the command line win over the file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError
from contextkit.lint.catalog import check_codes
from contextkit.lint.patterns import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.lint.patterns import Pattern

__all__ = ["Config", "load", "nearest"]

_TABLE: Final = "tool.contextkit.lint"
_LISTS: Final = ("select", "ignore", "exclude")
_TEXTS: Final = ("baseline", "model")
_KEYS: Final = (*_LISTS, *_TEXTS, "per-file-ignores")


@dataclass(frozen=True, slots=True)
class Config:
    """What is looked for, and where.

    Attributes:
        root: the folder that patterns and the baseline are relative to.
        select: codes or their beginnings; () is all.
        ignore: codes or their beginnings; wins over `select` where it is at least as long.
        per_file_ignores: patterns of paths, each with the codes that do not count there.
        exclude: patterns of paths that are not walked into, besides the usual ones.
        baseline: the file of known findings.
        model: the model of requests and prompts that name none.
    """

    root: Path = field(default_factory=Path)
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None
    model: str | None = None

    def wants(self, code: str) -> bool:
        """Whether a rule is on: the longest beginning of its code decides, and a tie is off."""
        on = max((len(start) for start in self.select if code.startswith(start)), default=-1 if self.select else 0)
        off = max((len(start) for start in self.ignore if code.startswith(start)), default=-1)
        return on > off

    def wants_any(self, start: str) -> bool:
        """Whether any rule may be on whose code begins so; the rules themselves are not looked at."""
        inner = [code for code in self.select if code.startswith(start)]
        outer = any(start.startswith(code) for code in self.select) or not self.select
        return bool(inner) or (outer and self.wants(start))

    def excluded(self) -> tuple[Pattern, ...]:
        """The patterns of `exclude`."""
        return parse(self.exclude)


def nearest(paths: Sequence[str]) -> Path | None:
    """The pyproject.toml with our table that is nearest above all of the paths; None where there is none."""
    full = [os.path.realpath(path) for path in paths] or [str(Path.cwd())]
    folder = Path(os.path.commonpath(full))
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        if place.is_dir() and file.is_file() and _table(file) is not None:
            return file
    return None


def load(file: Path | None) -> Config:
    """The settings of a pyproject.toml; the defaults for none.

    Raises:
        ConfigError: the file cannot be read, or holds what is not understood.
    """
    if file is None:
        return Config(Path.cwd())
    table = _table(file)
    if table is None:
        raise ConfigError(f"there is no [{_TABLE}]", where=str(file), fix="Add the table, or name another file.")
    where = f"{file}, [{_TABLE}]"
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1)
            fix = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(_KEYS)}."
            raise ConfigError(f"unknown key {key!r}", where=where, fix=fix)
    lists = {key: _texts(table, key, where) for key in _LISTS}
    baseline = _text(table, "baseline", where)
    return Config(
        root=file.resolve().parent,
        select=check_codes(lists["select"], f"{where}, select"),
        ignore=check_codes(lists["ignore"], f"{where}, ignore"),
        per_file_ignores=_per_file(table, where),
        exclude=lists["exclude"],
        baseline=file.parent / baseline if baseline else None,
        model=_text(table, "model", where),
    )


def _table(file: Path) -> dict[str, Any] | None:
    """Our table, None where the file has none."""
    try:
        with file.open("rb") as stream:
            value: Any = tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"the settings cannot be read: {error.strerror}", where=str(file)) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the settings are not TOML: {str(error)[:120]}", where=str(file)) from None
    for name in _TABLE.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is not None and not isinstance(value, dict):
        raise ConfigError("must be a table", where=f"{file}, {_TABLE}")
    return value


def _texts(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"{key!r} must be a list of texts", where=where)
    return tuple(value)


def _text(table: dict[str, Any], key: str, where: str) -> str | None:
    value = table.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise ConfigError(f"{key!r} must be a text", where=where)
    return value


def _per_file(table: dict[str, Any], where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    value = table.get("per-file-ignores", {})
    if not isinstance(value, dict):
        raise ConfigError("'per-file-ignores' must be a table of patterns, each with a list of codes", where=where)
    inner = f"{where}, per-file-ignores"
    return tuple((name, check_codes(_texts(value, name, inner), f"{inner}, {name}")) for name in value)
