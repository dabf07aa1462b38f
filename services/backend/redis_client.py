"""Redis as a cache and a doorbell: bounded waits, and after a failure a pause in which nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import redis.asyncio as redis

from services.backend import metrics
from services.common import logs
from services.common.quotas import SPEND
from services.common.redis_connections import AWAY, connect

T = TypeVar("T")
TIMEOUT = 0.5
PAUSE = 0.5
CONNECTIONS = 20


class RedisAway(Exception):  # noqa: N818 - a state, not a defect
    """Redis did not answer in time, or did not a moment ago."""


class Cache:
    """Calls to Redis that fail at once while it is known to be away."""

    def __init__(self, url: str) -> None:
        self._client = connect(url, TIMEOUT, CONNECTIONS)
        self._away_until = float("-inf")

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def call(self, work: Callable[[redis.Redis], Awaitable[T]]) -> T:
        """The result of ``work``; raises ``RedisAway``."""
        if time.monotonic() < self._away_until:
            raise RedisAway("it did not answer a moment ago")
        try:
            answer = await work(self._client)
        except AWAY as error:
            self._away_until = time.monotonic() + PAUSE
            metrics.REDIS_UP.set(0)
            raise RedisAway(logs.reason(error)) from None
        metrics.REDIS_UP.set(1)
        return answer

    async def values(self, names: Sequence[str]) -> list[str | None]:
        """The values of these keys, None where there is none; raises ``RedisAway``."""
        found = await self.call(lambda client: client.mget(names))
        return [value.decode() if isinstance(value, bytes) else value for value in found]

    async def spend(self, key: str, cost: int, window: int) -> tuple[int, int] | None:
        """One step of a quota (``services.common.quotas``): what is used, and ms left; None while Redis is away."""
        try:
            used, left = await self.call(lambda client: client.eval(SPEND, 1, key, cost, window))
        except RedisAway:
            return None
        return int(used), int(left)

    async def is_up(self) -> bool:
        """Whether it answers now."""
        try:
            await self.call(lambda client: client.ping())
        except RedisAway:
            return False
        return True
