"""One process at a time for a batch: a lock that the system lets go of when its holder dies.

Law: nobody sends for a batch without it; two that did would look for each other's chunks and pay twice.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from contextkit.api.messages import digest
from contextkit.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["holding"]


@contextmanager
def holding(path: str, id: str) -> Iterator[None]:  # noqa: A002  (the field's word)
    """Hold the lock of a batch, in a small file beside its own. Where the system has no `flock`, nothing is held.

    Raises:
        ConflictError: another process, or another object of this one, holds it.
    """
    try:
        import fcntl  # noqa: PLC0415  (not on every system)
    except ImportError:  # pragma: no cover  (Windows)
        yield
        return
    name = digest(id.encode("utf-8", "surrogatepass")).hex()[:8]
    handle = os.open(f"{path}.{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConflictError(
                f"the batch {id!r} is being run already",
                where=path,
                fix="Wait for it: two that run one batch would send its items twice.",
            ) from None
        yield
    finally:
        os.close(handle)
