"""What is remembered of a request that was answered, and which of it a later request can read.

Law: the API's own: a mark writes one entry, a read renews one, a mark looks 20 positions back (prompt-caching page).
Hashes and counts only, beside the short texts that a report's windows need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.api import facts
from contextkit.api.facts import LOOKBACK, TTL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.api.facts import Ttl
    from contextkit.api.usage import Usage
    from contextkit.cache.spell import Spelled

__all__ = ["Entry", "Sent", "hit", "remember"]

_CHARS_A_TOKEN: Final = 3.0
"""For a prompt that was never billed; off by up to 40 % (measured on billed sessions), so never called confirmed."""


_ENTRIES: Final = 24
"""Entries that are remembered of one conversation."""


class Entry(NamedTuple):
    """What a request left in the cache.

    Attributes:
        pos: its last position in the prompt.
        step: that position's number for the lookback.
        tokens: prompt tokens up to it.
        ttl: its lifetime.
        expires: Unix seconds.
    """

    pos: int
    step: int
    tokens: float
    ttl: Ttl
    expires: float


@dataclass(slots=True, eq=False)
class Sent:
    """What is remembered of an answered request: hashes, what it left in the cache, and short texts for windows.

    Attributes:
        spelled: the request.
        entries: what of it and of its ancestors is in the cache, in order of the prompt.
        texts: per position, what a window needs; empty with `redact`, None where memory was short.
        at: Unix seconds when it was sent.
        message_id: of its answer.
        open: how often this very request was answered and not continued yet.
        told_small: that it is below the minimum has been said.
        host: who answered it.
    """

    spelled: Spelled
    entries: tuple[Entry, ...] = ()
    texts: list[Any] = field(default_factory=list)
    at: float = 0.0
    message_id: str = ""
    open: int = 1
    told_small: bool = False
    host: str = ""


def hit(entries: Sequence[Entry], now: Spelled, same: int, at: float) -> Entry | None:
    """What the server finds: for each mark from the last, 20 positions back (prompt-caching page)."""
    for mark in reversed(now.marks):
        floor = mark.step - LOOKBACK
        for entry in reversed(entries):
            if floor < entry.step and entry.pos <= mark.pos and entry.pos < same and at < entry.expires:
                return entry
    return None


def remember(
    before: Sent | None,
    now: Spelled,
    at: float,
    usage: Usage | None,
    *,
    same: int = 0,
    read: Entry | None = None,
    texts: list[Any] | None = None,
    message_id: str = "",
    host: str = "",
) -> Sent:
    """What is remembered of an answered request.

    What it read is renewed and what it marked is written (prompt-caching page); tokens at the last mark are the
    billed ones, at the others they are shared out by length.
    """
    cached = None if usage is None else usage.read + usage.write_5m + usage.write_1h
    entries: dict[int, Entry] = {}
    touched = {mark.pos for mark in now.marks}
    for entry in before.entries if before else ():
        if entry.pos < same and at < entry.expires:
            entries[entry.pos] = _renewed(entry, at) if entry is read or entry.pos in touched else entry
    if now.marks and cached != 0:
        _write(entries, now, at, cached)
    told = before.told_small if before else False
    places = sorted(entries)
    if len(places) > _ENTRIES:  # the lowest are tools, system and summaries; between them and the end nothing is read
        places = [*places[: _ENTRIES // 2], *places[-(_ENTRIES // 2) :]]
    ordered = tuple(entries[pos] for pos in places)
    return Sent(now, ordered, texts or [], at, message_id, told_small=told, host=host)


def _renewed(entry: Entry, at: float) -> Entry:
    pos, step, tokens, ttl, _ = entry
    return Entry(pos, step, tokens, ttl, at + TTL_SECONDS[ttl])


def _write(entries: dict[int, Entry], now: Spelled, at: float, cached: int | None) -> None:
    """Enter what a request's marks wrote or read."""
    row = facts.model(now.model)
    minimum = row.min_prefix if row else 0
    final = now.marks[-1]
    end = now.size_at(final.pos) or 1
    total = cached if cached is not None else end / _CHARS_A_TOKEN
    for mark in now.marks:
        pos, step, ttl = mark
        tokens = total if mark is final else total * now.size_at(pos) / end
        if tokens >= minimum or mark is final:
            old = None if mark is final else entries.get(pos)
            entries[pos] = Entry(pos, step, old.tokens if old else tokens, ttl, at + TTL_SECONDS[ttl])
