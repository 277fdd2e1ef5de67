"""A store in a Redis server, for many machines. The law: every change is one script, so that nobody sees half of it.

What is acknowledged is as durable as the server is set to be: `appendonly yes` and `appendfsync always` keep it through
a power cut, the server's defaults lose up to a second or more of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contextkit.store.redis_entries import RedisEntries
from contextkit.store.redis_link import RedisLink
from contextkit.store.redis_streams import RedisStreams

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RedisStore"]

# For each space a hash of its values (:v:) and their order (:o:); over all: bytes by space (:b), use (:u), a counter.
_COMMON: Final = """
local root = KEYS[1]
local function member(space, key) return #space .. ':' .. space .. key end
local function forget(space, key)
  local old = redis.call('HSTRLEN', root .. ':v:' .. space, key)
  if redis.call('HDEL', root .. ':v:' .. space, key) == 0 then return 0 end
  redis.call('ZREM', root .. ':o:' .. space, key)
  redis.call('ZREM', root .. ':u', member(space, key))
  if redis.call('HINCRBY', root .. ':b', space, 0 - old) == 0 then redis.call('HDEL', root .. ':b', space) end
  redis.call('DECRBY', root .. ':t', old)
  return 1
end
"""
_PUT: Final = (
    _COMMON
    + """
local space, key, value, replace, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local values = root .. ':v:' .. space
local there = redis.call('HEXISTS', values, key)
if there == 1 and replace == '0' then return {0, 0} end
local grown = #value - redis.call('HSTRLEN', values, key)
redis.call('HSET', values, key, value)
local now = redis.call('INCR', root .. ':n')
if there == 0 then redis.call('ZADD', root .. ':o:' .. space, now, key) end
redis.call('ZADD', root .. ':u', now, member(space, key))
redis.call('HINCRBY', root .. ':b', space, grown)
local total = redis.call('INCRBY', root .. ':t', grown)
local dropped = 0
while limit >= 0 and total > limit and redis.call('ZCARD', root .. ':u') > 1 do
  local oldest = redis.call('ZRANGE', root .. ':u', 0, 0)[1]
  local colon = string.find(oldest, ':', 1, true)
  local size = tonumber(string.sub(oldest, 1, colon - 1))
  forget(string.sub(oldest, colon + 1, colon + size), string.sub(oldest, colon + size + 1))
  dropped = dropped + 1
  total = tonumber(redis.call('GET', root .. ':t'))
end
return {1, dropped}
"""
)
_GET: Final = (
    _COMMON
    + """
local value = redis.call('HGET', root .. ':v:' .. ARGV[1], ARGV[2])
if value then redis.call('ZADD', root .. ':u', redis.call('INCR', root .. ':n'), member(ARGV[1], ARGV[2])) end
return value
"""
)
_DELETE: Final = _COMMON + "return forget(ARGV[1], ARGV[2])"


class RedisStore:
    """Values in a server that many machines share.

    Args:
        url: "redis://user:password@host:port/0", "rediss://..." (TLS) or "unix:///path".
        prefix: what all names in the server begin with.
        limit: bytes of values held at most, the least recently used given up first; None for no bound.
        patience: seconds to wait for a connection, and for an answer.

    Attributes:
        streams: event streams beside the values; no bound counts them.
        entries: answers with a lifetime beside the values, with the same bound for themselves.

    Raises:
        ConfigError: the package `redis` is not installed, or the address is wrong. A server that is away is an
            error of the first use.
    """

    def __init__(
        self, url: str, *, prefix: str = "contextkit", limit: int | None = None, patience: float = 2.0
    ) -> None:
        self.limit = limit
        self.dropped = 0
        self._link = RedisLink(url, prefix=prefix, patience=patience)
        self.streams = RedisStreams(self._link)
        self.entries = RedisEntries(self._link, limit)

    def get(self, space: str, key: str) -> bytes | None:
        """What is kept under a key; None when nothing is."""
        if self.limit is None:  # only a bounded store has to know what was used last
            found: bytes | None = self._link.call(lambda client: client.hget(f"{self._link.root}:v:{space}", key))
        else:
            found = self._link.run(_GET, space, key)
        return found

    def put(self, space: str, key: str, value: bytes, *, replace: bool = True) -> bool:
        """Keep bytes under a key; whether they were written.

        When the connection broke after the server had written, `replace=False` may say False of its own value.
        """
        limit = -1 if self.limit is None else self.limit
        written, dropped = self._link.run(_PUT, space, key, value, int(replace), limit)
        self.dropped += dropped
        return bool(written)

    def delete(self, space: str, key: str) -> bool:
        """Forget a key; whether it was there."""
        return bool(self._link.run(_DELETE, space, key))

    def keys(self, space: str) -> Iterator[str]:
        """The keys of a space as they are now, in the order in which they were first put."""
        found = self._link.call(lambda client: client.zrange(f"{self._link.root}:o:{space}", 0, -1))
        return (key.decode() for key in found)

    def size(self, space: str | None = None) -> int:
        """Bytes of the values in a space, or (None) in all of them."""
        root = self._link.root
        return int(
            self._link.call(
                lambda client: client.get(f"{root}:t") if space is None else client.hget(f"{root}:b", space)
            )
            or 0
        )

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._link.close()

    def __repr__(self) -> str:
        return f"RedisStore({self._link.where!r})"
