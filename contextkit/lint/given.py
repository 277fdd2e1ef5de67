"""What a command is given to read: a file, standard input, or what only looks like a file.

Law: nothing is opened that may never end or never answer. A named pipe without a writer blocks whoever opens it, a
device may have no end; what the shell itself hands over (`-`, /dev/stdin, /dev/fd/63 of `<(command)`) has both.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from contextkit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STDIN", "handed_over", "irregular", "read_limited", "standard_input", "walked"]

STDIN: Final = "-"
_LIMIT: Final = 512_000_000
"""Bytes of standard input that are held in memory; more is a job for a file, which is read line by line."""
_HANDED: Final = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
_KINDS: Final = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def irregular(path: str | os.PathLike[str]) -> str:
    """What a path is instead of a file or folder, "a named pipe" say; "" where it may be opened.

    Raises:
        OSError: there is no such path.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116  (a path in any form)
    if handed_over(path):
        return ""
    return next((name for test, name in _KINDS if test(mode)), "")


def handed_over(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a pipe that the shell opened for this process."""
    name = os.fspath(path)
    return name.startswith(_HANDED) and stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116  (as above)


def standard_input() -> BinaryIO:
    """Standard input as bytes."""
    return sys.stdin.buffer


def read_limited(stream: BinaryIO, name: str) -> bytes:
    """All of a stream.

    Raises:
        FormatError: it is longer than is held in memory.
    """
    raw = stream.read(_LIMIT + 1)
    if len(raw) > _LIMIT:
        raise FormatError(f"the input is over {_LIMIT // 1_000_000} MB", where=name, fix="Write it to a file.")
    return raw


def walked(folder: Path, suffixes: frozenset[str], failed: dict[str, str], odd: dict[str, str]) -> Iterator[Path]:
    """The files below a folder whose names end so, in order; links to folders are not followed.

    Args:
        folder: where to begin.
        suffixes: with their dots.
        failed: takes up folders that cannot be read, by path, with the reason.
        odd: takes up what is named like such a file and is none, by path, with what it is.
    """

    def unread(error: OSError) -> None:
        failed[str(error.filename)] = error.strerror or type(error).__name__

    found: list[Path] = []
    for base, _, names in os.walk(folder, onerror=unread):
        found += [Path(base, name) for name in names if Path(name).suffix in suffixes]
    for path in sorted(found):
        with suppress(OSError):  # opening it says what is wrong
            if what := irregular(path):
                odd[str(path)] = f"it is {what}, no file"
                continue
        yield path
