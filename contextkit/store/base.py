"""Keep bytes under a key. The law: a store knows names and bytes, and nothing of what they mean.

Keys live in spaces: what was put into one is never found in another. What is kept is bytes (JSON, compressed text),
never pickled objects. A store may be bounded; then the least recently used go first and are counted, never silently.
Stores are synchronous and safe to use from several threads; asynchronous callers reach them through a thread.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast, runtime_checkable
from urllib.parse import unquote

from contextkit.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contextkit.store.entries import Entries
    from contextkit.store.streams import Streams

__all__ = ["Store", "StoreError", "entries_of", "kind_of", "opened", "path_of", "streams_of"]

_REDIS: Final = ("redis://", "rediss://", "unix://")


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


def opened(where: str | Path | Store, *, durable: bool = True) -> Store:
    """A store, given itself or where it is.

    Args:
        where: a path or "sqlite:///path" (four slashes for an absolute one) for a SQLite file, "memory://" for this
            process, "redis://host:port/0" (also "rediss://", "unix://") for a Redis server, or a store.
        durable: of a SQLite file: a power cut loses nothing that was put. False for what may be lost (caches).

    Raises:
        ConfigError: none of these. StoreError: the file cannot be opened as a store.
    """
    kind = kind_of(where) if isinstance(where, (str, Path)) else ""
    if kind == "redis":
        from contextkit.store.redis import RedisStore  # noqa: PLC0415  (redis only for those who use it)

        return RedisStore(str(where))
    if kind == "memory":
        from contextkit.store.memory import MemoryStore  # noqa: PLC0415  (as the others)

        return MemoryStore()
    if isinstance(where, (str, Path)):
        from contextkit.store.sqlite import SQLiteStore  # noqa: PLC0415  (sqlite3 only for those who use it)

        return SQLiteStore(path_of(where), durable=durable)
    if isinstance(where, Store):
        return where
    raise ConfigError(
        f"a {type(where).__name__} is no store",
        where="store",
        fix="Give a path, or an object with get, put, delete, keys, size and dropped.",
    )


def kind_of(where: str | Path) -> Literal["memory", "redis", "sqlite"]:
    """What stands at an address, without looking there.

    Raises:
        ConfigError: it is none, or what it needs is not installed.
    """
    if isinstance(where, str) and where.startswith(_REDIS):
        if find_spec("redis") is None:
            raise ConfigError(
                "the package redis is not installed", where="store", fix="Install claude-contextkit[redis]."
            )
        return "redis"
    if where == "memory://":
        return "memory"
    path_of(where)
    return "sqlite"


def streams_of(store: Store) -> Streams:
    """The event streams that a store keeps beside its values.

    Raises:
        ConfigError: it keeps none.
    """
    return cast("Streams", _side(store, "streams"))


def entries_of(store: Store) -> Entries:
    """The answers with a lifetime that a store keeps beside its values.

    Raises:
        ConfigError: it keeps none.
    """
    return cast("Entries", _side(store, "entries"))


def _side(store: Store, name: str) -> object:
    found = getattr(store, name, None)
    if found is None:
        raise ConfigError(
            f"a {type(store).__name__} keeps no {name}", where="store", fix='Give "sqlite:///PATH" or "redis://HOST".'
        )
    return found


def path_of(where: str | Path) -> str | Path:
    """The path in a "sqlite:///" address; a path as it is. Another scheme is a typing error, not a file name."""
    if isinstance(where, Path) or "://" not in where:
        return where
    scheme, _, rest = where.partition("://")
    if scheme != "sqlite" or not rest.startswith("/") or rest == "/":
        raise ConfigError(
            f"no store has the address {scheme}://...",
            where="store",
            fix='Give "sqlite:///file.db", "redis://host:port/0", "memory://" or a path.',
        )
    return unquote(rest[1:])
