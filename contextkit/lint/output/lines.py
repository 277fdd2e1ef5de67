"""Lines of the files that are reported on, read when they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from contextkit.lint.text import lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Lines"]

_MAX: Final = 20_000_000


class Lines:
    """The lines of files; each file is read once, and only the last few are kept.

    Args:
        texts: the content of what cannot be read from its path.
    """

    def __init__(self, texts: Mapping[str, bytes] | None = None) -> None:
        self._texts = texts or {}
        self._files: dict[str, list[str]] = {}

    def line(self, path: str, number: int) -> str | None:
        """A line, from 1; None where there is none, or the file cannot be read."""
        if path not in self._files:
            if len(self._files) > 64:  # noqa: PLR2004  (findings come sorted by file; a flow visits a few more)
                self._files.clear()
            self._files[path] = self._read(path)
        lines = self._files[path]
        return lines[number - 1] if 0 < number <= len(lines) else None

    def _read(self, path: str) -> list[str]:
        try:
            file = Path(path)
            if path not in self._texts and file.stat().st_size > _MAX:
                return []
            raw = self._texts[path] if path in self._texts else file.read_bytes()
        except (OSError, ValueError):
            return []
        encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
        return lines_of(raw.decode(encoding, "replace"))
