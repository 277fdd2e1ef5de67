"""What leaves the window, under a short handle.

Law: content-addressed and deterministic, so that a replay gives the same handles; bounded in memory, the oldest
given up first and counted, never silently.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b

__all__ = ["Archive", "handle_of"]


def handle_of(text: str) -> str:
    """The handle of a text: "k" and twelve hex digits of its hash."""
    return "k" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@dataclass(slots=True)
class Archive:
    """Originals of shaped tool outputs, compressed.

    Attributes:
        limit: bytes held at most, compressed.
        dropped: originals given up for want of room.
    """

    limit: int = 256_000_000
    dropped: int = 0
    _held: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _size: int = 0

    def put(self, text: str) -> str:
        """Keep a text; the handle that `get` takes."""
        handle = handle_of(text)
        if handle not in self._held:
            data = zlib.compress(text.encode("utf-8", "surrogatepass"), 1)
            self._held[handle] = data
            self._size += len(data)
            while self._size > self.limit and len(self._held) > 1:
                self._size -= len(self._held.popitem(last=False)[1])
                self.dropped += 1
        return handle

    def get(self, handle: str) -> str | None:
        """The text under a handle; None when it is not here."""
        data = self._held.get(handle)
        return None if data is None else zlib.decompress(data).decode("utf-8", "surrogatepass")

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, handle: object) -> bool:
        return handle in self._held
