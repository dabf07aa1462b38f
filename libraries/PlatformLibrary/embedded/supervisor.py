"""The platforms of one host: shared ones counted by their leases, private ones each for one."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import certificates, rundir, waited
from .certificates import Tls
from .children import Children
from .errors import PlatformError, TransientError
from .options import Options, project_root
from .platform import Platform
from .postgres import Templates
from .preloader import Preloader
from .rundir import RunDirectory

_START_ATTEMPTS = 3


@dataclass
class LeasedPlatform:
    """A platform, the task that starts it, and how many leases it has."""

    platform: Platform
    shared: bool
    started: asyncio.Task[None] = field(init=False)
    leases: int = 0
    kept: int = 0
    """Of the leases: those that only keep the platform alive."""
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _left_alone: float = float("-inf")

    def shared_since(self, since: float) -> bool:
        """Whether two or more clients had it at once at any time since then (monotonic clock)."""
        return self.leases - self.kept > 1 or self._left_alone > since

    def leave(self) -> None:
        """One lease less."""
        if self.leases - self.kept > 1:
            self._left_alone = time.monotonic()
        self.leases -= 1


class Supervisor:
    """Starts platforms on demand and ends them with their last lease."""

    def __init__(self, directory: RunDirectory, programs: Path, kept_logs: Path | None) -> None:
        self._directory = directory
        self._kept_logs = kept_logs
        self._children = Children(directory.note)
        self._preloaders: dict[tuple[Path, bool], Preloader] = {}
        if (project_root() / "services" / "preload.py").exists():
            # The longest part of a cold start, so it begins before a client has asked for a platform.
            self._preloader(project_root().resolve())
        self._programs = programs
        self._templates = Templates(self._children, self._programs, rundir.cache_directory())
        self._tls: asyncio.Task[Tls] = asyncio.ensure_future(asyncio.to_thread(certificates.make_tls, directory.path))
        self._platforms: list[LeasedPlatform] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._watch = asyncio.ensure_future(self._watch_waiting())

    async def lease(self, options: Options, *, shared: bool) -> LeasedPlatform:
        """A ready platform: the shared one of these options, or a new private one."""
        if shared and options.proxies:
            raise PlatformError("a shared platform has no fault proxies: use a private one")
        leased = next(
            (one for one in self._platforms if shared and one.shared and one.platform.options.key == options.key), None
        )
        if leased is None:
            leased = self._admit(options, shared)
        leased.leases += 1
        try:
            await asyncio.shield(leased.started)
        except BaseException:
            self.release(leased)
            raise
        return leased

    def hold(self, leased: LeasedPlatform) -> None:
        """One lease more on a platform that has one, for nobody's use."""
        leased.leases += 1
        leased.kept += 1

    def let_go(self, leased: LeasedPlatform) -> None:
        """End what `hold` began."""
        leased.kept -= 1
        self.release(leased)

    def release(self, leased: LeasedPlatform) -> asyncio.Task[None] | None:
        """End one lease; with the last one the platform ends, and the task that ends it is returned."""
        leased.leave()
        if leased.leases > 0 or leased not in self._platforms:
            return None
        self._platforms.remove(leased)
        ending = asyncio.ensure_future(self._end(leased))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

    async def close(self) -> None:
        """End everything."""
        self._watch.cancel()
        for leased in list(self._platforms):
            leased.leases = 1
            self.release(leased)
        await asyncio.gather(*self._ending, return_exceptions=True)
        await asyncio.gather(*(preloader.close() for preloader in self._preloaders.values()), return_exceptions=True)
        await asyncio.gather(self._tls, return_exceptions=True)

    def leased(self, name: str) -> LeasedPlatform:
        """That of the platform of this id, whoever has leased it."""
        for leased in self._platforms:
            if leased.platform.id == name:
                return leased
        raise PlatformError(f"there is no platform {name!r}")

    @property
    def shared(self) -> list[LeasedPlatform]:
        """The shared platforms that live."""
        return [leased for leased in self._platforms if leased.shared]

    @property
    def faults(self) -> list[str]:
        """Every toxic that is on now, on any platform."""
        return [
            f"{leased.platform.id} {toxic['hop']} {toxic['name']}"
            for leased in self._platforms
            for toxic in leased.platform.hops.toxics()
        ]

    async def _watch_waiting(self) -> None:
        while True:
            for leased in self._platforms:
                leased.platform.read_waiting()
            await asyncio.sleep(waited.EVERY)

    def _admit(self, options: Options, shared: bool) -> LeasedPlatform:
        leased = LeasedPlatform(self._make(options), shared)
        leased.started = asyncio.ensure_future(self._start(leased))
        leased.started.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._platforms.append(leased)
        return leased

    def _make(self, options: Options) -> Platform:
        return Platform(
            options,
            self._directory.path,
            self._directory.data,
            self._children,
            self._templates,
            self._programs,
            lambda services_dir: self._preloader(services_dir, clocks=options.clocks),
            self._kept_logs,
        )

    async def _start(self, leased: LeasedPlatform) -> None:
        for _ in range(1, _START_ATTEMPTS):
            try:
                await _start(leased.platform, self._tls)
            except TransientError as error:
                print(f"started again, on other ports: {error}", file=sys.stderr, flush=True)
                await leased.platform.stop()
                leased.platform = self._make(leased.platform.options)
            else:
                return
        await _start(leased.platform, self._tls)

    async def _end(self, leased: LeasedPlatform) -> None:
        leased.started.cancel()
        await asyncio.gather(leased.started, return_exceptions=True)
        async with leased.busy:
            await leased.platform.stop()

    def _preloader(self, services_dir: Path, *, clocks: bool = False) -> Preloader:
        found = self._preloaders.get((services_dir, clocks))
        if found is None or not found.usable:
            log = self._directory.path / f"preload-{len(self._preloaders)}.log"
            found = Preloader(self._children, services_dir, log, self._directory.note, clocks=clocks)
            self._preloaders[services_dir, clocks] = found
        return found


async def _start(platform: Platform, tls: asyncio.Task[Tls]) -> None:
    try:
        await platform.start(tls)
    except BaseExceptionGroup as group:
        raise _cause(group) from group


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that says most: one that another attempt may mend, then any PlatformError."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
        else:
            leaves.append(error)
    for kind in (TransientError, PlatformError):
        if found := next((error for error in leaves if isinstance(error, kind)), None):
            return found
    return leaves[0]
