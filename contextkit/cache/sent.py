"""What is remembered of a request that was answered, and which of it a later request can read.

Law: the API's own: a mark writes one entry, a read renews one, a mark looks 20 positions back (prompt-caching page).
Hashes and counts only, beside the short texts that a report's windows need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contextkit.api.facts import LOOKBACK, TTL_SECONDS
from contextkit.cache.texts import texts_of

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
_ENDS: Final = 128
"""Requests of one conversation whose ends are remembered, for others to branch off."""


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
        kept: what was kept for windows; see `texts`.
        at: Unix seconds when it was sent.
        message_id: of its answer.
        open: how often this very request was answered and not continued yet.
        told_small: that it is below the minimum has been said.
        host: who answered it.
        conversation: the opaque name of the conversation that it belongs to.
        ends: what the last mark of it and of each of its ancestors left, alive or not, in order of the prompt.
    """

    spelled: Spelled
    entries: tuple[Entry, ...] = ()
    kept: list[Any] = field(default_factory=list)
    at: float = 0.0
    message_id: str = ""
    open: int = 1
    told_small: bool = False
    host: str = ""
    conversation: str = ""
    ends: tuple[Entry, ...] = ()

    @property
    def texts(self) -> list[Any]:
        """Per position, what a window needs; empty with `redact` and where memory was short.

        Of a body that is kept as a whole they are taken when they are asked for: nearly no request ever is.
        """
        if not self.kept and self.spelled.body is not None:
            self.kept = texts_of(None, self.spelled, self.spelled.body)
        return self.kept


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
    conversation: str = "",
) -> Sent:
    """What is remembered of an answered request.

    What it read is renewed and what it marked is written (prompt-caching page); tokens at the last mark are the
    billed ones, at the others they are shared out by length.
    """
    cached = None if usage is None else usage.read + usage.write_5m + usage.write_1h
    entries: dict[int, Entry] = {}
    told = False
    ends: tuple[Entry, ...] = ()
    if before is not None:
        told, ends = before.told_small, before.ends
        if ends and ends[-1].pos >= same:
            ends = tuple([entry for entry in ends if entry.pos < same])
        touched = [mark.pos for mark in now.marks]
        for entry in before.entries:
            pos = entry.pos
            if pos < same and at < entry.expires:
                entries[pos] = _renewed(entry, at) if entry is read or pos in touched else entry
    if now.marks and cached != 0:
        end = _write(entries, now, at, cached)
        ends = (*(ends[1:] if len(ends) >= _ENDS else ends), end)
    places = sorted(entries)
    if len(places) > _ENTRIES:  # the lowest are tools, system and summaries; between them and the end nothing is read
        places = [*places[: _ENTRIES // 2], *places[-(_ENTRIES // 2) :]]
    left = tuple(map(entries.__getitem__, places))
    return Sent(now, left, texts or [], at, message_id, 1, told, host, conversation, ends)


def _renewed(entry: Entry, at: float) -> Entry:
    pos, step, tokens, ttl, _ = entry
    return Entry(pos, step, tokens, ttl, at + TTL_SECONDS[ttl])


def _write(entries: dict[int, Entry], now: Spelled, at: float, cached: int | None) -> Entry:
    """Enter what a request's marks wrote or read; returns that of the last one."""
    row = now.top.row
    minimum = row.min_prefix if row else 0
    *others, final = now.marks
    end = now.size_at(final.pos) or 1
    total = cached if cached is not None else end / _CHARS_A_TOKEN
    for pos, step, ttl in others:
        old = entries.get(pos)
        if old is not None:
            entries[pos] = Entry(pos, step, old.tokens, ttl, at + TTL_SECONDS[ttl])
        elif (tokens := total * now.size_at(pos) / end) >= minimum:
            entries[pos] = Entry(pos, step, tokens, ttl, at + TTL_SECONDS[ttl])
    made = entries[final.pos] = Entry(final.pos, final.step, total, final.ttl, at + TTL_SECONDS[final.ttl])
    return made
