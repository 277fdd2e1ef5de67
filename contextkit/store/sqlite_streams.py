"""Event streams in a SQLite file: one row an event, an append in one transaction. The law is that of `streams`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contextkit.store.base import StoreError
from contextkit.store.streams import conflict, sealed, unsealed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from contextkit.store.sqlite_file import SQLiteFile

__all__ = ["SQLiteStreams"]


class SQLiteStreams:
    """Streams in a file; several processes may share it.

    Args:
        file: the file.
    """

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file

    def append(self, key: str, events: Sequence[bytes], expected_version: int | None = None) -> int:
        """Add events at the end of a stream, all or none; its version then."""
        with self._file.writing() as db:
            row = _stream(db, key)
            version = row[1] if row else 0
            if expected_version not in {None, version}:
                raise conflict(key, expected_version or 0, version)
            if not events:
                return version
            number = row[0] if row else None
            if number is None:
                number = db.execute("INSERT INTO streams (key, version) VALUES (?, 0)", (key,)).lastrowid
            rows = [(number, at, sealed(key, at, data)) for at, data in enumerate(events, version + 1)]
            db.executemany("INSERT INTO events (stream, version, data) VALUES (?, ?, ?)", rows)
            version += len(rows)
            db.execute("UPDATE streams SET version = ? WHERE number = ?", (version, number))
        return version

    def read(self, key: str, after: int = 0) -> list[bytes]:
        """The events of a stream after a version, oldest first; [] when there are none."""
        after = max(after, 0)
        asked = (
            "SELECT streams.version, events.version, data FROM streams"
            " LEFT JOIN events ON stream = number AND events.version > ? WHERE key = ? ORDER BY events.version"
        )
        with self._file.using() as db:
            rows = db.execute(asked, (after, key)).fetchall()  # one statement: no other writer comes between
        found = [(at, data) for _, at, data in rows if at is not None]
        wanted = max(rows[0][0] - after, 0) if rows else 0
        if len(found) != wanted:
            raise StoreError(
                f"{key!r} has {len(found)} events after {after} where {wanted} were written",
                where=self._file.path,
                fix="The file is damaged: restore it from a copy.",
            )
        return [unsealed(key, at, data, self._file.path) for at, (_, data) in enumerate(found, after + 1)]

    def version(self, key: str) -> int:
        """How many events a stream has."""
        with self._file.using() as db:
            row = _stream(db, key)
        return row[1] if row else 0

    def keys(self, prefix: str = "") -> list[str]:
        """The streams whose key begins with a text, sorted by code point."""
        with self._file.using() as db:
            rows = db.execute("SELECT key FROM streams WHERE key >= ? ORDER BY key", (prefix,)).fetchall()
        return [key for (key,) in rows if key.startswith(prefix)]

    def delete(self, key: str) -> bool:
        """Forget a stream; whether it was there."""
        with self._file.writing() as db:
            row = _stream(db, key)
            if row is None:
                return False
            db.execute("DELETE FROM events WHERE stream = ?", (row[0],))
            db.execute("DELETE FROM streams WHERE number = ?", (row[0],))
        return True


def _stream(db: sqlite3.Connection, key: str) -> tuple[int, int] | None:
    row: tuple[int, int] | None = db.execute("SELECT number, version FROM streams WHERE key = ?", (key,)).fetchone()
    return row
