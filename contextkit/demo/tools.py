"""The agent's tools: they look at the Python environment that the demo runs in, and answer as real tools do, at length.

Law: reading only, inside the installed distributions; every answer is bounded and the same for the same call.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

__all__ = ["DEFINITIONS", "call", "distributions"]

_MAX_FILES: Final = 120
_MAX_HITS: Final = 50
_MAX_DESCRIPTION: Final = 8_000
_MAX_BYTES: Final = 2_000_000
_MAX_LINES: Final = 250

_NAME: Final = {"type": "string", "description": "Name of an installed distribution, as in list_distributions."}
_PATH: Final = {"type": "string", "description": "Path of a file, as in list_files."}


def _tool(name: str, description: str, /, **properties: dict[str, str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "input_schema": schema}


DEFINITIONS: Final = (
    _tool("list_distributions", "List every distribution installed in this Python environment, with its version."),
    _tool("metadata", "All that a distribution's metadata says, as JSON, with its whole description.", name=_NAME),
    _tool("list_files", "List the files of a distribution with path, size, hash and type.", name=_NAME),
    _tool(
        "search_source",
        "Search a distribution's Python source for a regular expression; every hit with file, line and context.",
        name=_NAME,
        pattern={"type": "string", "description": "A Python regular expression."},
    ),
    _tool("read_file", "Read one Python source file of a distribution, with line numbers.", name=_NAME, path=_PATH),
)
"""The tools as the API takes them."""


def distributions() -> list[str]:
    """Names of the installed distributions, sorted."""
    return sorted({str(found.metadata["Name"]) for found in metadata.distributions() if found.metadata["Name"]})


@lru_cache(maxsize=4096)
def _call(name: str, arguments: str) -> tuple[str, bool]:
    given = json.loads(arguments)
    tools: dict[str, Callable[..., str]] = {
        "list_distributions": _list,
        "metadata": _metadata,
        "list_files": _list_files,
        "search_source": _search,
        "read_file": _read,
    }
    try:
        return tools[name](**given), False
    except (KeyError, TypeError, ValueError, OSError, re.error, metadata.PackageNotFoundError) as error:
        return f"{type(error).__name__}: {error}", True


def call(name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """Run one tool: its output, and whether it failed."""
    return _call(name, json.dumps(arguments, sort_keys=True))


def _list() -> str:
    found = [{"name": name, "version": metadata.version(name)} for name in distributions()]
    return json.dumps({"count": len(found), "distributions": found}, indent=2)


def _metadata(name: str) -> str:
    found = metadata.distribution(name)
    parsed = cast("Message", found.metadata)
    fields = {key: parsed.get_all(key) for key in sorted(set(parsed.keys()))}
    flat = {key: values[0] if values and len(values) == 1 else values for key, values in fields.items()}
    body = str(parsed.get_payload())[:_MAX_DESCRIPTION]
    return json.dumps(
        {"metadata": flat, "description": body, "requires": found.requires, "files": len(found.files or ())}, indent=2
    )


def _files(name: str) -> list[metadata.PackagePath]:
    return sorted(metadata.distribution(name).files or (), key=str)


def _list_files(name: str) -> str:
    files = _files(name)
    rows = [
        {
            "path": str(path),
            "size": path.size,
            "hash": f"{path.hash.mode}={path.hash.value}" if path.hash else None,
            "type": path.suffix or "none",
            "package": str(path.parent),
        }
        for path in files[:_MAX_FILES]
    ]
    return json.dumps({"distribution": name, "count": len(files), "files": rows}, indent=2)


def _source(path: metadata.PackagePath) -> list[str]:
    place = Path(str(path.locate()))
    if path.suffix != ".py" or not place.is_file() or place.stat().st_size > _MAX_BYTES:
        return []
    return place.read_text(encoding="utf-8", errors="replace").splitlines()


def _search(name: str, pattern: str) -> str:
    wanted, hits = re.compile(pattern), list[dict[str, Any]]()
    for path in _files(name):
        lines = _source(path)
        for at, line in enumerate(lines):
            if wanted.search(line[:500]):
                around = lines[max(at - 1, 0) : at + 2]
                hits.append({"file": str(path), "line": at + 1, "text": line.strip(), "context": around})
                if len(hits) == _MAX_HITS:
                    return json.dumps({"pattern": pattern, "truncated": True, "hits": hits}, indent=2)
    return json.dumps({"pattern": pattern, "truncated": False, "hits": hits}, indent=2)


def _read(name: str, path: str) -> str:
    found = next((each for each in _files(name) if str(each) == path), None)
    if found is None:
        raise KeyError(f"{name} has no file {path}")
    lines = _source(found)
    shown = [f"{at + 1:5d}  {line}" for at, line in enumerate(lines[:_MAX_LINES])]
    return "\n".join([f"{path}: {len(lines)} lines", *shown])
