"""Ledger files: rows as JSON lines, and reading any ledger file back. This module writes and reads files.

Law: a row is on the disk, whole, when its sink returns; only the user can read the file. A file may be hostile or
torn: what is no row is left out, counted and logged, and memory stays bounded by one line.
"""

from __future__ import annotations

import json
import logging
import os
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self, cast, get_args

from contextkit.api.request import Purpose
from contextkit.api.usage import Price, Usage
from contextkit.errors import FormatError, StoreError
from contextkit.ledger.row import Row
from contextkit.ledger.tooluse import ToolRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.ledger.sqlite import SQLiteSink

__all__ = ["JSONLSink", "from_dict", "opened", "read", "read_all", "tool_from_dict"]

_LONGEST: Final = 1_000_000  # bytes of a line; a row has some 500
_TABLES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
_MAGIC: Final = b"SQLite format 3\0"
_CLASSES: Final = ("input", "read", "write_5m", "write_1h", "output")
_TEXTS: Final = ("stop_reason", "message_id", "note", "conversation")
_log = logging.getLogger("contextkit")


class JSONLSink:
    """Appends rows to a file, one JSON object a line; several threads and processes may append to one file.

    Args:
        path: the file, made with mode 0600 where it is not there; its folder must exist.
        durable: every row is on the disk when the call returns (an fsync, milliseconds); False leaves it to the system.

    Raises:
        StoreError: the file cannot be opened or written.
    """

    def __init__(self, path: str | Path, *, durable: bool = True) -> None:
        self.path = str(path)
        self.durable = durable
        self._lock = Lock()
        self._torn = False
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            end = os.lseek(self._file, 0, os.SEEK_END)
            # After a crash in the middle of a line, what follows it stands on its own.
            self._torn = end > 0 and os.pread(self._file, 1, end - 1) != b"\n"
        except OSError as error:
            raise _failed(self.path, error) from error

    def __call__(self, row: Row) -> None:
        """Append a row."""
        self._append(row.as_dict())

    def tool(self, row: ToolRow) -> None:
        """Append a row of a cached tool; its line has a `tool` where that of a call has a `model`."""
        self._append(row._asdict())

    def _append(self, told: dict[str, Any]) -> None:
        data = (json.dumps(told, separators=(",", ":")) + "\n").encode()
        try:
            with self._lock:
                self._write(data)
        except OSError as error:
            raise _failed(self.path, error) from error

    def _write(self, data: bytes) -> None:
        if self._torn:
            data = b"\n" + data
        written = os.write(self._file, data)
        self._torn = written != len(data)
        if self._torn:  # the disk is full
            raise OSError("only a part of the row could be written")
        if self.durable:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self.__dict__.get("_file", -1) >= 0:
            os.close(self._file)

    def __repr__(self) -> str:
        return f"JSONLSink({self.path!r})"


def _failed(path: str, error: OSError) -> StoreError:
    return StoreError(
        f"the ledger file cannot be written: {error}", where=path, fix="Is the folder there, writable and not full?"
    )


def opened(path: str | Path, *, durable: bool = True) -> JSONLSink | SQLiteSink:
    """The sink that a file's name asks for.

    Raises:
        StoreError: the file cannot be opened.
    """
    if Path(path).suffix.lower() in _TABLES:
        from contextkit.ledger.sqlite import SQLiteSink  # noqa: PLC0415  (sqlite3 only for those who use it)

        return SQLiteSink(path, durable=durable)
    return JSONLSink(path, durable=durable)


def read(path: str | Path) -> list[Row]:
    """The calls of a ledger file, in the order in which they were written; as `read_all`."""
    return read_all(path)[0]


def read_all(path: str | Path) -> tuple[list[Row], list[ToolRow]]:
    """The calls of a ledger file and those of cached tools, in the order in which they were written.

    Raises:
        FormatError: there is no such file, or nothing in it is a row.
    """
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            table = file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise FormatError(f"the ledger cannot be read: {error}", where=name, fix="Give the file of a sink.") from error
    if table:
        from contextkit.ledger.sqlite import read_table  # noqa: PLC0415  (sqlite3 only for those who use it)

        return read_table(name)
    return _read_lines(name)


def _read_lines(path: str) -> tuple[list[Row], list[ToolRow]]:
    rows, tools, wrong = list[Row](), list[ToolRow](), list[int]()
    for number, line in _lines(path):
        try:
            told = json.loads(line)
            if isinstance(told, dict) and "tool" in told:
                tools.append(tool_from_dict(told))
            else:
                rows.append(from_dict(told))
        except (ValueError, TypeError, KeyError, RecursionError):
            wrong.append(number)
    if wrong and not rows and not tools:
        raise FormatError(
            "no line of the file is a row of a ledger",
            where=f"{path}, line {wrong[0]}",
            fix="Give a file written by ledger.keep(path).",
        )
    if wrong:
        shown = ", ".join(map(str, wrong[:5])) + (", ..." if len(wrong) > 5 else "")  # noqa: PLR2004  (enough to look)
        _log.warning("%s: %d lines are no rows of a ledger (lines %s)", path, len(wrong), shown)
    return rows, tools


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Lines that say something, with their number; one that is too long comes cut, and so is no row."""
    with Path(path).open("rb") as file:
        number, whole = 1, True
        while line := file.readline(_LONGEST):
            if whole and line.strip():
                yield number, line
            whole = line.endswith(b"\n")
            number += whole


def from_dict(told: Any) -> Row:
    """A row as `Row.as_dict` wrote it; fields that are not known are left out.

    Raises:
        ValueError, TypeError, KeyError: it is no row.
    """
    if not isinstance(told, dict):
        raise TypeError("not an object")
    usage, price, purpose = told["usage"], told.get("price"), told["purpose"]
    if not isinstance(usage, dict) or not isinstance(price, dict | None):
        raise TypeError("usage and price are objects")
    if purpose not in get_args(Purpose):
        raise ValueError("the purpose is unknown")
    return Row(
        _number(told["at"]),
        _text(told.get("step", "")),
        cast("Purpose", purpose),
        _text(told["model"]),
        Usage(*(_count(usage.get(name, 0)) for name in _CLASSES)),
        None if price is None else _price(price),
        _count(told.get("estimate", 0)),
        *(_text(told.get(name, "")) for name in _TEXTS),
    )


def tool_from_dict(told: Any) -> ToolRow:
    """A row of a cached tool as `ToolRow._asdict` wrote it; fields that are not known are left out.

    Raises:
        ValueError, TypeError, KeyError: it is no such row.
    """
    if not isinstance(told, dict):
        raise TypeError("not an object")
    return ToolRow(
        _number(told["at"]),
        _text(told["tool"]),
        _text(told["kind"]),
        _text(told.get("step", "")),
        _text(told.get("conversation", "")),
        _number(told.get("seconds", 0.0)),
        _number(told.get("saved_seconds", 0.0)),
        _count(told.get("saved_tokens", 0)),
        _text(told.get("note", "")),
    )


def _price(told: Any) -> Price:
    rates = {name: _number(told[name]) for name in _CLASSES}
    return Price(model=_text(told["model"]), note=_text(told.get("note", "")), **rates)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError("not a number")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise TypeError("not a count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
