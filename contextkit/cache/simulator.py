"""The server's prompt cache: given a time and a request, what is read, what is written, and why not more.

Law: nothing here knows who sent the request. Time comes in as Unix seconds; the same requests at the same times
give the same bills. A predicted hit is never certain on the real server: entries may vanish early or live longer.

Sources: prompt-caching page (marks, lookback, minimum, lifetimes, mixed billing A/B/C, availability once the
writer's response has begun, isolation by workspace). Doubts are switches in `prefix.Rules`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from contextkit.api import facts
from contextkit.api.facts import LOOKBACK, TTL_SECONDS, Ttl
from contextkit.api.usage import Usage
from contextkit.cache.prefix import CountsFor, Position, Prefix, Rules, prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contextkit.api.marks import Path

__all__ = ["Bill", "Miss", "PromptCache"]

Miss = Literal["", "no_marks", "below_minimum", "cold", "expired", "not_begun", "lookback"]
"""Why the request read less than its last mark could have: "" when it read as much as was ever written."""

_SWEEP = 4096  # entries after which the dead ones are dropped, so that memory follows what is alive


@dataclass(frozen=True, slots=True)
class Bill:
    """What one request costs in prompt tokens; the four classes add up to the prompt.

    Attributes:
        read: tokens read from the cache.
        write_5m: tokens written for five minutes.
        write_1h: tokens written for an hour.
        uncached: tokens neither read nor written.
        miss: why not more was read.
        hit: where the longest match ends; None when nothing was read.
    """

    read: int
    write_5m: int
    write_1h: int
    uncached: int
    miss: Miss = ""
    hit: Path | None = None

    def usage(self, output: int = 0) -> Usage:
        """As token usage, with so many generated tokens."""
        return Usage(self.uncached, self.read, self.write_5m, self.write_1h, output)


@dataclass(slots=True)
class _Entry:
    begins: float
    expires: float
    ttl: Ttl


_Key = tuple[str, bytes, str]


@dataclass(slots=True)
class PromptCache:
    """All entries of one organisation's cache.

    Args:
        count: makes the token counts for a request body.
        rules: the switches for what is in doubt.
    """

    count: CountsFor
    rules: Rules = field(default_factory=Rules)
    _entries: dict[_Key, _Entry] = field(default_factory=dict, init=False)
    _sweep_at: int = field(default=_SWEEP, init=False)

    def bill(
        self, body: Mapping[str, Any], at: float, *, began: float | None = None, workspace: str = "default"
    ) -> Bill:
        """Bill a valid request that starts at `at`, and remember what it wrote.

        Args:
            body: the request body.
            at: Unix seconds when the request starts; lifetimes count from here.
            began: when its response began; what it wrote can be read from then on. None: at once.
            workspace: entries are not shared between workspaces.
        """
        return self.bill_prefix(prefix(body, self.count(body), self.rules), at, began=began, workspace=workspace)

    def bill_prefix(self, chain: Prefix, at: float, *, began: float | None = None, workspace: str = "default") -> Bill:
        """As `bill`, for a chain that is already made."""
        positions = chain.positions
        row = facts.model(chain.model)
        minimum = row.min_prefix if row else self.rules.unknown_minimum
        marks = [i for i, found in enumerate(positions) if found.mark]
        usable = [i for i in marks if positions[i].tokens >= minimum]
        hit = self._hit(positions, usable, at, workspace)
        miss = self._why(positions, marks, usable, hit, at, workspace)
        if hit >= 0:
            self._renew(positions, hit, usable, at, workspace)
        for i in usable:
            if i > hit:
                self._write(positions[i], at, at if began is None else began, workspace)
        return _billed(positions, usable, hit, chain.total, miss)

    def _hit(self, positions: tuple[Position, ...], usable: list[int], at: float, workspace: str) -> int:
        """The longest match over all marks, or -1. Each mark tries 20 positions back, itself the first."""
        best = -1
        for mark in reversed(usable):
            floor = positions[mark].step - LOOKBACK
            i = mark
            while i > best and positions[i].step > floor:
                entry = self._entry(positions[i], positions[mark].mark, workspace)
                if entry and entry.begins <= at < entry.expires:
                    best = i
                i -= 1
        return best

    def _entry(self, position: Position, ttl: Ttl | None, workspace: str) -> _Entry | None:
        return self._entries.get(self._key(position, ttl, workspace))

    def _key(self, position: Position, ttl: Ttl | None, workspace: str) -> _Key:
        return workspace, position.digest, (ttl or "5m") if self.rules.ttl_in_key else ""

    def _renew(self, positions: tuple[Position, ...], hit: int, usable: list[int], at: float, workspace: str) -> None:
        """A read renews its entry; a mark on a shorter entry renews that one too."""
        touched = range(hit + 1) if self.rules.renew_ancestors else {hit, *(i for i in usable if i < hit)}
        lives = {positions[i].mark for i in usable} if self.rules.ttl_in_key else {None}
        for i in touched:
            for ttl in lives:
                entry = self._entry(positions[i], ttl, workspace)
                if entry and entry.begins <= at < entry.expires:
                    entry.expires = max(entry.expires, at + TTL_SECONDS[entry.ttl])

    def _write(self, position: Position, at: float, began: float, workspace: str) -> None:
        ttl: Ttl = position.mark or "5m"
        if len(self._entries) >= self._sweep_at:
            self._entries = {key: entry for key, entry in self._entries.items() if at < entry.expires}
            self._sweep_at = max(_SWEEP, 2 * len(self._entries))
        key = self._key(position, ttl, workspace)
        expires = at + TTL_SECONDS[ttl]
        old = self._entries.get(key)
        if old and at < old.expires:  # a parallel request wrote it too: usable from whichever response began first
            began = min(began, old.begins)
            if old.expires > expires:
                expires, ttl = old.expires, old.ttl
        self._entries[key] = _Entry(began, expires, ttl)

    def _why(
        self,
        positions: tuple[Position, ...],
        marks: list[int],
        usable: list[int],
        hit: int,
        at: float,
        workspace: str,
    ) -> Miss:
        """The reason that no longer prefix was read, judged by what was ever written below the last mark."""
        if not marks:
            return "no_marks"
        if not usable:
            return "below_minimum"
        states: set[Miss] = set()
        for i in range(usable[-1], hit, -1):
            entry = self._entry(positions[i], positions[usable[-1]].mark, workspace)
            if entry:
                states.add("not_begun" if at < entry.begins else "expired" if at >= entry.expires else "lookback")
        for reason in ("lookback", "not_begun", "expired"):
            if reason in states:
                return reason
        return "" if hit >= 0 else "cold"


def _billed(positions: tuple[Position, ...], usable: list[int], hit: int, total: int, miss: Miss) -> Bill:
    """A = tokens at the hit, B = at the last 1h mark after it, C = at the last mark (prompt-caching page)."""
    a = positions[hit].tokens if hit >= 0 else 0
    hour = [i for i in usable if i > hit and positions[i].mark == "1h"]
    b = positions[hour[-1]].tokens if hour else a
    c = max(positions[usable[-1]].tokens, b) if usable else a
    c = max(a, c)
    return Bill(a, c - b, b - a, total - c, miss, positions[hit].path if hit >= 0 else None)
