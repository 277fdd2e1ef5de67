"""Where answers are kept, from what a user says. The law: a wrong address is refused at once, a store is opened late.

Functions of a process that name the same file or server share one store and its breaker; memory is each function's own.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from contextkit.errors import ConfigError
from contextkit.store.base import Store, entries_of, kind_of, path_of
from contextkit.store.entries import Entries
from contextkit.toolcache.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["guarded"]

REDIS_PATIENCE: Final = 0.5
FILE_PATIENCE: Final = 5.0

_GUARDS: dict[tuple[str, int | None, float], Guard] = {}
_LOCK: Final = Lock()


def guarded(where: Any, *, limit: int | None, patience: float | None) -> Guard:
    """The way to a store.

    Args:
        where: an address, a path, a store, or its entries.
        limit: bytes of answers; a store that is given has its own.
        patience: seconds to wait for it; None for what its kind needs. A store that is given has its own.

    Raises:
        ConfigError: it is none of these.
    """
    if isinstance(where, Entries):
        return Guard(lambda: where, quick=where.quick)
    if isinstance(where, Store):
        entries = entries_of(where)
        return Guard(lambda: entries, quick=entries.quick)
    if not isinstance(where, (str, Path)):
        raise ConfigError(f"a {type(where).__name__} is no store", where="cached(store=)", fix="Give an address.")
    kind = kind_of(where)
    if kind == "memory":
        return Guard(_memory(limit), quick=True)
    if patience is None:
        patience = REDIS_PATIENCE if kind == "redis" else FILE_PATIENCE
    if kind == "sqlite":
        where = str(Path(path_of(where)).absolute()) if where != ":memory:" else where
    opening = _redis(str(where), limit, patience) if kind == "redis" else _file(str(where), limit, patience)
    with _LOCK:
        return _GUARDS.setdefault((str(where), limit, patience), Guard(opening, quick=False))


def _memory(limit: int | None) -> Callable[[], Entries]:
    def opening() -> Entries:
        from contextkit.store.memory_entries import MemoryEntries  # noqa: PLC0415  (at first use)

        return MemoryEntries(limit)

    return opening


def _file(path: str, limit: int | None, patience: float) -> Callable[[], Entries]:
    def opening() -> Entries:
        from contextkit.store.sqlite import SQLiteStore  # noqa: PLC0415  (at first use)

        return SQLiteStore(path, durable=False, limit=limit, wait=patience).entries

    return opening


def _redis(url: str, limit: int | None, patience: float) -> Callable[[], Entries]:
    def opening() -> Entries:
        from contextkit.store.redis import RedisStore  # noqa: PLC0415  (at first use)

        return RedisStore(url, limit=limit, patience=patience).entries

    return opening
