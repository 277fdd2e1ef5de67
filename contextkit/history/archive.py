"""What leaves the window, under a short handle.

Law: content-addressed and deterministic, so that a replay gives the same handles; two different texts never share
one; an archive finds only what was put into its own space. A store that fails loses nothing of this process: the text
is then held here, and `failures` says why.
"""

from __future__ import annotations

import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from contextkit.store.base import Store, StoreError
from contextkit.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Archive", "handle_of"]

_DIGITS: Final = (12, 16, 24, 32, 64)
"""Lengths of a handle, tried in this order: the next only when the one before stands for another text."""

_FAILURES: Final = 20


def handle_of(text: str, digits: int = 12) -> str:
    """The handle of a text: "k" and so many hex digits of its hash."""
    return "k" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=digits // 2).hexdigest()


class Archive:
    """Originals of what was cut, compressed.

    Args:
        store: where they are kept; None for memory.
        space: the name of this archive in the store. Two conversations in one store have two names.
        limit: bytes held at most, compressed, where the store is memory.

    Attributes:
        failures: why texts could not be written to the store (they are held in memory then), oldest first.
    """

    def __init__(self, store: Store | None = None, space: str = "", *, limit: int = 256_000_000) -> None:
        self.store: Store = MemoryStore(limit) if store is None else store
        self.space = space
        self.failures: list[str] = []
        self._spare = MemoryStore(limit)
        self._issued: dict[str, bytes] = {}

    @property
    def dropped(self) -> int:
        """Originals given up for want of room."""
        return self.store.dropped + self._spare.dropped

    def name(self, text: str) -> str:
        """The handle that `put` would give a text now; nothing is kept."""
        return self._named(text, text.encode("utf-8", "surrogatepass"))[0]

    def put(self, text: str) -> str:
        """Keep a text; the handle that `get` takes. Never raises because of the store."""
        data = text.encode("utf-8", "surrogatepass")
        handle, full = self._named(text, data)
        self._issued[handle] = full
        self._keep(handle, data)
        return handle

    def _named(self, text: str, data: bytes) -> tuple[str, bytes]:
        full = blake2b(data, digest_size=32).digest()
        for digits in _DIGITS:
            handle = handle_of(text, digits)
            # What was issued stays taken, also when the store has dropped its text: a note in the window names it.
            issued = self._issued.get(handle)
            if issued is None and (held := self._read(handle)) is not None:
                issued = blake2b(held, digest_size=32).digest()
            if issued is None or issued == full:
                return handle, full
        raise AssertionError("two texts with one 256-bit hash")  # pragma: no cover  (nobody has seen it)

    def get(self, handle: str) -> str | None:
        """The text under a handle; None when it is not here."""
        data = self._read(handle)
        return None if data is None else data.decode("utf-8", "surrogatepass")

    def _keep(self, handle: str, data: bytes) -> None:
        try:
            if self.store.get(self.space, handle) is None:
                self.store.put(self.space, handle, zlib.compress(data, 1), replace=False)
        except StoreError as error:
            self._spare.put(self.space, handle, zlib.compress(data, 1), replace=False)
            if len(self.failures) < _FAILURES:
                self.failures.append(str(error))

    def _read(self, handle: str) -> bytes | None:
        packed = self._spare.get(self.space, handle)
        try:
            packed = self.store.get(self.space, handle) if packed is None else packed
            return None if packed is None else zlib.decompress(packed)
        except (StoreError, zlib.error):  # unreadable is not here
            return None

    def __len__(self) -> int:
        return len(set(self))

    def __iter__(self) -> Iterator[str]:
        yield from self._spare.keys(self.space)
        yield from self.store.keys(self.space)

    def __contains__(self, handle: object) -> bool:
        return isinstance(handle, str) and self._read(handle) is not None
