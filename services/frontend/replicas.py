"""Which replicas of a service can take a request now: asked by ``/health``, and told by requests that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from services.common import logs, problems

PROBE_INTERVAL = 0.5
PROBE_INTERVAL_AWAY = 0.1
PROBE_TIMEOUT = 2.0
GRACE = 0.3


class Replica:
    """One process of a service, at one address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ready = False
        self.doubted = asyncio.Event()
        self._waiting: set[asyncio.Timeout] = set()

    @contextmanager
    def waiting(self, timeout: asyncio.Timeout) -> Iterator[None]:
        """While it lasts, ``timeout`` runs out at once when the replica falls silent."""
        self._waiting.add(timeout)
        try:
            yield
        finally:
            self._waiting.discard(timeout)

    def doubt(self) -> None:
        """A request to it failed: take it out, and ask it at once how it is."""
        self.ready = False
        self.doubted.set()

    def silent(self) -> None:
        """It takes connections and does not answer (a stopped process): nobody should wait for it."""
        self.ready = False
        now = asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, set()
        for timeout in waiting:
            timeout.reschedule(now)


class Replicas:
    """All replicas of the service ``name``, chosen in turn among those that are ready."""

    def __init__(self, name: str, urls: tuple[str, ...]) -> None:
        self.name = name
        self.all = [Replica(url) for url in urls]
        self._turn = 0
        self._news = asyncio.Condition()

    @property
    def any_ready(self) -> bool:
        """Whether a request would find someone."""
        return any(replica.ready for replica in self.all)

    async def choose(self, avoid: Replica | None = None) -> Replica:
        """The next ready replica, another than ``avoid`` where there is one.

        Waits ``GRACE`` seconds for one to become ready, then raises the 503 ``Problem`` that names the service.
        """
        if not self.any_ready:
            try:
                async with asyncio.timeout(GRACE), self._news:
                    await self._news.wait_for(lambda: self.any_ready)
            except TimeoutError:
                raise problems.unavailable(self.name) from None
        ready = [replica for replica in self.all if replica.ready]
        others = [replica for replica in ready if replica is not avoid] or ready
        self._turn += 1
        return others[self._turn % len(others)]

    async def watch(self, session: aiohttp.ClientSession) -> None:
        """Ask every replica for its health, for ever."""
        async with asyncio.TaskGroup() as group:
            for replica in self.all:
                group.create_task(self._watch_one(replica, session))

    async def _watch_one(self, replica: Replica, session: aiohttp.ClientSession) -> None:
        while True:
            replica.doubted.clear()
            was = replica.ready
            await _probe(replica, session)
            if replica.ready != was:
                logs.logger().info("replica", replica=replica.url, ready=replica.ready)
            if replica.ready:
                async with self._news:
                    self._news.notify_all()
            pause = PROBE_INTERVAL if replica.ready else PROBE_INTERVAL_AWAY
            try:
                async with asyncio.timeout(pause):
                    await replica.doubted.wait()
            except TimeoutError:
                continue


async def _probe(replica: Replica, session: aiohttp.ClientSession) -> None:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT), session.get(f"{replica.url}/health") as answer:
            await answer.read()
            replica.ready = answer.status == 200
    except TimeoutError:
        replica.silent()
    except (aiohttp.ClientError, OSError):
        replica.ready = False
