"""Remember what a tool answered: `@cached` on `def` and `async def`, in memory, a SQLite file or a Redis server.

Law: deciding (`key`, `record`, `breaker`, `flow`) does no I/O and gets clock and random numbers as arguments; `effects`
and `guard` do it, through the stores.
"""

from __future__ import annotations

from contextkit.toolcache.answer import Answer, fingerprint
from contextkit.toolcache.cache import Cache, CacheWarning
from contextkit.toolcache.cached import Cached, cached, forget
from contextkit.toolcache.stats import CacheEvent, Stats

__all__ = ["Answer", "Cache", "CacheEvent", "CacheWarning", "Cached", "Stats", "cached", "fingerprint", "forget"]
