"""Clients of Redis that wait for nothing long, and which of their errors mean that Redis is away."""

from __future__ import annotations

import weakref
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelManagedConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

# uvloop answers a write to a connection that the peer has reset with a RuntimeError, which redis-py passes on.
LOST: Any = (RedisConnectionError, RedisTimeoutError, RuntimeError)
"""The connection has broken: another may be good."""
AWAY = (RedisError, OSError, TimeoutError, RuntimeError)
"""Redis did not do what it was asked."""

SENTINEL = "redis+sentinel"
_SENTINEL_TIMEOUT = 0.3


def connect(url: str, timeout: float, connections: int) -> Redis:
    """A client that gives up after ``timeout`` seconds; who finds all its ``connections`` busy waits as long for one.

    ``redis+sentinel://host:port,host:port/name/0`` follows the primary of that name from server to server. One
    immediate retry: a pooled connection may have died with a restarted server.
    """
    options: dict[str, Any] = {
        "max_connections": connections,
        "timeout": timeout,
        "decode_responses": True,
        "socket_connect_timeout": timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 1, LOST),
    }
    if urlsplit(url).scheme == SENTINEL:
        return Redis.from_pool(PrimaryPool(url, **options))
    return Redis.from_pool(BlockingConnectionPool.from_url(url, **options))


class PrimaryPool(BlockingConnectionPool):
    """Connections to the server that Sentinel calls the primary now, and to none that it has called so before.

    Unlike redis-py's pool for Sentinel it waits for a connection where all are busy.
    """

    is_master = True
    check_connection = False

    def __init__(self, url: str, **options: Any) -> None:
        addresses, self._name, database = _parts(url)
        super().__init__(connection_class=SentinelManagedConnection, db=database, **options)
        self.connection_kwargs["connection_pool"] = weakref.proxy(self)
        self._primary: tuple[str, int] | None = None
        limits = {"socket_timeout": _SENTINEL_TIMEOUT, "socket_connect_timeout": _SENTINEL_TIMEOUT}
        self._sentinel: Any = Sentinel(addresses, sentinel_kwargs=limits)  # type: ignore[no-untyped-call]

    async def get_master_address(self) -> tuple[str, int]:
        """Where the primary is; a ``ConnectionError`` of redis-py where no Sentinel knows one that lives."""
        found: tuple[str, int] = await self._sentinel.discover_master(self._name)
        if found != self._primary:
            self._primary = found
            await self.disconnect(inuse_connections=False)
        return found

    async def ensure_connection(self, connection: Any) -> None:
        """Connect it, again where it leads to a server that is not the primary any more."""
        if (connection.host, connection.port) != self._primary:
            await connection.disconnect()
        await super().ensure_connection(connection)

    async def aclose(self) -> None:
        """End every connection, those to Sentinel too."""
        await super().aclose()
        await self._sentinel.aclose()


def _parts(url: str) -> tuple[list[tuple[str, int]], str, int]:
    """Sentinels, name of the primary, number of the database; ValueError says what is wrong with ``url``."""
    parts = urlsplit(url)
    name, _, database = parts.path.lstrip("/").partition("/")
    try:
        addresses = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in parts.netloc.split(","))]
        number = int(database or 0)
    except ValueError:
        addresses, number = [], 0
    if not name or not addresses or not all(host for host, _ in addresses):
        raise ValueError(f"REDIS_URL with Sentinel is {SENTINEL}://host:port,host:port/name/0")
    return addresses, name, number
