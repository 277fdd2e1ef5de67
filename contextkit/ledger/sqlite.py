"""A ledger as one table of a SQLite file, for those who ask questions in SQL. This module writes and reads files.

Law: as files.py; every row is a transaction of its own, by a rollback journal (see store/sqlite_file.py on why).
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

from contextkit.errors import FormatError, StoreError
from contextkit.ledger.files import from_dict, tool_from_dict
from contextkit.ledger.tooluse import ToolRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from contextkit.ledger.row import Row

__all__ = ["SQLiteSink", "read_table"]

_VERSION: Final = 1
_WAIT_SECONDS: Final = 10.0
_LONGEST: Final = 1_000_000  # bytes of a row that is read; one of ours has some 700
_NUMBERS: Final = ("input", "read", "write_5m", "write_1h", "output", "prompt", "estimate")
_TEXTS: Final = ("time", "step", "purpose", "model", "conversation", "stop_reason", "message_id", "note")
_REALS: Final = ("at", "cost", "uncached")
_COLUMNS: Final = (
    *(f"{name} TEXT NOT NULL" for name in _TEXTS),
    *(f"{name} INTEGER NOT NULL" for name in _NUMBERS),
    *(f"{name} REAL" for name in _REALS),
    "price TEXT",
)
_NAMES: Final = (*_TEXTS, *_NUMBERS, *_REALS, "price")
_SCHEMA: Final = f"CREATE TABLE calls (number INTEGER PRIMARY KEY, {', '.join(_COLUMNS)});"
_TOOLS: Final = (
    "CREATE TABLE IF NOT EXISTS tools (number INTEGER PRIMARY KEY, at REAL, tool TEXT NOT NULL, kind TEXT NOT NULL,"
    " step TEXT NOT NULL, conversation TEXT NOT NULL, seconds REAL, saved_seconds REAL, saved_tokens INTEGER NOT NULL,"
    " note TEXT NOT NULL)"
)
_INSERT: Final = f"INSERT INTO calls ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608  (constants)

_INSERT_TOOL: Final = (
    f"INSERT INTO tools ({', '.join(ToolRow._fields)}) VALUES ({', '.join('?' * len(ToolRow._fields))})"  # noqa: S608  (as above)
)


class SQLiteSink:
    """Appends rows to the table `calls`: the fields of `Row.record()`, and `price` as JSON; of cached tools to `tools`.

    Args:
        path: the file, made with mode 0600 where it is not there; its folder must exist.
        durable: every row is on the disk when the call returns.

    Raises:
        StoreError: the file cannot be opened or written, or is something else.
    """

    def __init__(self, path: str | Path, *, durable: bool = True) -> None:
        self.path = str(path)
        self._lock = Lock()
        self._db: sqlite3.Connection | None = None
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            _prepare(self._db, durable=durable)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise _failed(self.path, error) from error

    def __call__(self, row: Row) -> None:
        """Append a row."""
        told: dict[str, Any] = row.record() | {"price": json.dumps(row.as_dict()["price"])}
        self._execute(_INSERT, [told[name] for name in _NAMES])

    def tool(self, row: ToolRow) -> None:
        """Append a row of a cached tool; the table is made with the first."""
        self._execute(_TOOLS)
        self._execute(_INSERT_TOOL, row)

    def _execute(self, sql: str, given: Sequence[Any] = ()) -> None:
        with self._lock:
            if self._db is None:
                raise StoreError("the ledger file is closed", where=self.path)
            try:
                self._db.execute(sql, given)
            except (sqlite3.Error, OverflowError, UnicodeError) as error:
                raise _failed(self.path, error) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self.__dict__.get("_db") is not None:
            self.close()

    def __repr__(self) -> str:
        return f"SQLiteSink({self.path!r})"


def _failed(path: str, error: Exception) -> StoreError:
    return StoreError(
        f"the ledger file cannot be used: {error}",
        where=path,
        fix="Is it a ledger of ours, writable, on a disk with room, and held by nobody else?",
    )


def _prepare(db: sqlite3.Connection, *, durable: bool) -> None:
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    db.execute("BEGIN IMMEDIATE")  # two processes may open a new file at the same time
    try:
        if not _version(db):
            db.execute(_SCHEMA)
            db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection) -> list[str]:
    """The tables of a ledger; none of an empty file."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if version > _VERSION or ("calls" in tables) != (version == _VERSION) or (version == 0 and tables):
        raise sqlite3.DatabaseError(f"a database of another kind (version {version}, tables {tables})")
    return tables


def read_table(path: str) -> tuple[list[Row], list[ToolRow]]:
    """The calls of a SQLite ledger and those of cached tools, oldest first.

    Raises:
        FormatError: it is no ledger, or it is damaged.
    """
    db = None
    try:
        db = sqlite3.connect(path, timeout=_WAIT_SECONDS)
        db.row_factory = sqlite3.Row
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        tables = _version(db)
        rows = [from_dict(_as_dict(dict(row))) for row in db.execute("SELECT * FROM calls ORDER BY number")]
        if "tools" not in tables:
            return rows, []
        found = db.execute("SELECT * FROM tools ORDER BY number")
        return rows, [tool_from_dict(dict(row)) for row in found]
    except (sqlite3.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"the file is no ledger: {error}", where=path, fix="Give a file of SQLiteSink.") from error
    finally:
        if db is not None:
            db.close()


def _as_dict(flat: dict[str, Any]) -> dict[str, Any]:
    return flat | {"usage": flat, "price": json.loads(flat["price"])}
