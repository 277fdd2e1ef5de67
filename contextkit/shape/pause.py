"""Garbage collection, paused. The law: who paused it last lets it go on, and only where it was on before.

Reading a large document makes hundreds of thousands of objects that live to its end, and none of them is garbage:
looking through them again and again is a quarter of the work. The switch belongs to the whole process, so other
threads collect no circles meanwhile (under a second), and a `gc.disable()` of theirs in that time is undone.
"""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGE", "paused"]

LARGE: Final = 250_000
"""Characters of a text from which the pause is worth it; shorter ones are done within a few collections."""


class _Pause:
    """How many hold the pause, and what there was before the first of them."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.holders = 0
        self.was_on = False
        self.knows_forks = False

    def take(self) -> None:
        with self.lock:
            if not self.knows_forks and hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self.after_fork)
                self.knows_forks = True
            if self.holders == 0:
                self.was_on = gc.isenabled()
                gc.disable()
            self.holders += 1

    def give(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0 and self.was_on:
                gc.enable()

    def after_fork(self) -> None:
        """A child has only the thread that forked it: nobody in it will end the pauses of the others."""
        if self.holders and self.was_on:
            gc.enable()
        self.lock, self.holders = Lock(), 0


_PAUSE: Final = _Pause()


@contextmanager
def paused(characters: int) -> Iterator[None]:
    """No garbage collection inside, for the work on a text of so many characters; nothing for a short one.

    Pauses may overlap, in one thread or several: the first takes the setting, the last gives it back.
    """
    if characters < LARGE:
        yield
        return
    _PAUSE.take()
    try:
        yield
    finally:
        _PAUSE.give()
