"""What a cache did: one event a call, and their sums. The law: counting never raises and never changes a call."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from contextkit.toolcache.heard import listener

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CacheEvent", "Counts", "Kind", "Stats"]

Kind = Literal["hit", "stale", "shared", "miss", "refresh", "bypass", "refused", "failed"]
"""What happened to a call.

hit: a fresh answer was kept. stale: one past its time was served, as told. shared: another call was making it and this
one waited. miss: the tool ran and its answer is kept. refresh: the same, behind a stale answer. bypass: the store was
away or another took too long, the tool ran uncached. refused: the call has no key or the answer is not JSON. failed:
the tool raised.
"""


class CacheEvent(NamedTuple):
    """One call, or one refresh behind it.

    Attributes:
        kind: what happened.
        name: the cached function.
        namespace: whose answers.
        key: of the call; "" when it has none.
        at: Unix seconds.
        seconds: how long the tool ran; 0 when it did not.
        saved_seconds: how long it had run for the answer that was served instead.
        saved_tokens: what it had cost in tokens then.
        note: why, where there is a reason.
    """

    kind: Kind
    name: str
    namespace: str
    key: str
    at: float
    seconds: float = 0.0
    saved_seconds: float = 0.0
    saved_tokens: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Sums over the events of this process.

    Attributes:
        hits: fresh answers that were kept.
        stale: answers past their time.
        shared: calls that waited for another one's answer.
        misses: calls for which the tool ran and its answer is kept.
        refreshes: runs behind a stale answer.
        bypassed: runs without the cache, because the store was away or another took too long.
        refused: runs whose call has no key or whose answer is not JSON.
        failed: runs that raised.
        dropped: answers given up for want of room.
        seconds: how long the tool ran.
        saved_seconds: how long it would have run more.
        saved_tokens: what that would have cost in tokens.
    """

    hits: int = 0
    stale: int = 0
    shared: int = 0
    misses: int = 0
    refreshes: int = 0
    bypassed: int = 0
    refused: int = 0
    failed: int = 0
    dropped: int = 0
    seconds: float = 0.0
    saved_seconds: float = 0.0
    saved_tokens: int = 0

    @property
    def calls(self) -> int:
        """All calls; refreshes are not calls."""
        return self.hits + self.stale + self.shared + self.misses + self.bypassed + self.refused + self.failed

    @property
    def hit_rate(self) -> float:
        """Share of the calls for which the tool did not run."""
        return (self.hits + self.stale + self.shared) / self.calls if self.calls else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The sums as plain JSON."""
        return {**asdict(self), "calls": self.calls, "hit_rate": self.hit_rate}

    def __add__(self, other: Stats) -> Stats:
        return Stats(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


_FIELD: dict[Kind, str] = {
    "hit": "hits", "stale": "stale", "shared": "shared", "miss": "misses", "refresh": "refreshes",
    "bypass": "bypassed", "refused": "refused", "failed": "failed",
}  # fmt: skip


class Counts:
    """Events as they come; safe for threads.

    Args:
        on_event: called with each; what it raises is counted in `unheard` and goes no further. So is what a loop
            raises that hears its tools (`heard`).
    """

    def __init__(self, on_event: Callable[[CacheEvent], object] | None = None) -> None:
        self.on_event = on_event
        self.unheard = 0
        self._counts = dict.fromkeys(_FIELD.values(), 0)
        self._seconds = self._saved = 0.0
        self._tokens = 0
        self._lock = Lock()

    def add(self, event: CacheEvent) -> None:
        """Count an event and tell who listens."""
        with self._lock:
            self._counts[_FIELD[event.kind]] += 1
            self._seconds += event.seconds
            self._saved += event.saved_seconds
            self._tokens += event.saved_tokens
        around = listener.get()
        if self.on_event is not None and (around is None or self.on_event not in around.instead_of):
            self._tell(self.on_event, event)
        if around is not None:
            self._tell(around.note, event)

    def _tell(self, who: Callable[[CacheEvent], object], event: CacheEvent) -> None:
        try:
            who(event)
        except Exception:  # noqa: BLE001  (a listener must not break the tool)
            self.unheard += 1

    @property
    def is_heard(self) -> bool:
        """Somebody wants to know of each call, here and now."""
        return self.on_event is not None or listener.get() is not None

    def add_hit(self, seconds: float, tokens: int) -> None:
        """Count a hit that nobody listens for."""
        with self._lock:
            self._counts["hits"] += 1
            self._saved += seconds
            self._tokens += tokens

    def stats(self, dropped: int = 0) -> Stats:
        """The sums now."""
        with self._lock:
            made = Stats(**self._counts, dropped=dropped)
            return replace(made, seconds=self._seconds, saved_seconds=self._saved, saved_tokens=self._tokens)
