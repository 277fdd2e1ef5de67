"""What the last run learned, kept in `.contextkit_cache/`, so that the next one is quick.

Law: a lost, broken or foreign entry is as good as none, and never a wrong answer: an entry stands under the hash of
all that went into it (the text, its path, the analyser's own files, Python's version), carries a checksum, and is
JSON. A folder that cannot be written means a slower run, not an error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

__all__ = ["FOLDER", "Memo", "analyser", "key_of"]

FOLDER: Final = ".contextkit_cache"

_KEEP: Final = 30 * 86_400.0
"""Seconds after which an entry that nobody wrote again is removed."""

_SWEEP: Final = 86_400.0
_README: Final = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by contextkit lint; may be removed at any time.\n"


@cache
def analyser() -> str:
    """A hash of the analyser: Python's version, and the size and age of every file that decides what is found."""
    home = Path(__file__).resolve().parents[1]
    state = blake2b(repr(sys.version_info).encode(), digest_size=16)
    files = [*home.joinpath("lint").rglob("*.py"), *home.joinpath("api").glob("*.py"), home / "tokens" / "quick.py"]
    for file in sorted(files):
        with suppress(OSError):
            found = file.stat()
            state.update(f"{file.relative_to(home)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return state.hexdigest()


def key_of(*parts: bytes | str) -> str:
    """The name of an entry: a hash over all parts, each with its length, and over the analyser."""
    state = blake2b(analyser().encode(), digest_size=20)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.hexdigest()


class Memo:
    """Entries under keys in a folder; None for a folder keeps nothing.

    Args:
        folder: where `.contextkit_cache` is or shall be.
    """

    def __init__(self, folder: Path | None) -> None:
        self._home = folder / FOLDER / "lint" if folder else None
        self._ready = False

    def get(self, key: str) -> Any | None:
        """The JSON value under a key; None where there is none that is whole."""
        if self._home is None:
            return None
        try:
            raw = (self._home / key[:2] / key).read_bytes()
            checksum, _, value = raw.partition(b"\n")
            return json.loads(value) if checksum.decode("ascii", "replace") == _checksum(value) else None
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value that is not None."""
        if self._home is None:
            return
        raw = json.dumps(value, separators=(",", ":")).encode("ascii")
        try:
            self._prepare(self._home)
            folder = self._home / key[:2]
            folder.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
            with os.fdopen(handle, "wb") as stream:
                stream.write(_checksum(raw).encode() + b"\n" + raw)
            Path(name).replace(folder / key)
        except OSError:
            self._home = None  # read-only or full: go on without

    def _prepare(self, home: Path) -> None:
        """Make the folder, keep it out of git and backups, and remove what is old, once a day."""
        if self._ready:
            return
        self._ready = True
        home.mkdir(parents=True, exist_ok=True)
        for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _README)):
            file = home.parent / name
            if not file.exists():
                file.write_text(text, encoding="utf-8")
        stamp, now = home / ".swept", time.time()
        if not stamp.exists() or now - stamp.stat().st_mtime > _SWEEP:
            stamp.touch()
            for file in home.glob("*/*"):
                with suppress(OSError):
                    if now - file.stat().st_mtime > _KEEP:
                        file.unlink()


def _checksum(raw: bytes) -> str:
    return blake2b(raw, digest_size=12).hexdigest()
