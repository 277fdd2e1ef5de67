"""Answers with a lifetime, in a SQLite file that processes of one machine share. The law is that of `entries`.

Ends of time are Unix seconds of this machine's clock, which is an argument.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from contextkit.store.entries import PART, Claim

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from contextkit.store.entries import Match
    from contextkit.store.sqlite_file import SQLiteFile

__all__ = ["SQLiteEntries"]

_SWEPT: Final = 100  # answers past their time that one write clears away
_HELD: Final = "SELECT 1 FROM leases WHERE key = ? AND token = ? AND ends > ?"
_GET: Final = "SELECT value FROM answers WHERE key = ? AND ends > ?"


class SQLiteEntries:
    """Answers in a file.

    Args:
        file: the file.
        limit: bytes of answers held at most; None for no bound. The newest always stays.
        clock: Unix seconds.
    """

    quick: Final = False

    def __init__(self, file: SQLiteFile, limit: int | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.limit = limit
        self.dropped = 0
        self._file = file
        self._clock = clock

    def get(self, key: str) -> bytes | None:
        """The answer under a key; None when there is none, or its time is over."""
        row = self._file.row(_GET, (key, self._clock()))
        return None if row is None else row[0]

    def claim(self, key: str, token: str, lease: float) -> Claim:
        """Ask for the lease on a key, for so many seconds; the same token may ask again."""
        with self._file.writing() as db:
            now = self._clock()
            changed = db.execute(
                "INSERT INTO leases (key, token, ends) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE"
                " SET token = excluded.token, ends = excluded.ends WHERE ends <= ? OR token = excluded.token",
                (key, token, now + lease, now),
            ).rowcount
            row = db.execute(_GET, (key, now)).fetchone()
        return Claim(changed > 0, None if row is None else bytes(row[0]))

    def renew(self, key: str, token: str, lease: float) -> bool:
        """Hold the lease for so many seconds from now; False when it is no longer held."""
        with self._file.writing() as db:
            now = self._clock()
            asked = "UPDATE leases SET ends = ? WHERE key = ? AND token = ? AND ends > ?"
            return db.execute(asked, (now + lease, key, token, now)).rowcount > 0

    def settle(self, key: str, token: str, value: bytes, seconds: float) -> bool:
        """Keep an answer for so many seconds and give the lease back; False (nothing kept) when it is not held."""
        with self._file.writing() as db:
            now = self._clock()
            if db.execute(_HELD, (key, token, now)).fetchone() is None:
                return False
            db.execute("DELETE FROM leases WHERE key = ?", (key,))
            _forget(db, "key = ?", (key,))
            asked = "INSERT INTO answers (key, ends, size, value) VALUES (?, ?, ?, ?)"
            newest = db.execute(asked, (key, now + seconds, len(value), value)).lastrowid
            _grow(db, len(value))
            self._make_room(db, now, newest)
        return True

    def release(self, key: str, token: str) -> None:
        """Give the lease back without an answer."""
        with self._file.writing() as db:
            db.execute("DELETE FROM leases WHERE key = ? AND token = ?", (key, token))

    def amend(self, key: str, old: bytes, new: bytes) -> bool:
        """Put another value in the place of one that is still the same, for the rest of its time; whether it was."""
        with self._file.writing() as db:
            now = self._clock()
            row = db.execute(
                "UPDATE answers SET value = ?, size = ? WHERE key = ? AND ends > ? AND value = ? RETURNING number",
                (new, len(new), key, now, old),
            ).fetchone()
            if row is not None:
                _grow(db, len(new) - len(old))
                self._make_room(db, now, row[0])
        return row is not None

    def drop(self, match: Match) -> int:
        """Forget answers, and take away the leases on making them; how many answers there were."""
        where, values = _where(match)
        with self._file.writing() as db:
            db.execute(f"DELETE FROM leases WHERE {where}", values)  # noqa: S608  (one of three constants)
            asked = f"SELECT COUNT(*) FROM answers WHERE ({where}) AND ends > ?"  # noqa: S608  (same)
            (alive,) = db.execute(asked, (*values, self._clock())).fetchone()
            _forget(db, where, values)
        return int(alive)

    def size(self) -> int:
        """Bytes of the answers; those whose time is over may still count for a while."""
        with self._file.using() as db:
            return _size(db)

    def _make_room(self, db: sqlite3.Connection, now: float, newest: int | None) -> None:
        """Forget what is over its time, then what ends soonest, until the rest fits."""
        past = "number IN (SELECT number FROM answers WHERE ends <= ? ORDER BY ends LIMIT ?)"
        _forget(db, past, (now, _SWEPT))
        db.execute("DELETE FROM leases WHERE ends < ?", (now - _SWEPT,))
        soonest = "number = (SELECT number FROM answers WHERE number <> ? ORDER BY ends LIMIT 1)"
        while self.limit is not None and _size(db) > self.limit:
            gone = _forget(db, soonest, (newest,))
            if not gone:
                return
            self.dropped += gone


def _where(match: Match) -> tuple[str, tuple[str, ...]]:
    if match.key:
        return "key = ?", (match.key,)
    return (
        f"(? = '' OR substr(key, 1, {PART}) = ?) AND (? = '' OR substr(key, {PART + 1}, {PART}) = ?)",
        (match.space, match.space, match.group, match.group),
    )


def _forget(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> int:
    """Delete answers and count their bytes off; how many there were."""
    sizes = db.execute(f"DELETE FROM answers WHERE {where} RETURNING size", values).fetchall()  # noqa: S608  (ours)
    if sizes:
        _grow(db, -sum(size for (size,) in sizes))
    return len(sizes)


def _grow(db: sqlite3.Connection, change: int) -> None:
    db.execute("UPDATE totals SET bytes = bytes + ? WHERE name = 'answers'", (change,))


def _size(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT bytes FROM totals WHERE name = 'answers'").fetchone()[0])
