"""Event streams in a Redis server: a list for each, and a sorted set of their keys. The law is that of `streams`.

An append carries a mark of its own, so that one whose answer was lost on the way is acknowledged when it is sent again,
and not written twice.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from contextkit.store.base import StoreError
from contextkit.store.streams import conflict, sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contextkit.store.redis_link import RedisLink

__all__ = ["RedisStreams"]

_MARK: Final = 16

# The digest of an event holds its version, so a writer without an expected one is told the version and seals again.
_APPEND: Final = """
local list, key, expected, mark = KEYS[1] .. ':s:' .. ARGV[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local found = redis.call('LLEN', list)
if found ~= expected then
  local first = redis.call('LINDEX', list, expected)
  if first and string.sub(first, 1, #mark) == mark then return {1, expected + #ARGV - 3} end
  return {0, found}
end
for at = 4, #ARGV do redis.call('RPUSH', list, mark .. ARGV[at]) end
redis.call('ZADD', KEYS[1] .. ':names', 0, key)
return {1, found + #ARGV - 3}
"""
_DELETE: Final = """
redis.call('ZREM', KEYS[1] .. ':names', ARGV[1])
return redis.call('DEL', KEYS[1] .. ':s:' .. ARGV[1])
"""


class RedisStreams:
    """Streams in a server that many machines share.

    Args:
        link: the server.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def append(self, key: str, events: Sequence[bytes], expected_version: int | None = None) -> int:
        """Add events at the end of a stream, all or none; its version then."""
        version = self.version(key) if expected_version is None or not events else expected_version
        mark = os.urandom(_MARK)
        while events:
            rows = [sealed(key, at, data) for at, data in enumerate(events, version + 1)]
            written, found = self._link.run(_APPEND, key, version, mark, *rows)
            if written:
                return int(found)
            if expected_version is not None:
                raise conflict(key, expected_version, int(found))
            version = int(found)
        if expected_version not in {None, version}:
            raise conflict(key, expected_version or 0, version)
        return version

    def read(self, key: str, after: int = 0) -> list[bytes]:
        """The events of a stream after a version, oldest first; [] when there are none."""
        after = max(after, 0)
        kept = self._link.call(lambda client: client.lrange(f"{self._link.root}:s:{key}", after, -1))
        return [unsealed(key, at, data[_MARK:], self._link.where) for at, data in enumerate(kept, after + 1)]

    def version(self, key: str) -> int:
        """How many events a stream has."""
        return int(self._link.call(lambda client: client.llen(f"{self._link.root}:s:{key}")))

    def keys(self, prefix: str = "") -> list[str]:
        """The streams whose key begins with a text, sorted by code point."""
        try:
            low = b"[" + prefix.encode()
        except UnicodeError as error:
            raise StoreError(f"no key can begin with {prefix!r}", where=self._link.where) from error
        high = b"[" + prefix.encode() + b"\xff" if prefix else b"+"  # no UTF-8 holds the byte 255
        found = self._link.call(lambda client: client.zrangebylex(f"{self._link.root}:names", low, high))
        return [key.decode() for key in found]

    def delete(self, key: str) -> bool:
        """Forget a stream; whether it was there."""
        return bool(self._link.run(_DELETE, key))
