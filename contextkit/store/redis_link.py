"""One Redis server, reached within a stated time. The law: no call waits longer than its patience for an answer.

Needs the package `redis` (the extra of that name). What it raises becomes a StoreError without address secrets. A
connection that the server has closed is made anew once; a script may therefore run twice, and none of ours does
harm then. All names in the server begin with one prefix in braces, so that a cluster keeps
them on one node and scripts may touch several.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from threading import local
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from weakref import finalize

from contextkit.errors import ConfigError
from contextkit.store.base import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RedisLink"]

_CONNECTIONS: Final = 1_000  # one for each thread that asks at the same time


class RedisLink:
    """A pool of connections, made at first use; safe for threads, and after a fork.

    Args:
        url: "redis://user:password@host:port/0", "rediss://..." (TLS) or "unix:///path".
        prefix: what all names in the server begin with.
        patience: seconds to wait for a connection, and for an answer.

    Raises:
        ConfigError: the package is not installed, or the address is wrong.
    """

    def __init__(self, url: str, *, prefix: str = "contextkit", patience: float = 0.25) -> None:
        if not prefix or {"{", "}"} & set(prefix):
            raise ConfigError(f"prefix is {prefix!r}", where="redis", fix="Give a word without braces.")
        if patience <= 0:
            raise ConfigError(f"patience is {patience}", where="redis", fix="Give seconds above 0.")
        self.url = url
        self.root = f"{{{prefix}}}"
        self.patience = patience
        self.where = _without_secrets(url)
        self._client: Any = None
        self._made: Callable[[], Any] = lambda: None
        self._local = local()
        self._scripts: dict[str, Any] = {}
        self._errors: tuple[type[Exception], ...] = (OSError, UnicodeError)
        self._connect()

    def call(self, work: Callable[[Any], Any]) -> Any:
        """What the work gives of the client.

        Raises:
            StoreError: no answer in time, or an error instead of one.
        """
        try:
            return work(self._own())
        except self._errors as error:
            raise StoreError(
                f"redis does not answer as it should: {type(error).__name__}: {error}",
                where=self.where,
                fix="Is the server up, within reach, and not out of memory?",
            ) from error

    def run(self, script: str, *given: Any) -> Any:
        """What a Lua script gives; KEYS[1] is the root of all names, ARGV what is given.

        Raises:
            StoreError: as `call`.
        """
        made = self._scripts.get(script)
        if made is None:
            made = self._scripts[script] = self._client.register_script(script)
        return self.call(lambda client: made(keys=[self.root], args=given, client=client))

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._client.connection_pool.disconnect()
        self._local = local()

    def __repr__(self) -> str:
        return f"RedisLink({self.where!r})"

    def _own(self) -> Any:
        """The client of this thread, with a connection of its own: a call takes half the time of a pool's."""
        held = getattr(self._local, "held", None)
        if held is None or held[0] != os.getpid():  # after a fork the connection is the parent's
            held = self._local.held = (os.getpid(), self._made())
        return held[1]

    def _connect(self) -> None:
        try:
            redis, retry, backoff = (import_module(name) for name in ("redis", "redis.retry", "redis.backoff"))
        except ImportError as error:
            raise ConfigError(
                "the package redis is not installed", where=self.where, fix="Install claude-contextkit[redis]."
            ) from error
        self._errors = (*self._errors, redis.RedisError)
        # No second try after a time-out: that would double the wait. A closed connection is seen at once.
        again = retry.Retry(backoff.NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        try:
            pool = redis.ConnectionPool.from_url(
                self.url,
                max_connections=_CONNECTIONS,
                socket_timeout=self.patience,
                socket_connect_timeout=self.patience,
                socket_keepalive=True,
                health_check_interval=0,
                retry=again,
            )
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"no address of a redis server: {error}", where=self.where, fix='Give "redis://host:port/0".'
            ) from None
        self._client = redis.Redis(connection_pool=pool)  # makes no connection
        self._made = lambda: redis.Redis(connection_pool=pool, single_connection_client=True)
        finalize(self, _disconnected, pool, os.getpid())


def _disconnected(pool: Any, owner: int) -> None:
    """Close what this process opened; a parent's connections are the parent's."""
    if owner == os.getpid():
        with suppress(Exception):
            pool.disconnect()


def _without_secrets(url: str) -> str:
    """The address without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
