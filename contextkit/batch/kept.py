"""What a batch keeps: the tables of its file, and their rows as values.

Law: values only; state.py reads and writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from contextkit.batch.values import ItemStates

if TYPE_CHECKING:
    from contextkit.api.usage import Usage

__all__ = [
    "CANCELED",
    "ERRORED",
    "EXPIRED",
    "FLIGHT",
    "LOST",
    "SCHEMA",
    "SENT",
    "SUCCEEDED",
    "WAITING",
    "Chunk",
    "Kept",
    "Outcome",
    "Tally",
]

SCHEMA: Final = (
    (
        "CREATE TABLE IF NOT EXISTS batch_runs (run INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tag TEXT NOT NULL,"
        " name BLOB NOT NULL, whole INTEGER NOT NULL DEFAULT 0, stopped INTEGER NOT NULL DEFAULT 0, warmed REAL,"
        " side_cost REAL NOT NULL DEFAULT 0)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS batch_chunks (run INTEGER NOT NULL, chunk INTEGER NOT NULL, stage TEXT NOT NULL,"
        " items INTEGER NOT NULL, bytes INTEGER NOT NULL, remote TEXT, sure INTEGER NOT NULL DEFAULT 0, at REAL,"
        " not_ours TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, chunk)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS batch_items (run INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL,"
        " name BLOB NOT NULL, tail BLOB NOT NULL, tokens INTEGER NOT NULL, most INTEGER NOT NULL, chunk INTEGER,"
        " state INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, again INTEGER NOT NULL DEFAULT 0,"
        " message BLOB, error TEXT NOT NULL DEFAULT '', fault TEXT NOT NULL DEFAULT '', input INTEGER, read INTEGER,"
        " write_5m INTEGER, write_1h INTEGER, output INTEGER, cost REAL, standard REAL, alone REAL,"
        " PRIMARY KEY (run, number))"
    ),
    "CREATE UNIQUE INDEX IF NOT EXISTS batch_by_id ON batch_items (run, id)",
    "CREATE INDEX IF NOT EXISTS batch_by_chunk ON batch_items (run, chunk, number)",
)

WAITING, SENT, SUCCEEDED, ERRORED, EXPIRED, CANCELED, LOST = range(len(ItemStates))
FLIGHT: Final = ("sent", "canceling")
"""Stages of a chunk that the API has, and whose results are still to be collected."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Items that go to the API as one batch.

    Attributes:
        number: of this batch's chunks, from 0.
        stage: "open" (not full yet), "planned", "intent" (it may have been sent), "sent", "canceling", "ended".
        items: how many.
        bytes: of the items' parts.
        remote: id at the API; "" for none known.
        sure: that it is ours is known: the API gave the id as an answer, or its results have our ids.
        at: Unix seconds of the intent.
        not_ours: ids of batches that turned out to be somebody else's.
    """

    number: int
    stage: str
    items: int
    bytes: int
    remote: str = ""
    sure: bool = False
    at: float = 0.0
    not_ours: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What came of an item, to be kept."""

    number: int
    state: int
    again: bool
    message: bytes | None
    error: str
    fault: str
    usage: Usage
    cost: float | None
    standard: float | None
    alone: float | None


class Kept(NamedTuple):
    """An item as it is kept."""

    number: int
    id: str
    tail: bytes
    tokens: int
    most: int
    state: int
    tries: int
    message: bytes | None
    error: str
    fault: str
    usage: Usage
    cost: float | None


class Tally(NamedTuple):
    """Sums over all items: counts by state, in the order of `ItemStates`."""

    counts: tuple[int, ...]
    faults: int
    usage: Usage
    cost: float | None
    standard: float | None
    alone: float | None
