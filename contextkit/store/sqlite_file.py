"""One SQLite file, its settings and its schema.

The law: what was acknowledged is there after a crash, and nobody else reads it.

The file is made with mode 0600 (SQLite gives its side files the same), a folder that has to be made for it with 0700.
With `durable=True` every write is on the disk before it is acknowledged, by a rollback journal: versions 3.7.0 to
3.51.2 can corrupt a write-ahead log that several connections checkpoint at once. `durable=False` is for what may be
lost (caches): a write-ahead log, five to ten times as fast. A file that may only be read is opened for reading.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from contextkit.store.base import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SQLiteFile"]

WAIT_SECONDS: Final = 10.0
_MEMORY: Final = ":memory:"

_ERRORS: Final = (sqlite3.Error, sqlite3.Warning, OSError, UnicodeError, OverflowError)
_SCHEMAS: Final = (
    """
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
""",
    """
CREATE TABLE streams (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, version INTEGER NOT NULL);
CREATE TABLE events (
    stream INTEGER NOT NULL REFERENCES streams (number),
    version INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (stream, version)
);
CREATE TABLE answers (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    ends REAL NOT NULL,
    size INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE INDEX by_end ON answers (ends, size);
CREATE TABLE leases (key TEXT PRIMARY KEY, token TEXT NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals VALUES ('answers', 0);
""",
)
"""What each version of the schema adds to the one before; a file is brought forward step by step."""


class SQLiteFile:
    """A connection to a file, one thread at a time; opened at first use, and again after a fork.

    Args:
        path: the file; its folder is made when the folder above is there. ":memory:" is for this object alone.
        durable: a power cut loses nothing that was acknowledged.
        wait: seconds to wait for another process that holds the file.

    Raises:
        StoreError: from every method: the file cannot be opened or written, or is something else.
    """

    def __init__(self, path: str | Path, *, durable: bool = True, wait: float = WAIT_SECONDS) -> None:
        self.path = str(path)
        self.durable = durable
        self.wait = wait
        self._lock = RLock()
        self._owner = os.getpid()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """The connection, held by this thread; what SQLite raises becomes a StoreError."""
        with self._lock:
            try:
                yield self._opened()
            except _ERRORS as error:
                raise self.failure(error) from error

    def row(self, asked: str, values: tuple[object, ...]) -> Any:
        """The first row of a question: `using` for the most frequent work, with the least around it."""
        with self._lock:
            try:
                return self._opened().execute(asked, values).fetchone()
            except _ERRORS as error:
                raise self.failure(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: written whole, or not at all."""
        with self.using() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled back already
                    db.execute("ROLLBACK")
                raise

    def failure(self, error: Exception) -> StoreError:
        """What SQLite or the system said, with what can be done about it."""
        said = str(error).lower()
        fix = next((fix for word, fix in _FIXES if word in said), _FIX)
        return StoreError(f"the store cannot be used: {error}", where=self.path, fix=fix)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:  # modules may be gone by then
        connection = self.__dict__.get("_connection")
        if connection is not None and self._owner == getpid():
            connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        self._owner = os.getpid()  # after a fork the parent's connection must not be used, nor closed, here
        writable = self.path == _MEMORY or _touched(Path(self.path))
        name = self.path if writable else f"{Path(self.path).absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(name, timeout=self.wait, isolation_level=None, check_same_thread=False, uri=not writable)
        try:
            _prepare(db, durable=self.durable, writable=writable, wait=self.wait)
        except BaseException:
            db.close()
            raise
        self._connection = db
        return db


_PAUSE: Final = 0.005  # seconds between two tries at a setting that another process is changing
_FIX: Final = "Is it a file of ours, writable, on a disk with room, and held by nobody else?"
_FIXES: Final = (
    ("full", "Make room on the disk; what was acknowledged before is kept."),
    ("readonly", "Make the file and its folder writable for this user, or write to another one."),
    ("read-only", "Make the file and its folder writable for this user, or write to another one."),
    ("locked", "Another process holds it: end that, or wait. A cache and conversations want a file each."),
    ("malformed", "The file is damaged: restore it from a copy; `sqlite3 FILE .recover` reads what is left of it."),
    ("newer", "Use a contextkit at least as new as the one that wrote it."),
)


def _touched(path: Path) -> bool:
    """Make the file, private, where there is none; whether it may be written."""
    if not path.parent.exists() and path.parent.parent.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        if path.is_file() and os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            return False
        raise
    return True


def _prepare(db: sqlite3.Connection, *, durable: bool, writable: bool, wait: float) -> None:
    """Settings of a connection, and the tables of a new or an older file."""
    if writable:
        _journal(db, "delete" if durable else "wal", wait)
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    version, tables = _state(db)
    if version > len(_SCHEMAS) and _ours(db):
        raise sqlite3.DatabaseError(f"a newer contextkit wrote it (schema {version}, this one knows {len(_SCHEMAS)})")
    if version > len(_SCHEMAS) or (version == 0 and tables) or (version and not _ours(db)):
        raise sqlite3.DatabaseError(f"a database of another kind (version {version}, {tables} tables)")
    if version == len(_SCHEMAS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version, _ = _state(db)  # again: another process may have made the tables meanwhile
        for schema in _SCHEMAS[version:]:
            for statement in schema.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(_SCHEMAS)}")
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _journal(db: sqlite3.Connection, mode: str, wait: float) -> None:
    """Set how the file is journaled; SQLite does not wait by itself where two processes want to change that at once."""
    until = monotonic() + wait
    while True:
        try:
            if db.execute("PRAGMA journal_mode").fetchone()[0] != mode:
                db.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() >= until:
                raise
            sleep(_PAUSE)
        else:
            return


def _state(db: sqlite3.Connection) -> tuple[int, int]:
    """The version of the schema and the number of tables, in one look."""
    both = "SELECT user_version, (SELECT COUNT(*) FROM sqlite_master) FROM pragma_user_version"
    version, tables = db.execute(both).fetchone()
    return int(version), int(tables)


def _ours(db: sqlite3.Connection) -> bool:
    """The tables of the first version are there."""
    asked = "SELECT COUNT(*) = 2 FROM sqlite_master WHERE name IN ('entries', 'spaces')"
    return bool(db.execute(asked).fetchone()[0])
