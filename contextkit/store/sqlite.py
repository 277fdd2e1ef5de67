"""A store in one SQLite file. The law is that of `sqlite_file`: acknowledged is kept, and private.

Values, event streams and answers with a lifetime share the file and its connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from contextkit.store.sqlite_entries import SQLiteEntries
from contextkit.store.sqlite_file import WAIT_SECONDS, SQLiteFile
from contextkit.store.sqlite_streams import SQLiteStreams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SQLiteStore"]

_NEXT: Final = "(SELECT COALESCE(MAX(used), 0) + 1 FROM entries)"


class SQLiteStore:
    """Values in a file that outlives the process; several processes may share it.

    Args:
        path: the file; its folder is made when the folder above is there. ":memory:" is a store of this object alone.
        durable: a power cut loses nothing that was put.
        limit: bytes of values held at most, the least recently used given up first; None for no bound.
        wait: seconds to wait for another process that holds the file.

    Attributes:
        streams: event streams in the same file; no bound counts them.
        entries: answers with a lifetime in the same file, with the same bound for themselves.

    Raises:
        StoreError: the file cannot be opened, or is something else.
    """

    def __init__(
        self, path: str | Path, *, durable: bool = True, limit: int | None = None, wait: float = WAIT_SECONDS
    ) -> None:
        self.path = str(path)
        self.durable = durable
        self.limit = limit
        self.dropped = 0
        self._file = SQLiteFile(path, durable=durable, wait=wait)
        self.streams = SQLiteStreams(self._file)
        self.entries = SQLiteEntries(self._file, limit)
        with self._file.using():
            pass  # a file that is no store is refused here, not at the first output

    def get(self, space: str, key: str) -> bytes | None:
        """What is kept under a key; None when nothing is."""
        with self._file.using() as db:
            row = db.execute("SELECT number, value FROM entries WHERE space = ? AND key = ?", (space, key)).fetchone()
        if row is None:
            return None
        if self.limit is not None:  # only a bounded store has to know what was used last
            with self._file.writing() as db:
                db.execute(f"UPDATE entries SET used = {_NEXT} WHERE number = ?", (row[0],))  # noqa: S608  (a constant)
        return bytes(row[1])

    def put(self, space: str, key: str, value: bytes, *, replace: bool = True) -> bool:
        """Keep bytes under a key; whether they were written."""
        with self._file.writing() as db:
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
        with self._file.writing() as db:
            return _forget(db, "space = ? AND key = ?", (space, key))

    def keys(self, space: str) -> Iterator[str]:
        """The keys of a space as they are now, in the order in which they were first put."""
        with self._file.using() as db:
            rows = db.execute("SELECT key FROM entries WHERE space = ? ORDER BY number", (space,)).fetchall()
        return (row[0] for row in rows)

    def size(self, space: str | None = None) -> int:
        """Bytes of the values in a space, or (None) in all of them."""
        with self._file.using() as db:
            return _size(db, space)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
