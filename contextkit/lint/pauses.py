"""Garbage collection while very many objects are made that nearly all stay, or all go at once without cycles.

Law: what was set before is set again afterwards, whatever happens inside.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["no_pauses", "rare_pauses"]

_RARE: Final = (200_000, 20, 100)


@contextmanager
def no_pauses() -> Iterator[None]:
    """No garbage collection while many small objects are made that all stay: it takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def rare_pauses() -> Iterator[None]:
    """Garbage collection only now and then while a log of any length is read: bodies have no cycles."""
    was = gc.get_threshold()
    if was[0]:  # 0 is switched off
        gc.set_threshold(*_RARE)
    try:
        yield
    finally:
        gc.set_threshold(*was)
