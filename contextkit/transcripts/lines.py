"""From an untrusted file to JSON values, line by line, in bounded memory.

Law: a broken line is counted and skipped, never guessed at and never a crash; a file with nothing usable in it is
an error that names the file and the first bad line. Lone surrogates (half of an emoji, cut by a tool) become "?".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.messages import blocks_of
from contextkit.errors import ContentError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contextkit.api.messages import Block

__all__ = ["MAX_BYTES", "MAX_LINE", "Lines", "decode", "document", "mapping", "safe_blocks", "seconds", "string"]

MAX_LINE: Final = 64_000_000
"""Bytes of one line; a request body is at most 32 MB (errors page), a log line may hold the answer too."""

MAX_BYTES: Final = 1_000_000_000
"""Bytes of a file that is one JSON document and is read whole."""


_MILLISECONDS: Final = 1e11  # as seconds this is the year 5138, so a larger number counts milliseconds
_FAR: Final = 1e15


@dataclass(slots=True)
class Lines:
    """The JSON objects of a JSONL file with their line numbers; iterating counts what is skipped.

    Args:
        path: the file.
    """

    path: Path
    skipped: Counter[str] = field(default_factory=Counter, init=False)
    first_bad: str = field(default="", init=False)

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        with _opened(self.path) as stream:
            number = 0
            while line := stream.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    self._skip(number, f"line over {MAX_LINE} bytes")
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(MAX_LINE)
                    continue
                if not line.strip():
                    continue
                try:
                    value = decode(line)
                except ValueError as error:
                    self._skip(number, str(error))
                    continue
                if isinstance(value, Mapping):
                    yield number, value
                else:
                    self._skip(number, f"a {type(value).__name__}, not an object")

    def _skip(self, number: int, why: str) -> None:
        self.skipped["broken line"] += 1
        self.first_bad = self.first_bad or f"line {number}: {why}"


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise FormatError(
            f"the file cannot be read: {error.strerror}", where=str(path), fix="Check the path."
        ) from None


def decode(line: bytes) -> Any:
    """One JSON value; raises ValueError with a short reason for anything that is not one."""
    try:
        text = line.decode("utf-8-sig", "replace")
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON ({str(error)[:80]})") from None
    return value


def document(path: Path) -> Any:
    """A file that is one JSON value."""
    with _opened(path) as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise FormatError(f"the file is over {MAX_BYTES} bytes", where=str(path), fix="Split it into JSON lines.")
    try:
        return decode(raw)
    except ValueError as error:
        raise FormatError(f"the file is {error}", where=str(path), fix="Give a recorded session.") from None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def string(value: Any) -> str:
    """The value where it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def seconds(value: Any) -> float | None:
    """Unix seconds of an ISO time, of seconds or of milliseconds; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        known = float(value) if abs(value) < _FAR else None  # the comparison is false for NaN
        return known / 1000 if known is not None and known > _MILLISECONDS else known
    try:
        moment = datetime.fromisoformat(string(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def safe_blocks(content: Any) -> list[Block]:
    """Message content as plain blocks without marks; blocks that cannot be content are left out."""
    if isinstance(content, str):
        return blocks_of(content)
    kept: list[Block] = []
    for item in content if isinstance(content, list) else ():
        try:
            kept += blocks_of([item])
        except ContentError:
            continue
    return kept
