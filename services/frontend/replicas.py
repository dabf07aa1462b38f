"""Which replicas of a service can take a request now: asked by ``/health``, and told by requests that failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import aiohttp

from services.common import logs, problems

PROBE_INTERVAL = 1.0
PROBE_INTERVAL_AWAY = 0.1
PROBE_TIMEOUT = 2.0
_STEP = 0.1


class Health(NamedTuple):
    """What a replica says of itself: it takes requests, and it has its database."""

    ready: bool
    sound: bool


class Replica:
    """One process of a service, at one address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ready = False
        self.sound = True
        self.silent = False
        self.asked = 0
        self.found_away = 0
        self.doubted = asyncio.Event()
        self._heard = False
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

    def heard(self) -> None:
        """It answered somebody: however long its health takes, it is not silent."""
        self._heard = True

    async def ask(self, session: aiohttp.ClientSession) -> None:
        """Ask for its health, and take it in, take it out or call it silent accordingly."""
        self.asked += 1
        asking = asyncio.create_task(_health(self.url, session))
        try:
            if not await self._speaks(asking):
                self._fall_silent()
                return
            self.ready, self.sound = asking.result()
            self.silent = False
            if not self.ready:
                self.found_away = self.asked
        finally:
            asking.cancel()

    async def _speaks(self, asking: asyncio.Task[Health]) -> bool:
        """Whether ``asking`` ended before ``PROBE_TIMEOUT`` seconds without a sign of life.

        They are counted in short steps, each as what it was to last: who was held up himself did not listen that long.
        """
        silence = 0.0
        while silence < PROBE_TIMEOUT:
            self._heard = False
            await asyncio.wait([asking], timeout=_STEP)
            if asking.done():
                return True
            silence = 0.0 if self._heard else silence + _STEP
        return False

    def _fall_silent(self) -> None:
        """It takes connections and does not answer (a stopped process): nobody should wait for it."""
        self.ready, self.silent = False, True
        now = asyncio.get_running_loop().time()
        waiting, self._waiting = self._waiting, set()
        for timeout in waiting:
            timeout.reschedule(now)


class Replicas:
    """All replicas of the service ``name``, chosen in turn among those that are ready."""

    def __init__(self, name: str, urls: tuple[str, ...], patience: float) -> None:
        self.name = name
        self._patience = patience
        self.all = [Replica(url) for url in urls]
        self._turn = 0
        self._news = asyncio.Condition()

    @property
    def any_ready(self) -> bool:
        """Whether a request would find someone."""
        return any(replica.ready for replica in self.all)

    async def choose(self, avoid: Replica | None = None) -> Replica:
        """The next ready replica, another than ``avoid`` and one that has its database where there is one.

        Raises the 503 ``Problem`` that names the service, but not before each replica was asked again (or ``patience``
        seconds have passed): one of which nothing is known yet, which has just failed or is just coming back may be
        there all the same. For one that is silent nobody waits.
        """
        if not self.any_ready and not await self._find_ready():
            raise problems.unavailable(self.name)
        ready = [replica for replica in self.all if replica.ready]
        others = [replica for replica in ready if replica is not avoid] or ready
        best = [replica for replica in others if replica.sound] or others
        self._turn += 1
        return best[self._turn % len(best)]

    async def _find_ready(self) -> bool:
        asked = [(replica, replica.asked) for replica in self.all]

        def all_away() -> bool:
            return all(replica.silent or replica.found_away > before for replica, before in asked)

        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience), self._news:
                await self._news.wait_for(lambda: self.any_ready or all_away())
        return self.any_ready

    async def watch(self, session: aiohttp.ClientSession) -> None:
        """Ask every replica for its health, for ever."""
        async with asyncio.TaskGroup() as group:
            for replica in self.all:
                group.create_task(self._watch_one(replica, session))

    async def _watch_one(self, replica: Replica, session: aiohttp.ClientSession) -> None:
        while True:
            replica.doubted.clear()
            was = replica.ready
            await replica.ask(session)
            if replica.ready != was:
                logs.logger().info("replica", replica=replica.url, ready=replica.ready, silent=replica.silent)
            async with self._news:
                self._news.notify_all()
            pause = PROBE_INTERVAL if replica.ready else PROBE_INTERVAL_AWAY
            try:
                async with asyncio.timeout(pause):
                    await replica.doubted.wait()
            except TimeoutError:
                continue


async def _health(url: str, session: aiohttp.ClientSession) -> Health:
    try:
        async with session.get(f"{url}/health") as answer:
            told = await answer.read()
            return Health(answer.status == 200, _has_database(told))
    except (aiohttp.ClientError, OSError):
        return Health(ready=False, sound=False)


def _has_database(told: bytes) -> bool:
    """Whether a service says so, or says nothing of it."""
    try:
        return bool(json.loads(told)["dependencies"]["database"] != "down")
    except (ValueError, TypeError, KeyError):
        return True
