"""Clients of Redis that wait for nothing long, and which of their errors mean that Redis is away."""

from __future__ import annotations

from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

# uvloop answers a write to a connection that the peer has reset with a RuntimeError, which redis-py passes on.
LOST: Any = (RedisConnectionError, RedisTimeoutError, RuntimeError)
"""The connection has broken: another may be good."""
AWAY = (RedisError, OSError, TimeoutError, RuntimeError)
"""Redis did not do what it was asked."""


def connect(url: str, timeout: float, connections: int) -> Redis:
    """A client that gives up after ``timeout`` seconds; who finds all its ``connections`` busy waits as long for one.

    One immediate retry: a pooled connection may have died with a restarted server.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        decode_responses=True,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 1, LOST),
    )
    return Redis.from_pool(pool)
