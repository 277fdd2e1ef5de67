"""A store in memory. The law: never more than `limit` bytes, but for one value that alone is larger."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from contextkit.store.memory_entries import MemoryEntries
from contextkit.store.memory_streams import MemoryStreams

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MemoryStore"]


class MemoryStore:
    """Values of this process, the least recently used given up first.

    Args:
        limit: bytes of values held at most; None for no bound. The newest value always stays.

    Attributes:
        streams: event streams beside the values; no bound counts them.
        entries: answers with a lifetime beside the values, with the same bound for themselves.
    """

    def __init__(self, limit: int | None = 256_000_000) -> None:
        self.limit = limit
        self.dropped = 0
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._spaces: dict[str, dict[str, int]] = {}
        self._size = 0
        self._lock = Lock()
        self.streams = MemoryStreams()
        self.entries = MemoryEntries(limit)

    def get(self, space: str, key: str) -> bytes | None:
        """What is kept under a key; None when nothing is."""
        with self._lock:
            value = self._held.get((space, key))
            if value is not None:
                self._held.move_to_end((space, key))
            return value

    def put(self, space: str, key: str, value: bytes, *, replace: bool = True) -> bool:
        """Keep bytes under a key; whether they were written."""
        with self._lock:
            if (space, key) in self._held and not replace:
                return False
            self._size += len(value) - len(self._held.get((space, key), b""))
            self._held[space, key] = value
            self._held.move_to_end((space, key))
            self._spaces.setdefault(space, {})[key] = len(value)
            while self.limit is not None and self._size > self.limit and len(self._held) > 1:
                self._forget(*next(iter(self._held)))
                self.dropped += 1
            return True

    def delete(self, space: str, key: str) -> bool:
        """Forget a key; whether it was there."""
        with self._lock:
            return self._forget(space, key)

    def keys(self, space: str) -> Iterator[str]:
        """The keys of a space as they are now, in the order in which they were first put."""
        with self._lock:
            return iter(list(self._spaces.get(space, ())))

    def size(self, space: str | None = None) -> int:
        """Bytes of the values in a space, or (None) in all of them."""
        with self._lock:
            return self._size if space is None else sum(self._spaces.get(space, {}).values())

    def _forget(self, space: str, key: str) -> bool:
        value = self._held.pop((space, key), None)
        if value is None:
            return False
        self._size -= len(value)
        sizes = self._spaces[space]
        del sizes[key]
        if not sizes:
            del self._spaces[space]
        return True
