"""An answer as it is kept: when it was made, how long it is fresh, what it took, its JSON, and its shaped forms.

The law: only what JSON gives back as it was is kept (no pickle, no tuple that would come back as a list), and bytes
that are no record are nothing, never an error.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Record", "described", "lifetime", "made", "read", "rebuilt"]

_HEAD: Final = struct.Struct("<BBdddQI")  # version, kind, made, fresh until, seconds, tokens, bytes of the JSON
_VERSION: Final = 1
_VALUE, _ERROR = 0, 1

_ENCODE: Final[Callable[[Any], str]] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode
_SCAN: Final[Callable[[str, int], tuple[Any, int]]] = cast("Any", json.JSONDecoder()).scan_once


def _decoded(text: str) -> Any:
    """The value of a JSON text of ours, which has no space around it."""
    return _SCAN(text, 0)[0]


class Record(NamedTuple):
    """An answer.

    Attributes:
        made: Unix seconds at which it was made.
        fresh: Unix seconds until which it may stand for a call.
        seconds: what making it took.
        tokens: what making it cost in tokens, where the user says so.
        json: the value, or the type and the arguments of an error.
        is_error: it is an error that was told to be kept.
        shaped: what enters a conversation, by the fingerprint of the shape; as JSON, read when it is asked for.
    """

    made: float
    fresh: float
    seconds: float
    tokens: int
    json: bytes
    is_error: bool = False
    shaped: bytes = b""

    @property
    def value(self) -> Any:
        """The value, made anew each time: nobody changes what another holds."""
        return _decoded(self.json.decode("utf-8", "surrogatepass"))

    @property
    def shapes(self) -> dict[str, str]:
        """The shaped forms by fingerprint."""
        found = _decoded(self.shaped.decode("utf-8", "surrogatepass")) if self.shaped else {}
        return found if isinstance(found, dict) else {}

    def with_shape(self, fingerprint: str, text: str) -> Record:
        """The record with another shaped form."""
        shapes = _ENCODE({**self.shapes, fingerprint: text})
        return self._replace(shaped=shapes.encode("utf-8", "surrogatepass"))

    def pack(self) -> bytes:
        """The record as bytes."""
        kind = _ERROR if self.is_error else _VALUE
        head = _HEAD.pack(_VERSION, kind, self.made, self.fresh, self.seconds, self.tokens, len(self.json))
        return head + self.json + self.shaped


def read(kept: bytes | None) -> Record | None:
    """A record out of bytes; None when there are none, or they are no record of this version."""
    if kept is None or len(kept) < _HEAD.size:
        return None
    version, kind, made_at, fresh, seconds, tokens, size = _HEAD.unpack_from(kept)
    end = _HEAD.size + size
    if version != _VERSION or kind > _ERROR or end > len(kept):
        return None
    return Record(made_at, fresh, seconds, tokens, kept[_HEAD.size : end], kind == _ERROR, kept[end:])


def made(
    value: Any, *, now: float, ttl: float, seconds: float, tokens: int = 0, is_error: bool = False
) -> Record | None:
    """The record of a value; None when JSON would not give it back as it is.

    Args:
        value: any.
        now: Unix seconds.
        ttl: seconds for which it is fresh.
        seconds: what making it took.
        tokens: what making it cost.
        is_error: the value describes an error.
    """
    try:
        text = _ENCODE(value)
        if _decoded(text) != value:
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    written = text.encode("utf-8", "surrogatepass")
    return Record(now, now + ttl, seconds, max(tokens, 0), written, is_error)


def lifetime(ttl: float, jitter: float, roll: float) -> float:
    """Seconds for which an answer is fresh: the TTL less a random share, so that answers do not all end at once.

    Args:
        ttl: seconds.
        jitter: the largest share that is taken off, 0 to 1.
        roll: a random number, 0 to 1.
    """
    return ttl * (1.0 - jitter * roll)


def described(error: Exception, kinds: Mapping[str, type[Exception]]) -> list[Any] | None:
    """An error as JSON: the name of its declared type and its arguments; None when it is none of the declared ones."""
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in kinds:
            return [name, list(error.args)]
    return None


def rebuilt(record: Record, kinds: Mapping[str, type[Exception]]) -> Exception | None:
    """The error that a record describes; None when its type is no longer declared."""
    name, args = record.value
    kind = kinds.get(name)
    if kind is None:
        return None
    try:
        return kind(*args)
    except Exception:  # noqa: BLE001  (its constructor wants something else: its arguments alone must do)
        return kind.__new__(kind, *args)
