"""Append-only streams of events.

The law: what `append` acknowledged is read again whole and in order, or an error says which event is damaged; of two
writers that expect the same version exactly one wins.

The version of a stream is the number of its events; one that does not exist has version 0. Events are bytes; each
is kept with a digest of its stream, its version and itself, so that a torn, changed or moved one is noticed.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from contextkit.errors import ConflictError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Streams", "conflict", "sealed", "unsealed"]

_DIGEST: Final = 8


@runtime_checkable
class Streams(Protocol):
    """What every backend does. All methods raise StoreError when the backend fails. Keys are opaque texts."""

    def append(self, key: str, events: Sequence[bytes], expected_version: int | None = None) -> int:
        """Add events at the end of a stream, all or none; its version then.

        Args:
            key: the stream; made by its first events.
            events: one or more.
            expected_version: how many events the writer knows of; None to add whatever others have written.

        Raises:
            ConflictError: the stream has another version; nothing was written.
        """

    def read(self, key: str, after: int = 0) -> list[bytes]:
        """The events of a stream after a version, oldest first; [] when there are none.

        Raises:
            StoreError: an event is damaged; the message names it.
        """

    def version(self, key: str) -> int:
        """How many events a stream has."""

    def keys(self, prefix: str = "") -> list[str]:
        """The streams whose key begins with a text, sorted by code point."""

    def delete(self, key: str) -> bool:
        """Forget a stream; whether it was there."""


def conflict(key: str, expected: int, found: int) -> ConflictError:
    """The error for a writer that does not know all events."""
    return ConflictError(
        f"{found} events are there, {expected} were expected",
        where=key,
        fix="Somebody else writes to it too: open it again and repeat the step, or go on under another id.",
    )


def sealed(key: str, version: int, data: bytes) -> bytes:
    """An event as it is kept: its digest, then itself."""
    return _digest(key, version, data) + data


def unsealed(key: str, version: int, kept: bytes, where: str) -> bytes:
    """An event out of what was kept.

    Raises:
        StoreError: it is not what was written as this event of this stream.
    """
    data = kept[_DIGEST:]
    if compare_digest(kept[:_DIGEST], _digest(key, version, data)):
        return data
    raise StoreError(
        f"event {version} of {key!r} is damaged",
        where=where,
        fix=f"The {version - 1} before it are whole; restore the store from a copy, or go on from those.",
    )


def _digest(key: str, version: int, data: bytes) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    return blake2b(b"%d:%d:%b%b" % (version, len(name), name, data), digest_size=_DIGEST).digest()
