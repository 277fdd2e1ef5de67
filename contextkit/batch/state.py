"""The SQLite file of a batch: its items, the chunks they are split into, and what came of them.

Law: an intent is on the disk before its chunk is sent, and a result before it is counted; so a process that is killed
anywhere leaves a file that says what was certainly sent, what was certainly not, and what is in doubt. Nothing here
holds more than a page of items in memory.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from contextkit.api.usage import Usage
from contextkit.batch.kept import LOST, SCHEMA, SENT, WAITING, Chunk, Kept, Outcome, Tally
from contextkit.batch.values import ItemStates
from contextkit.errors import ConfigError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from contextkit.batch.items import Line
    from contextkit.store.sqlite_file import SQLiteFile

__all__ = ["State"]

_PAGE: Final = 500
_ITEM: Final = (
    "SELECT number, id, tail, tokens, most, state, tries, message, error, fault, input, read, write_5m, write_1h,"
    " output, cost FROM batch_items"
)


class State:
    """One batch in a file that may hold others.

    Args:
        file: the file.
        id: the batch's name there.
        name: digest of what its items share.

    Raises:
        ConfigError: it was begun with another prefix. StoreError: from every method.
    """

    def __init__(self, file: SQLiteFile, id: str, name: bytes) -> None:  # noqa: A002  (the field's word)
        self._file = file
        with file.writing() as db:
            for statement in SCHEMA:
                db.execute(statement)
            made = "INSERT OR IGNORE INTO batch_runs (id, tag, name) VALUES (?, ?, ?)"
            db.execute(made, (id, secrets.token_hex(6), name))
            asked = "SELECT run, tag, name, whole, warmed FROM batch_runs WHERE id = ?"
            self._run, self.tag, begun, whole, warmed = db.execute(asked, (id,)).fetchone()
        if begun != name:
            raise ConfigError(
                f"the batch {id!r} was begun with another prefix, model or max_tokens",
                where=file.path,
                fix="Go on with the same ones, or give another id=.",
            )
        self.id, self.whole, self.warmed = id, bool(whole), warmed
        self.path = file.path

    def wire(self, number: int) -> str:
        """An item's custom_id at the API: it tells whose it is, whatever its name here."""
        return f"{self.tag}-{number}"

    def number(self, custom_id: str) -> int | None:
        """The item of a custom_id; None where it is not of this batch."""
        tag, _, digits = custom_id.partition("-")
        return int(digits) if tag == self.tag and digits.isdecimal() and len(digits) < 16 else None  # noqa: PLR2004

    def _set(self, name: str, value: object) -> None:
        with self._file.writing() as db:
            db.execute(f"UPDATE batch_runs SET {name} = ? WHERE run = ?", (value, self._run))  # noqa: S608

    def warm(self, at: float, cost: float | None) -> None:
        """Note when the prefix was written last, and what that cost."""
        self.warmed = at
        self._set("warmed", at)
        with self._file.writing() as db:
            added = "UPDATE batch_runs SET side_cost = side_cost + ? WHERE run = ?"
            db.execute(added, (0.0 if cost is None else cost, self._run))

    @property
    def stopped(self) -> bool:
        """Nothing is sent any more; another process may have said so."""
        return bool(self._file.row("SELECT stopped FROM batch_runs WHERE run = ?", (self._run,))[0])

    def stop(self, *, stopped: bool = True) -> None:
        """Send nothing any more; or go on after all."""
        self._set("stopped", stopped)

    def finish_reading(self) -> None:
        """All items were read."""
        self.whole = True
        self._set("whole", True)  # noqa: FBT003  (a column's value)

    def add(self, lines: Sequence[Line], first: int, chunk: Chunk) -> None:
        """Keep a page of new items, and how full their chunk is now, in one transaction."""
        rows = [
            (self._run, number, line.id, line.name, line.tail, line.tokens, line.most, chunk.number)
            for number, line in enumerate(lines, first)
        ]
        with self._file.writing() as db:
            db.executemany(
                "INSERT INTO batch_items (run, number, id, name, tail, tokens, most, chunk)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._put(db, chunk)

    def known(self, lines: Sequence[Line]) -> dict[str, tuple[int, bytes]]:
        """Which of some items are kept already: number and digest by id."""
        found: dict[str, tuple[int, bytes]] = {}
        with self._file.using() as db:
            for at in range(0, len(lines), _PAGE):
                page = [line.id for line in lines[at : at + _PAGE]]
                marks = ",".join("?" * len(page))
                asked = f"SELECT id, number, name FROM batch_items WHERE run = ? AND id IN ({marks})"  # noqa: S608
                found.update((row[0], (row[1], row[2])) for row in db.execute(asked, (self._run, *page)))
        return found

    def count(self) -> int:
        """Items that are kept."""
        asked = "SELECT COALESCE(MAX(number) + 1, 0) FROM batch_items WHERE run = ?"
        return int(self._file.row(asked, (self._run,))[0])

    def chunks(self, *stages: str) -> list[Chunk]:
        """The chunks of some stages, or all, in order."""
        asked = (
            "SELECT chunk, stage, items, bytes, remote, sure, at, not_ours FROM batch_chunks WHERE run = ? ORDER BY 1"
        )
        with self._file.using() as db:
            rows = db.execute(asked, (self._run,)).fetchall()
        return [
            Chunk(number, stage, items, size, remote or "", bool(sure), at or 0.0, tuple(others.split()))
            for number, stage, items, size, remote, sure, at, others in rows
            if not stages or stage in stages
        ]

    def put(self, chunk: Chunk) -> None:
        """Keep what is known of a chunk."""
        with self._file.writing() as db:
            self._put(db, chunk)

    def _put(self, db: sqlite3.Connection, chunk: Chunk) -> None:
        db.execute(
            "INSERT OR REPLACE INTO batch_chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._run, chunk.number, chunk.stage, chunk.items, chunk.bytes, chunk.remote or None, chunk.sure,
             chunk.at, " ".join(chunk.not_ours)),
        )  # fmt: skip

    def intend(self, chunk: Chunk) -> None:
        """Write down that a chunk is about to be sent: from now on it may have been."""
        with self._file.writing() as db:
            self._put(db, chunk)
            db.execute(
                "UPDATE batch_items SET state = ?, tries = tries + 1 WHERE run = ? AND chunk = ? AND state = ?",
                (SENT, self._run, chunk.number, WAITING),
            )

    def refused(self, chunk: Chunk) -> None:
        """It was certainly not sent: its items wait again."""
        with self._file.writing() as db:
            self._put(db, chunk)
            db.execute(
                "UPDATE batch_items SET state = ?, tries = tries - 1 WHERE run = ? AND chunk = ? AND state = ?",
                (WAITING, self._run, chunk.number, SENT),
            )

    def ended(self, chunk: Chunk) -> None:
        """All its results are kept; what had none is lost, and may be sent again."""
        with self._file.writing() as db:
            self._put(db, chunk)
            lost = "UPDATE batch_items SET state = ?, again = 1, error = ? WHERE run = ? AND chunk = ? AND state = ?"
            db.execute(lost, (LOST, "the API gave no result for it", self._run, chunk.number, SENT))

    def save(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Keep what came of items; their ids. One that is there already stays as it is, and has no id here.

        An item that waited was asked at once, without an intent: that is a try too.
        """
        names: list[str] = []
        with self._file.writing() as db:
            for one in outcomes:
                usage = one.usage
                done = db.execute(
                    "UPDATE batch_items SET tries = tries + (state = 0),"
                    " state = ?, again = ?, message = ?, error = ?, fault = ?, input = ?,"
                    " read = ?, write_5m = ?, write_1h = ?, output = ?, cost = ?, standard = ?, alone = ?"
                    " WHERE run = ? AND number = ? AND state IN (0, 1) RETURNING id",
                    (one.state, one.again, one.message, one.error, one.fault, usage.input, usage.read, usage.write_5m,
                     usage.write_1h, usage.output, one.cost, one.standard, one.alone, self._run, one.number),
                ).fetchone()  # fmt: skip
                names.append(done[0] if done else "")
        return names

    def reopen(self, retries: int, *, canceled: bool) -> None:
        """Let items wait again that failed for no fault of theirs, as often as they may."""
        with self._file.writing() as db:
            db.execute(
                "UPDATE batch_items SET state = 0, chunk = NULL, again = 0, error = '' WHERE run = ?"
                " AND again = 1 AND tries <= ? AND state IN (3, 4, 6)",
                (self._run, retries),
            )
            if canceled:
                db.execute(
                    "UPDATE batch_items SET state = 0, chunk = NULL, tries = tries - 1 WHERE run = ? AND state = 5",
                    (self._run,),
                )

    def scatter(self) -> None:
        """Take the items that were not sent out of their chunks."""
        with self._file.writing() as db:
            db.execute("UPDATE batch_items SET chunk = NULL WHERE run = ? AND state = 0", (self._run,))
            stages = "('open', 'planned')"
            db.execute(f"DELETE FROM batch_chunks WHERE run = ? AND stage IN {stages}", (self._run,))  # noqa: S608

    def place(self, numbers: Sequence[int], chunk: Chunk) -> None:
        """Put waiting items into a chunk."""
        with self._file.writing() as db:
            moved = "UPDATE batch_items SET chunk = ? WHERE run = ? AND number = ? AND state = 0"
            db.executemany(moved, ((chunk.number, self._run, number) for number in numbers))
            self._put(db, chunk)

    def sizes(self, after: int = -1) -> list[tuple[int, int]]:
        """A page of waiting items without a chunk: number, and bytes of their part."""
        asked = (
            "SELECT number, LENGTH(tail) FROM batch_items WHERE run = ? AND chunk IS NULL AND state = 0 AND number > ?"
            " ORDER BY number LIMIT 5000"
        )
        with self._file.using() as db:
            return db.execute(asked, (self._run, after)).fetchall()

    def tails(self, chunk: int) -> Iterator[tuple[int, bytes]]:
        """The items of a chunk that are under way, page by page."""
        after = -1
        asked = (
            "SELECT number, tail FROM batch_items WHERE run = ? AND chunk = ? AND state = 1 AND number > ?"
            " ORDER BY number LIMIT ?"
        )
        while True:
            with self._file.using() as db:
                rows = db.execute(asked, (self._run, chunk, after, _PAGE)).fetchall()
            yield from rows
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def items(self, *states: int) -> Iterator[Kept]:
        """The items of some states, or all, in their order, page by page."""
        after = -1
        wanted = ",".join(str(state) for state in states or range(len(ItemStates)))
        asked = f"{_ITEM} WHERE run = ? AND number > ? AND state IN ({wanted}) ORDER BY number LIMIT ?"
        while True:
            with self._file.using() as db:
                rows = db.execute(asked, (self._run, after, _PAGE)).fetchall()
            yield from map(_kept, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def bulk(self, prefix: int, steps: Sequence[int]) -> list[tuple[int, int, int]]:
        """Items still to be sent, by price step of their prompt: how many, their tokens, their `max_tokens`."""
        step = " + ".join(f"(tokens + {prefix} > {limit})" for limit in steps)
        asked = (
            f"SELECT {step}, COUNT(*), SUM(tokens), SUM(most) FROM batch_items"  # noqa: S608
            " WHERE run = ? AND state = 0 GROUP BY 1"
        )
        with self._file.using() as db:
            found = {row[0]: row[1:] for row in db.execute(asked, (self._run,)).fetchall()}
        return [found.get(at, (0, 0, 0)) for at in range(len(steps) + 1)]

    def chunk_bulk(self, chunk: int) -> tuple[int, int, int]:
        """Of a chunk: its largest item's tokens, all its tokens, all its `max_tokens`."""
        asked = "SELECT MAX(tokens), SUM(tokens), SUM(most) FROM batch_items WHERE run = ? AND chunk = ?"
        largest, tokens, most = self._file.row(asked, (self._run, chunk))
        return largest or 0, tokens or 0, most or 0

    def tally(self) -> Tally:
        """Sums over all items, and the cost of warm-ups."""
        asked = (
            "SELECT state, COUNT(*), SUM(fault != ''), SUM(input), SUM(read), SUM(write_5m), SUM(write_1h),"
            " SUM(output), SUM(cost), SUM(standard), SUM(alone), SUM(message IS NOT NULL AND cost IS NULL)"
            " FROM batch_items WHERE run = ? GROUP BY state"
        )
        with self._file.using() as db:
            rows = db.execute(asked, (self._run,)).fetchall()
            side = db.execute("SELECT side_cost FROM batch_runs WHERE run = ?", (self._run,)).fetchone()[0]
        counts = {row[0]: row[1] for row in rows}
        sums = [sum(row[at] or 0 for row in rows) for at in range(2, 12)]
        unknown = bool(sums[9])
        cost, standard, alone = (None if unknown else float(sums[at]) for at in (6, 7, 8))
        return Tally(
            tuple(counts.get(at, 0) for at in range(len(ItemStates))),
            sums[0],
            Usage(*sums[1:6]),
            None if cost is None else cost + side,
            standard,
            alone,
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _kept(row: tuple[Any, ...]) -> Kept:
    number, id_, tail, tokens, most, state, tries, message, error, fault = row[:10]
    usage = Usage(*(part or 0 for part in row[10:15]))
    return Kept(number, id_, tail, tokens, most, state, tries, message, error, fault, usage, row[15])
