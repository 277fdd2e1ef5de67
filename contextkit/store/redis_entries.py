"""Answers with a lifetime in a Redis server, for many machines. The law is that of `entries`.

The clock is the server's. An answer is a key of its own with an expiry, so that reading one is a plain GET.
"""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from contextkit.store.entries import PART, Claim

if TYPE_CHECKING:
    from contextkit.store.entries import Match
    from contextkit.store.redis_link import RedisLink

__all__ = ["RedisEntries"]

_SWEPT: Final = 100
_PAGE: Final = 1_000

# :a:KEY an answer; :ends and :sizes of all answers, :bytes their sum; :tokens and :leases of those being made.
_COMMON: Final = """
local root = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function holds(key, token)
  local ends = redis.call('ZSCORE', root .. ':leases', key)
  return ends and tonumber(ends) > now and (not token or redis.call('HGET', root .. ':tokens', key) == token)
end
local function unlease(key)
  redis.call('ZREM', root .. ':leases', key)
  redis.call('HDEL', root .. ':tokens', key)
end
local function forget(key)
  local size = redis.call('HGET', root .. ':sizes', key)
  local there = redis.call('DEL', root .. ':a:' .. key)
  if not size then return there end
  redis.call('HDEL', root .. ':sizes', key)
  redis.call('ZREM', root .. ':ends', key)
  redis.call('DECRBY', root .. ':bytes', size)
  return there
end
local function sized(key, size)
  redis.call('HSET', root .. ':sizes', key, size)
  redis.call('INCRBY', root .. ':bytes', size)
end
local function room(newest, limit, swept)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', root .. ':ends', '-inf', now, 'LIMIT', 0, swept)) do forget(key) end
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', root .. ':leases', '-inf', now, 'LIMIT', 0, swept)) do
    unlease(key)
  end
  local dropped = 0
  while limit >= 0 and tonumber(redis.call('GET', root .. ':bytes') or 0) > limit do
    local soonest = redis.call('ZRANGE', root .. ':ends', 0, 1)
    local key = soonest[1] == newest and soonest[2] or soonest[1]
    if not key or key == newest then break end
    dropped = dropped + forget(key)
  end
  return dropped
end
"""
_CLAIM: Final = (
    _COMMON
    + """
local granted = 0
if not holds(ARGV[1]) or holds(ARGV[1], ARGV[2]) then
  redis.call('HSET', root .. ':tokens', ARGV[1], ARGV[2])
  redis.call('ZADD', root .. ':leases', now + ARGV[3], ARGV[1])
  granted = 1
end
return {granted, redis.call('GET', root .. ':a:' .. ARGV[1])}
"""
)
_RENEW: Final = (
    _COMMON
    + """
if not holds(ARGV[1], ARGV[2]) then return 0 end
redis.call('ZADD', root .. ':leases', now + ARGV[3], ARGV[1])
return 1
"""
)
_SETTLE: Final = (
    _COMMON
    + """
local key, value = ARGV[1], ARGV[3]
if not holds(key, ARGV[2]) then return -1 end
unlease(key)
forget(key)
redis.call('SET', root .. ':a:' .. key, value, 'PX', ARGV[4])
redis.call('ZADD', root .. ':ends', now + ARGV[4], key)
sized(key, #value)
return room(key, tonumber(ARGV[5]), tonumber(ARGV[6]))
"""
)
_RELEASE: Final = (
    _COMMON
    + """
if redis.call('HGET', root .. ':tokens', ARGV[1]) == ARGV[2] then unlease(ARGV[1]) end
return 0
"""
)
_AMEND: Final = (
    _COMMON
    + """
local key, new = ARGV[1], ARGV[3]
local there = redis.call('GET', root .. ':a:' .. key)
if there == new then return 0 end
if not there or there ~= ARGV[2] then return -1 end
redis.call('SET', root .. ':a:' .. key, new, 'KEEPTTL')
redis.call('INCRBY', root .. ':bytes', #new - #there)
redis.call('HSET', root .. ':sizes', key, #new)
return room(key, tonumber(ARGV[4]), tonumber(ARGV[5]))
"""
)
_DROP: Final = (
    _COMMON
    + """
local gone = 0
for at = 1, #ARGV do
  unlease(ARGV[at])
  gone = gone + forget(ARGV[at])
end
return gone
"""
)


class RedisEntries:
    """Answers in a server that many machines share.

    Args:
        link: the server.
        limit: bytes of answers held at most; None for no bound. The newest always stays.
    """

    quick: Final = False

    def __init__(self, link: RedisLink, limit: int | None = None) -> None:
        self.limit = limit
        self.dropped = 0
        self._link = link
        self._answers = f"{link.root}:a:"

    def get(self, key: str) -> bytes | None:
        """The answer under a key; None when there is none, or its time is over."""
        found: bytes | None = self._link.call(lambda client: client.get(self._answers + key))
        return found

    def claim(self, key: str, token: str, lease: float) -> Claim:
        """Ask for the lease on a key, for so many seconds; the same token may ask again."""
        granted, value = self._link.run(_CLAIM, key, token, _ms(lease))
        return Claim(bool(granted), value)

    def renew(self, key: str, token: str, lease: float) -> bool:
        """Hold the lease for so many seconds from now; False when it is no longer held."""
        return bool(self._link.run(_RENEW, key, token, _ms(lease)))

    def settle(self, key: str, token: str, value: bytes, seconds: float) -> bool:
        """Keep an answer for so many seconds and give the lease back; False (nothing kept) when it is not held."""
        return self._counted(self._link.run(_SETTLE, key, token, value, _ms(seconds), self._bound, _SWEPT))

    def release(self, key: str, token: str) -> None:
        """Give the lease back without an answer."""
        self._link.run(_RELEASE, key, token)

    def amend(self, key: str, old: bytes, new: bytes) -> bool:
        """Put another value in the place of one that is still the same, for the rest of its time; whether it was."""
        return self._counted(self._link.run(_AMEND, key, old, new, self._bound, _SWEPT))

    def drop(self, match: Match) -> int:
        """Forget answers, and take away the leases on making them; how many answers there were.

        All of a group or a space goes in pages of 1,000; what is made meanwhile may stay.
        """
        if match.key:
            return int(self._link.run(_DROP, match.key))
        pattern = (match.space or "?" * PART) + (match.group or "?" * PART) + "*"  # hex digits: nothing to escape
        return sum(self._dropped(name, pattern) for name in (":leases", ":ends"))

    def size(self) -> int:
        """Bytes of the answers; those whose time is over may still count for a while."""
        return int(self._link.call(lambda client: client.get(f"{self._link.root}:bytes")) or 0)

    @property
    def _bound(self) -> int:
        return -1 if self.limit is None else self.limit

    def _counted(self, dropped: int) -> bool:
        if dropped < 0:
            return False
        self.dropped += dropped
        return True

    def _dropped(self, name: str, pattern: str) -> int:
        cursor, gone = 0, 0
        while True:
            cursor, found = self._link.call(partial(_page, name=self._link.root + name, at=cursor, pattern=pattern))
            if found:
                gone += int(self._link.run(_DROP, *(key for key, _ in found)))
            if not cursor:
                return gone


def _page(client: Any, *, name: str, at: int, pattern: str) -> Any:
    return client.zscan(name, at, match=pattern, count=_PAGE)


def _ms(seconds: float) -> int:
    return max(ceil(seconds * 1_000), 1)
