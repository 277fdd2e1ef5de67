"""From a file's lines to requests, whatever form the log has; recorded sessions are handed to their readers.

Law: a broken line is reported with its number and never fatal; lines are read one at a time, and no line longer than
a request can be is decoded. Only a file whose first line is no JSON is held in memory, to see whether it is one
document over several lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Self, cast

from contextkit.errors import FormatError
from contextkit.lint.requests.record import Record, declared, record
from contextkit.transcripts import claude_code, pi
from contextkit.transcripts.lines import MAX_LINE, decode, mapping

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import ModuleType

    from contextkit.transcripts.common import Session

__all__ = ["Unreadable", "read"]

_LOOK: Final = 50
"""Objects that are looked at for the form of a file."""
_DOCUMENT: Final = 256_000_000
"""Bytes of a file that may be one document."""
_LISTS: Final = ("requests", "entries", "log", "data", "records", "items")
_SHOWN: Final = 80
_SESSIONS: Final = (claude_code, pi)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that could not be used.

    Attributes:
        line: from 1.
        why: the reason.
    """

    line: int
    why: str


Entry = tuple[int, Mapping[str, Any] | Unreadable]


def read(path: str, lines: Iterable[bytes], *, model: str = "") -> Iterator[Record | Unreadable | Session]:
    """Everything in a file.

    Args:
        path: its name, for sessions.
        lines: its lines, with or without their ends.
        model: for bodies that name none.
    """
    numbered = enumerate(lines, 1)
    first = list[tuple[int, bytes]]()
    for number, line in numbered:
        first.append((number, line))
        if len(first) >= _LOOK or _telling(line):
            break
    reader = next((one for one in _SESSIONS for _, line in first if one.looks_like(_object(line))), None)
    rest = chain(first, numbered)
    if reader is not None:
        yield from _session(reader, _Reel(path, (line for _, line in rest)))
        return
    yield from _records(_entries(first, rest), model)


def _session(reader: ModuleType, reel: _Reel) -> Iterator[Unreadable | Session]:
    """The sessions of a file, after the lines of it that were skipped as broken."""
    found: list[Session] = reader.read(cast("Path", reel))
    for number in reel.broken:
        yield Unreadable(number, "not a JSON object")
    others = sum(session.skipped.get("broken line", 0) for session in found) - len(reel.broken)
    if others > 0:
        yield Unreadable(1, f"{others} {'further ' * bool(reel.broken)}broken lines")
    yield from found


def _telling(line: bytes) -> bool:
    """Whether a line says what form the file has: a request does, and so does a session's first line."""
    found = _object(line)
    return "messages" in found or any(one.looks_like(found) for one in _SESSIONS)


def _object(line: bytes) -> Mapping[str, Any]:
    if len(line) > MAX_LINE:
        return {}
    try:
        return mapping(decode(line))
    except ValueError:
        return {}


def _records(entries: Iterable[Entry], model: str) -> Iterator[Record | Unreadable]:
    number, planned, unused, at = 0, "", 0, 0
    for at_line, entry in entries:
        if isinstance(entry, Unreadable):
            yield entry
            continue
        try:
            found = record(entry, number, at_line, model=model, planned=planned)
        except (RecursionError, TypeError, ValueError, AttributeError, KeyError, StopIteration) as error:
            yield Unreadable(at_line, f"a request that cannot be read ({type(error).__name__}: {str(error)[:_SHOWN]})")
            number += 1
            continue
        if found is None:
            planned = planned or declared(entry)
            unused, at = unused + 1, at or at_line
            continue
        planned = ""
        number += 1
        yield found
    if number == 0 and unused:
        yield Unreadable(at, f"no request in any of {unused} objects")


def _entries(first: list[tuple[int, bytes]], lines: Iterator[tuple[int, bytes]]) -> Iterator[Entry]:
    """The objects of a file of JSON lines, or of one document that is an object or a list."""
    begin = next((line for _, line in first if line.strip()), b"")
    if _is_json(begin):
        yield from _each(lines)
        return
    held, size = list[tuple[int, bytes]](), 0
    for number, line in lines:
        held.append((number, line))
        size += len(line)
        if size > _DOCUMENT:
            break
    try:
        whole = decode(b"\n".join(line for _, line in held)) if size <= _DOCUMENT else None
    except ValueError:
        whole = None
    if whole is None:
        yield from _each(chain(held, lines))
    else:
        yield from _listed(whole, 1)


def _is_json(line: bytes) -> bool:
    try:
        decode(line)
    except ValueError:
        return False
    return True


def _each(lines: Iterable[tuple[int, bytes]]) -> Iterator[Entry]:
    for number, line in lines:
        if len(line) > MAX_LINE:
            yield number, Unreadable(number, f"a line over {MAX_LINE:,} bytes")
            continue
        if not line.strip():
            continue
        try:
            value = decode(line)
        except ValueError as error:
            yield number, Unreadable(number, str(error))
            continue
        yield from _listed(value, number)


def _listed(value: Any, number: int) -> Iterator[Entry]:
    """The objects in a JSON value: itself, the items of a list, or of the list that a document holds."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                yield number, item
            else:
                yield number, Unreadable(number, f"a {type(item).__name__}, not an object")
    elif not isinstance(value, Mapping):
        yield number, Unreadable(number, f"a {type(value).__name__}, not an object")
    else:
        inner = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
        if inner is not None and "messages" not in value:
            yield from _listed(inner, number)
        else:
            yield number, value


class _Reel:
    """Lines that are being read, in the place of the path that the session readers open."""

    def __init__(self, name: str, lines: Iterator[bytes]) -> None:
        self._name = name
        self._lines = lines
        self._rest = b""
        self._number = 0
        self.broken: list[int] = []

    def __str__(self) -> str:
        return self._name

    def open(self, mode: str) -> _Reel:
        """Once, for reading bytes."""
        if mode != "rb":
            raise FormatError(f"a recording cannot be opened as {mode!r}", where=self._name, fix="Read it as bytes.")
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest = b""

    def readline(self, limit: int) -> bytes:
        """The next line, or so many bytes of it; empty at the end."""
        if not self._rest:
            line = next(self._lines, None)
            if line is None:
                return b""
            self._number += 1
            text = line.strip()
            if text and not (text.startswith(b"{") and text.endswith(b"}")):
                self.broken.append(self._number)
            self._rest = line if line.endswith(b"\n") else line + b"\n"
        piece, self._rest = self._rest[:limit], self._rest[limit:]
        return piece
