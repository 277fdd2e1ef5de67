"""Recorded sessions: one reader a format, one common form. `read(path)` finds the format by the content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from contextkit.errors import FormatError
from contextkit.transcripts import claude_code, exported, pi, requests, swe_agent, tau
from contextkit.transcripts.common import Call, Format, Session
from contextkit.transcripts.lines import Lines, document, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

__all__ = ["Call", "Format", "Session", "detect", "read"]

_READERS: Final[dict[Format, ModuleType]] = {
    "claude-code": claude_code,
    "pi": pi,
    "swe-agent": swe_agent,
    "contextkit": exported,
    "openai": tau,
    "requests": requests,
}

_LOOK: Final = 50
"""How many objects are looked at before a file is given up."""


def read(path: str | Path, kind: Format | None = None) -> list[Session]:
    """The sessions in a file.

    Args:
        path: the file.
        kind: its format, where it shall not be found by the content.

    Raises:
        FormatError: the file cannot be read, or is in no known format.
    """
    file = Path(path)
    chosen = kind or detect(file)
    return cast("list[Session]", _READERS[chosen].read(file))


def detect(path: str | Path) -> Format:
    """The format of a file, by the first objects in it that one of the readers knows.

    Raises:
        FormatError: no reader knows any of them.
    """
    file = Path(path)
    lines = Lines(file)
    for seen, (_, line) in enumerate(lines):
        if found := _known(line):
            return found
        if seen >= _LOOK:
            break
    if lines.skipped:  # not JSON lines: one document over several lines, perhaps
        whole = document(file)
        for entry in whole[:_LOOK] if isinstance(whole, list) else [whole]:
            if found := _known(mapping(entry)):
                return found
    raise FormatError(
        "no reader knows this file",
        where=f"{file}, {lines.first_bad}" if lines.first_bad else str(file),
        fix=f"Known formats: {', '.join(_READERS)}.",
    )


def _known(entry: Mapping[str, Any]) -> Format | None:
    return next((name for name, reader in _READERS.items() if reader.looks_like(entry)), None)
