"""Event streams in memory: they live as long as this object. The law is that of `streams`."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from contextkit.store.streams import conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MemoryStreams"]


class MemoryStreams:
    """Streams of this process."""

    def __init__(self) -> None:
        self._held: dict[str, list[bytes]] = {}
        self._lock = Lock()

    def append(self, key: str, events: Sequence[bytes], expected_version: int | None = None) -> int:
        """Add events at the end of a stream, all or none; its version then."""
        with self._lock:
            held = self._held.get(key, [])
            if expected_version not in {None, len(held)}:
                raise conflict(key, expected_version or 0, len(held))
            if events:
                self._held[key] = held
                held.extend(events)
            return len(held)

    def read(self, key: str, after: int = 0) -> list[bytes]:
        """The events of a stream after a version, oldest first; [] when there are none."""
        with self._lock:
            return self._held.get(key, [])[max(after, 0) :]

    def version(self, key: str) -> int:
        """How many events a stream has."""
        with self._lock:
            return len(self._held.get(key, ()))

    def keys(self, prefix: str = "") -> list[str]:
        """The streams whose key begins with a text, sorted by code point."""
        with self._lock:
            return sorted(key for key in self._held if key.startswith(prefix))

    def delete(self, key: str) -> bool:
        """Forget a stream; whether it was there."""
        with self._lock:
            return self._held.pop(key, None) is not None
