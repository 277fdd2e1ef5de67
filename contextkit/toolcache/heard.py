"""Who runs the tools hears what their caches do. The law: heard where the call is made, and told once.

A loop declares itself in a context variable for as long as it runs tools: it follows their tasks and threads, and what
they call in turn. A loop inside of a tool (a sub-agent) hears its own tools instead of the loop around it.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contextkit.toolcache.stats import CacheEvent

__all__ = ["Listener", "hearing", "listener"]


class Listener(NamedTuple):
    """Who hears.

    Attributes:
        note: called with every event, in the thread or task of the call; what it raises goes no further.
        instead_of: values of `cached(on_event=...)` that tell the same book: they are not called as well.
    """

    note: Callable[[CacheEvent], object]
    instead_of: tuple[Callable[..., Any], ...] = ()


listener: Final[ContextVar[Listener | None]] = ContextVar("contextkit_cache_listener", default=None)


@contextmanager
def hearing(note: Callable[[CacheEvent], object], instead_of: tuple[Callable[..., Any], ...] = ()) -> Iterator[None]:
    """Hear of every call of a cached function that is made inside; see `Listener`."""
    held = listener.set(Listener(note, instead_of))
    try:
        yield
    finally:
        listener.reset(held)
