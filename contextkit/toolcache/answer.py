"""An answer with where it came from, and its shaped form beside it. The law: a hit enters with the bytes of the miss.

What enters a conversation of an answer is made once by a shape and kept with the answer, under the fingerprint of the
shape; a shape without one (a plain function, whose code may change) is applied anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from contextkit.toolcache.key import digest
from contextkit.toolcache.record import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from contextkit.store.entries import Entries
    from contextkit.toolcache.flow import Served
    from contextkit.toolcache.guard import Guard
    from contextkit.toolcache.stats import Kind

__all__ = ["Answer", "fingerprint"]

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cached tool gave.

    Attributes:
        value: as the tool gives it.
        kind: "hit", "miss" and so on, as in `CacheEvent`.
        key: under which it is kept; "" when the call has none.
        made: Unix seconds at which it was made; None when it is not kept.
    """

    value: Any
    kind: Kind
    key: str = ""
    made: float | None = None
    _served: Served | None = None
    _guard: Guard | None = None

    @property
    def is_cached(self) -> bool:
        """The tool did not run for this call."""
        return self.kind in {"hit", "stale", "shared"}

    def shaped(self, mark: str | None, shape: Callable[[Any], str]) -> str:
        """The text that enters of it: the kept one, or what the shape makes, which is then kept with it.

        Args:
            mark: the fingerprint of the shape and of all else that decides what it makes; None to keep nothing.
            shape: makes the text of the value. What it raises passes through.
        """
        record = self._served.record if self._served is not None and self._served.kept else None
        if mark is None or record is None or self._guard is None:
            return shape(self.value)
        found = record.shapes.get(mark)
        if found is not None:
            return found
        text = shape(self.value)
        self._guard.use(lambda entries: _kept(entries, self.key, record.json, mark, text))
        return text


def _kept(entries: Entries, key: str, json: bytes, mark: str, text: str) -> bool:
    """Add a shaped form to an answer that is still the same; others may add theirs at the same time."""
    for _ in range(_TRIES):
        old = entries.get(key)
        record = read(old)
        if old is None or record is None or record.json != json:
            return False
        if entries.amend(key, old, record.with_shape(mark, text).pack()):
            return True
    return False


def fingerprint(shape: Any, **settings: Any) -> str | None:
    """A name for what a shape and settings make of an output; None when the shape is code and has none.

    Args:
        shape: a Shape, or a list of them.
        settings: all else that decides: the cap, the tokenizer's family, whether notes name a handle.
    """
    links = shape if isinstance(shape, (list, tuple)) else [shape]
    if not all(is_dataclass(link) and not isinstance(link, type) for link in links):
        return None
    models = [getattr(getattr(link, "model", None), "model_fields", None) for link in links]
    return digest(repr((links, models, sorted(settings.items()))), 32)
