"""Shapes kept in files. The law: a file that loads holds only shapes that work; a mistake names its file and key.

In `pyproject.toml` a shape stands under `[tool.contextkit.shapes.NAME]`, in a JSON file under its name at the top. A
list of tables is a chain.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ShapeError
from contextkit.shape.chain import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Declared", "load_shapes", "shapes_of"]

Declared = Shape | list[Shape]
"""What a name in a file stands for: a shape, or a chain of them."""

_NOT_IN_FILES: Final = frozenset({"model", "on_drift", "_plan"})
_KNOWN: Final = frozenset(one.name for one in fields(Shape)) - _NOT_IN_FILES
_LISTS: Final = frozenset({"select", "drop", "keep_lines", "columns"})
_FLAGS: Final = frozenset({"as_table", "drop_null", "drop_empty", "elide_binary", "diff", "dedupe", "allow_regex"})


def load_shapes(path: str | Path) -> dict[str, Declared]:
    """The shapes of a file, by name; {} for a pyproject.toml that declares none.

    Args:
        path: a `.toml` file with `[tool.contextkit.shapes.NAME]` tables, or a JSON file `{"NAME": {...}}`.

    Raises:
        ShapeError: the file cannot be read or parsed, or a shape in it is wrong; `where` names file and key.
    """
    place = Path(path)
    try:
        text = place.read_text("utf-8")
        whole = tomllib.loads(text) if place.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ShapeError(f"The file cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, RecursionError) as error:
        kind = "TOML" if place.suffix == ".toml" else "JSON"
        raise ShapeError(f"The file is not {kind}: {error}", where=str(path)) from None
    prefix = ""
    if place.suffix == ".toml":
        prefix = "tool.contextkit.shapes."
        for key in ("tool", "contextkit", "shapes"):
            whole = whole.get(key, {}) if isinstance(whole, dict) else whole
    return shapes_of(whole, where=f"{path}: {prefix}")


def shapes_of(declared: Any, *, where: str) -> dict[str, Declared]:
    """The shapes of a mapping from names to options (or to lists of options, for a chain).

    Args:
        declared: `{"NAME": {"select": [...], ...}}`.
        where: what the mapping is, for messages; the key is put behind it.

    Raises:
        ShapeError: an option is unknown or wrong; `where` names file and key.
    """
    if not isinstance(declared, dict):
        raise ShapeError("Shapes must be an object of names", where=where, fix='Write {"NAME": {"select": [...]}}.')
    shapes: dict[str, Declared] = {}
    for name, options in declared.items():
        if isinstance(options, list):
            shapes[name] = [_shape(one, f"{where}{name}[{at}]") for at, one in enumerate(options)]
        else:
            shapes[name] = _shape(options, f"{where}{name}")
    return shapes


def _shape(options: Any, where: str) -> Shape:
    if not isinstance(options, dict):
        raise ShapeError(f"A shape must be an object of options, not {type(options).__name__}", where=where)
    for key, value in options.items():
        _check(key, value, f"{where}.{key}")
    try:
        return Shape(**options)
    except ShapeError as error:
        inside = f", {error.where}" if error.where else ""
        raise ShapeError(error.what, where=f"{where}{inside}", fix=error.fix) from None


def _check(key: str, value: Any, where: str) -> None:
    """Refuse an option that is unknown, or whose type JSON and TOML got wrong."""
    if key not in _KNOWN:
        raise ShapeError(f"Unknown option {key!r}", where=where, fix=f"Known are {', '.join(sorted(_KNOWN))}.")
    if key in _LISTS and not (isinstance(value, str) or _texts(value)):
        raise ShapeError(f"{key} must be a list of texts", where=where)
    if key == "fields" and not (isinstance(value, dict) and _texts(list(value.values()))):
        raise ShapeError("fields must be an object from names to paths", where=where)
    if key == "max_string" and isinstance(value, list):
        raise ShapeError("max_string must be a number, or an object from paths to numbers", where=where)
    if key in _FLAGS and not isinstance(value, bool):
        raise ShapeError(f"{key} must be true or false", where=where)
    if key == "head" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise ShapeError("head must be a number between 0 and 1", where=where)


def _texts(value: Mapping[str, Any] | list[Any] | Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
