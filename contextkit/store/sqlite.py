"""A store in one SQLite file. The law: what `put` said was written is there after a crash, and nobody else reads it.

The file is made with mode 0600 (SQLite gives its side files the same). With `durable=True` every write is on the
disk before `put` returns, by a rollback journal: versions 3.7.0 to 3.51.2 can corrupt a write-ahead log that several
connections checkpoint at once. `durable=False` is for what may be lost (caches): a write-ahead log, five to ten times
as fast.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, Final, Self

from contextkit.store.base import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SQLiteStore"]

_WAIT_SECONDS: Final = 10.0
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    used INTEGER NOT NULL,
    size INTEGER NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (space, key)
);
CREATE INDEX IF NOT EXISTS by_use ON entries (used, size);
CREATE TABLE IF NOT EXISTS spaces (space TEXT PRIMARY KEY, bytes INTEGER NOT NULL);
"""


class SQLiteStore:
    """Values in a file that outlives the process; several processes may share it.

    Args:
        path: the file; its folder must exist. ":memory:" is a store of this object alone.
        durable: a power cut loses nothing that was put.
        limit: bytes of values held at most, the least recently used given up first; None for no bound.

    Raises:
        StoreError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str | Path, *, durable: bool = True, limit: int | None = None) -> None:
        self.path = str(path)
        self.durable = durable
        self.limit = limit
        self.dropped = 0
        self._lock = RLock()
        self._owner = os.getpid()
        self._connection: sqlite3.Connection | None = None
        with self._writing():
            pass  # a file that is no store is refused here, not at the first output

    def get(self, space: str, key: str) -> bytes | None:
        """What is kept under a key; None when nothing is."""
        with self._using() as db:
            row = db.execute("SELECT number, value FROM entries WHERE space = ? AND key = ?", (space, key)).fetchone()
        if row is None:
            return None
        if self.limit is not None:  # only a bounded store has to know what was used last
            with self._writing() as db:
                db.execute(f"UPDATE entries SET used = {_NEXT} WHERE number = ?", (row[0],))  # noqa: S608  (a constant)
        return bytes(row[1])

    def put(self, space: str, key: str, value: bytes, *, replace: bool = True) -> bool:
        """Keep bytes under a key; whether they were written."""
        with self._writing() as db:
            row = db.execute("SELECT size FROM entries WHERE space = ? AND key = ?", (space, key)).fetchone()
            if row is not None and not replace:
                return False
            db.execute(
                f"INSERT INTO entries (space, key, used, size, value) VALUES (?, ?, {_NEXT}, ?, ?)"  # noqa: S608
                " ON CONFLICT (space, key) DO UPDATE SET"
                " used = excluded.used, size = excluded.size, value = excluded.value",
                (space, key, len(value), value),
            )
            _grow(db, space, len(value) - (row[0] if row else 0))
            self._make_room(db)
        return True

    def delete(self, space: str, key: str) -> bool:
        """Forget a key; whether it was there."""
        with self._writing() as db:
            return _forget(db, "space = ? AND key = ?", (space, key))

    def keys(self, space: str) -> Iterator[str]:
        """The keys of a space as they are now, in the order in which they were first put."""
        with self._using() as db:
            rows = db.execute("SELECT key FROM entries WHERE space = ? ORDER BY number", (space,)).fetchall()
        return (row[0] for row in rows)

    def size(self, space: str | None = None) -> int:
        """Bytes of the values in a space, or (None) in all of them."""
        with self._using() as db:
            return _size(db, space)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        connection = self.__dict__.get("_connection")
        if connection is not None and self._owner == os.getpid():
            connection.close()

    def __repr__(self) -> str:
        return f"SQLiteStore({self.path!r})"

    def _make_room(self, db: sqlite3.Connection) -> None:
        if self.limit is None:
            return
        while _size(db, None) > self.limit:
            rows = db.execute("SELECT number FROM entries ORDER BY used LIMIT 2").fetchall()
            if len(rows) < 2:  # noqa: PLR2004  (the newest value always stays)
                return
            _forget(db, "number = ?", rows[0])
            self.dropped += 1

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The connection, held by this thread; what SQLite raises becomes a StoreError."""
        with self._lock:
            try:
                yield self._opened()
            except (sqlite3.Error, sqlite3.Warning, OSError, UnicodeError) as error:
                raise StoreError(
                    f"the store cannot be used: {error}",
                    where=self.path,
                    fix="Is it a file of ours, writable, on a disk with room, and held by nobody else?",
                ) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: written whole, or not at all."""
        with self._using() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled back already
                    db.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        self._owner = os.getpid()  # after a fork the parent's connection must not be used, nor closed, here
        if self.path != ":memory:":
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, durable=self.durable)
        except BaseException:
            db.close()
            raise
        self._connection = db
        return db


_NEXT: Final = "(SELECT COALESCE(MAX(used), 0) + 1 FROM entries)"


def _prepare(db: sqlite3.Connection, *, durable: bool) -> None:
    """Settings of a connection, and the tables of a new file."""
    db.execute(f"PRAGMA journal_mode = {'DELETE' if durable else 'WAL'}")
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    both = "SELECT user_version, (SELECT COUNT(*) FROM sqlite_master) FROM pragma_user_version"
    version, tables = db.execute(both).fetchone()  # in one look: another process may be making the tables
    if version > _VERSION or (version == 0 and tables):
        raise sqlite3.DatabaseError(f"a database of another kind (version {version}, {tables} tables)")
    if version == 0:
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _size(db: sqlite3.Connection, space: str | None) -> int:
    if space is None:
        (found,) = db.execute("SELECT COALESCE(SUM(bytes), 0) FROM spaces").fetchone()
    else:
        (found,) = db.execute("SELECT COALESCE(SUM(bytes), 0) FROM spaces WHERE space = ?", (space,)).fetchone()
    return int(found)


def _grow(db: sqlite3.Connection, space: str, change: int) -> None:
    db.execute(
        "INSERT INTO spaces (space, bytes) VALUES (?, ?)"
        " ON CONFLICT (space) DO UPDATE SET bytes = bytes + excluded.bytes",
        (space, change),
    )


def _forget(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> bool:
    row = db.execute(f"SELECT number, space, size FROM entries WHERE {where}", values).fetchone()  # noqa: S608
    if row is None:
        return False
    db.execute("DELETE FROM entries WHERE number = ?", (row[0],))
    _grow(db, row[1], -row[2])
    return True
