"""Keep bytes under a key. The law: a store knows names and bytes, and nothing of what they mean.

Keys live in spaces: what was put into one is never found in another. What is kept is bytes (JSON, compressed text),
never pickled objects. A store may be bounded; then the least recently used go first and are counted, never silently.
Stores are synchronous and safe to use from several threads; asynchronous callers reach them through a thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from contextkit.errors import ConfigError, ContextKitError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Store", "StoreError", "opened"]


class StoreError(ContextKitError):
    """A store cannot be read or written: the disk is full, the file is not a store, another process holds it."""


@runtime_checkable
class Store(Protocol):
    """What every backend does. All methods raise StoreError when the backend fails."""

    def get(self, space: str, key: str) -> bytes | None:
        """What is kept under a key; None when nothing is."""

    def put(self, space: str, key: str, value: bytes, *, replace: bool = True) -> bool:
        """Keep bytes under a key; whether they were written.

        With `replace=False` a key that is taken stays as it is, and False comes back: of several writers exactly
        one is told True.
        """

    def delete(self, space: str, key: str) -> bool:
        """Forget a key; whether it was there."""

    def keys(self, space: str) -> Iterator[str]:
        """The keys of a space as they are now, in the order in which they were first put."""

    def size(self, space: str | None = None) -> int:
        """Bytes of the values in a space, or (None) in all of them."""

    @property
    def dropped(self) -> int:
        """Values that this object gave up for want of room."""


def opened(where: str | Path | Store) -> Store:
    """A store, given itself or the path of a SQLite file.

    Raises:
        ConfigError: neither. StoreError: the file cannot be opened as a store.
    """
    if isinstance(where, (str, Path)):
        from contextkit.store.sqlite import SQLiteStore  # noqa: PLC0415  (sqlite3 only for those who use it)

        return SQLiteStore(where)
    if isinstance(where, Store):
        return where
    raise ConfigError(
        f"a {type(where).__name__} is no store",
        where="store",
        fix="Give a path, or an object with get, put, delete, keys, size and dropped.",
    )
