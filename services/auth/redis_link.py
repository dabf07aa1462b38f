"""Redis: an immediate answer that it is away while it is, and a watch that notices both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from redis import asyncio as aioredis
from redis.exceptions import ResponseError

from services.common import logs
from services.common.problems import Problem
from services.common.redis_connections import AWAY, connect

TIMEOUT = 1.0
CONNECTIONS = 50
_RETRY_EVERY = 0.05
_PROBE_EVERY = 1.0

T = TypeVar("T")
Work = Callable[[aioredis.Redis], Awaitable[T]]


class RedisAway(Problem):
    """503 ``redis_unavailable``; whoever can do without Redis catches it."""

    def __init__(self) -> None:
        super().__init__(503, "redis_unavailable", "redis does not answer", headers={"Retry-After": "1"})


class RedisLink:
    """Gives the client while Redis is trusted: reachable, and brought up to date since it was last away."""

    def __init__(self, url: str) -> None:
        self.client: aioredis.Redis = connect(url, TIMEOUT, CONNECTIONS)
        self.up = asyncio.Event()
        self._suspect = asyncio.Event()
        self._reachable = False

    @asynccontextmanager
    async def use(self) -> AsyncIterator[aioredis.Redis]:
        """The client; raises ``RedisAway`` at once while Redis is down, and when it fails now."""
        if not self.up.is_set():
            raise RedisAway
        try:
            async with asyncio.timeout(2 * TIMEOUT):
                yield self.client
        except AWAY as error:
            # A refused command (a key of a foreign type, say) is no sign that Redis is away.
            if not isinstance(error, ResponseError):
                self._mark_down(error)
            raise RedisAway from error

    async def is_up(self) -> bool:
        """Whether Redis answered when it was last asked, at most a second ago; it may not be trusted yet."""
        return self._reachable

    def distrust(self) -> None:
        """Bring Redis up to date before it is used again: it answers, but has refused what it must know."""
        if self.up.is_set():
            self.up.clear()
            logs.logger().warning("redis_not_trusted_any_more")
            self._suspect.set()

    async def watch(self, bring_up_to_date: Work[None], has_heard: Work[bool]) -> None:
        """Trust Redis only after ``bring_up_to_date``, and while it ``has_heard`` everything; runs until cancelled."""
        try:
            while True:
                self._suspect.clear()
                await self._probe(bring_up_to_date, has_heard)
                try:
                    await asyncio.wait_for(self._suspect.wait(), _PROBE_EVERY if self.up.is_set() else _RETRY_EVERY)
                except TimeoutError:
                    continue
        finally:
            await self.client.aclose()

    async def _probe(self, bring_up_to_date: Work[None], has_heard: Work[bool]) -> None:
        try:
            async with asyncio.timeout(2 * TIMEOUT):
                await self.client.ping()
                self._reachable = True
                if self.up.is_set() and not await has_heard(self.client):
                    self.distrust()
            # Without a limit of its own: it may be much, and each of its calls has one.
            if not self.up.is_set():
                await bring_up_to_date(self.client)
                self.up.set()
                # Once more, for what ended after the look and before Redis was trusted.
                await bring_up_to_date(self.client)
                logs.logger().info("redis_up")
        except AWAY as error:
            self._mark_down(error)
        except Problem as problem:
            self.up.clear()
            logs.logger().debug("redis_not_trusted_yet", problem=problem.code)

    def _mark_down(self, error: Exception) -> None:
        self._reachable = False
        if self.up.is_set():
            self.up.clear()
            logs.logger().warning("redis_down", error=type(error).__name__)
            self._suspect.set()
