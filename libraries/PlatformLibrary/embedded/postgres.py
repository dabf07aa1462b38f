"""PostgreSQL for one platform, copied from a data directory that is prepared once and kept in the cache."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from . import disks, system
from .children import Child, Children
from .errors import PlatformError
from .ports import LOOPBACK, Port
from .preloader import source_environment
from .servers import Server

DATABASES = ("auth", "main")
MIGRATIONS = {"auth": "services.auth.migrate", "main": "services.backend.migrate"}
_INITDB = (
    "-A",
    "trust",
    "-U",
    "postgres",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
    "--wal-segsize=1",
    "--no-data-checksums",
)
# Nobody connects to these, and each would cost every copy 300 files.
_SPARE = ("ALTER DATABASE template1 IS_TEMPLATE false", "DROP DATABASE template1", "DROP DATABASE postgres")
# fsync=off keeps every committed row over a SIGKILL of the server; synchronous_commit=off would not.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "8MB",
    "io_method": "sync",
    # In files of the data directory: POSIX segments of a killed server would stay in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# What a server does whose machine may lose power.
_DURABLE = {"fsync": "on", "full_page_writes": "on", "wal_level": "replica"}
_REPLICATED = {"wal_level": "replica", "max_wal_senders": "4", "wal_keep_size": "64MB", "hot_standby": "on"}
STANDBY = "standby"
"""What the standby calls itself to its primary."""
_TEMPLATE_KEPT_DAYS = 30


def url(port: int, database: str, *others: int) -> str:
    """The URL of a database on this machine; with ``others`` that of whichever server of them all takes writes."""
    hosts = ",".join(f"{LOOPBACK}:{one}" for one in (port, *others))
    return f"postgresql://postgres@{hosts}/{database}{'?target_session_attrs=read-write' if others else ''}"


def settings_of(*, standby: str, durable: bool) -> dict[str, str]:
    """What a server is told beside the usual, for a platform with a ``sync`` or ``async`` standby, or a durable one."""
    found = dict(_DURABLE) if durable else {}
    if standby:
        found |= _REPLICATED
    if standby == "sync":
        found["synchronous_standby_names"] = STANDBY
    return found


class Postgres(Server):
    """One PostgreSQL server; as root it runs as ``nobody``, since PostgreSQL refuses to be root."""

    # SIGINT is the fast shutdown: sessions are ended, everything is written.
    _stop_signal = signal.SIGINT

    def __init__(
        self,
        children: Children,
        programs: Path,
        data: Path,
        port: Port,
        log: Path,
        settings: Mapping[str, str] = MappingProxyType({}),
        name: str = "postgres",
        *,
        small_disk: bool = False,
    ) -> None:
        super().__init__(name, port, log)
        self._small_disk = small_disk
        self._children = children
        self._programs = programs
        self._settings = settings
        self.data = data
        self.version = ""

    def _launch(self) -> Child:
        wanted = {**_SETTINGS, **self._settings, "port": self.port.number}
        settings = [f"-c{name}={value}" for name, value in wanted.items()]
        command: list[str | Path] = [self._programs / "postgres", "-D", self.data, *settings]
        if self._small_disk:
            if self.child is not None:
                raise PlatformError(f"{self.name} cannot start again: its small disk has ended with it")
            command = disks.inside(self.data / "base", command)
        return self._children.start(
            command,
            log=self.log,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            directory=self.data,
            as_nobody=True,
            # SIGQUIT ends the whole tree at once and still removes its shared memory.
            death_signal=signal.SIGQUIT,
        )

    async def _ready(self, pid: int) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        if len(lines) < 8 or int(lines[0]) != pid or lines[7].strip() != "ready":
            return False
        started = re.search(r"starting PostgreSQL (\S+)", self.log.read_text(errors="replace"))
        self.version = started[1] if started else ""
        return True

    async def follow(self, primary: Postgres, workshop: Path) -> None:
        """Make its data directory a copy of what ``primary`` has now; started, it goes on to follow it."""
        _make_private(self.data)
        source = f"host={LOOPBACK} port={primary.port.number} user=postgres application_name={STANDBY}"
        copying: list[str | Path] = [self._programs / "pg_basebackup", "-D", self.data, "-R", "-X", "stream"]
        await _run(self._children, [*copying, "-c", "fast", "-d", source], workshop, as_nobody=True)

    async def discard(self) -> None:
        """End it without saving anything; its data directory is about to be removed."""
        if self.running:
            child = self.let_end()
            if self.paused:
                self.resume()
            if not await child.end(within=2.0, number=signal.SIGQUIT):
                await self.kill()
        system.forget_shared_memory(self.data)


async def make_empty(children: Children, programs: Path, data: Path, workshop: Path) -> None:
    """Make the data directory ``data``, with the databases that every PostgreSQL has."""
    _make_private(data)
    await _run(children, [programs / "initdb", *_INITDB, "-D", data], workshop, as_nobody=True)


def _make_private(data: Path) -> None:
    data.mkdir(mode=0o700)
    if user := system.unprivileged_user():
        os.chown(data, user.pw_uid, user.pw_gid)


async def execute(
    children: Children, programs: Path, workshop: Path, port: int, database: str, *statements: str
) -> None:
    """Execute statements with psql, each in a transaction of its own."""
    # One -c each: a database cannot be dropped inside the transaction that several statements would share.
    commands = [part for statement in statements for part in ("-c", statement)]
    psql: list[str | Path] = [programs / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", url(port, database), *commands]
    await _run(children, psql, workshop)


async def _run(children: Children, arguments: Sequence[str | Path], workshop: Path, *, as_nobody: bool = False) -> None:
    await children.run(
        arguments,
        log=workshop / f"{Path(arguments[0]).name}.log",
        environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        directory=workshop,
        as_nobody=as_nobody,
    )


class Templates:
    """Prepared data directories in the cache, one for each PostgreSQL version and set of migrations."""

    def __init__(self, children: Children, programs: Path, cache: Path) -> None:
        self._children = children
        self._programs = programs
        self._cache = cache

    async def copy_to(self, data: Path, services_dir: Path, workshop: Path) -> None:
        """Fill ``data`` from the template for ``services_dir``, which is made in ``workshop`` if the cache lacks it."""
        template = self._cache / f"pg-{_key(self._programs, services_dir)}"
        if not template.exists():
            async with _locked(template.with_suffix(".lock")):
                if not template.exists():
                    await self._make(template, services_dir, workshop)
        with contextlib.suppress(OSError):
            os.utime(template)
        await self._copy(template, data, workshop)

    async def _copy(self, source: Path, target: Path, workshop: Path) -> None:
        reflink = ["--reflink=auto"] if sys.platform == "linux" else []
        await _run(self._children, ["cp", "-Rp", *reflink, source, target], workshop)

    async def _make(self, template: Path, services_dir: Path, workshop: Path) -> None:
        data = workshop / "template"
        port = Port()
        server = Postgres(self._children, self._programs, data, port, workshop / "template.log")
        unfinished = template.with_name(f".{template.name}-{os.getpid()}")
        for abandoned in template.parent.glob(f".{template.name}-*"):
            # Only the holder of the lock makes one, so whoever made this has died.
            shutil.rmtree(abandoned, ignore_errors=True)
        try:
            await make_empty(self._children, self._programs, data, workshop)
            await server.start()
            await asyncio.gather(*(self._database(name, port.number, services_dir, workshop) for name in DATABASES))
            await self._sql(port.number, DATABASES[0], *_SPARE, workshop=workshop)
            await server.stop()
            await self._copy(data, unfinished, workshop)
            unfinished.rename(template)
        finally:
            await server.discard()
            port.release()
            for leftover in (data, unfinished):
                shutil.rmtree(leftover, ignore_errors=True)
        _prune(self._cache, keep=template)

    async def _database(self, name: str, port: int, services_dir: Path, workshop: Path) -> None:
        await self._sql(port, "postgres", f"CREATE DATABASE {name} STRATEGY FILE_COPY", workshop=workshop)
        await self._children.run(
            [sys.executable, "-m", MIGRATIONS[name]],
            log=workshop / f"migrate-{name}.log",
            environment={**source_environment(services_dir), "DATABASE_URL": url(port, name)},
            directory=services_dir,
        )

    async def _sql(self, port: int, database: str, *statements: str, workshop: Path) -> None:
        await execute(self._children, self._programs, workshop, port, database, *statements)


def _key(programs: Path, services_dir: Path) -> str:
    digest = hashlib.sha256(repr((_INITDB, _SPARE, (programs / "postgres").stat().st_size, os.getuid() == 0)).encode())
    for service in ("auth", "backend"):
        folder = services_dir / "services" / service
        for source in sorted([folder / "migrate.py", *(folder / "migrations").rglob("*.*")]):
            if source.is_file() and "__pycache__" not in source.parts:
                digest.update(str(source.relative_to(services_dir)).encode())
                digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold ``path``'s lock, which the kernel takes from a holder that dies."""
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.05)
        yield


def _prune(cache: Path, keep: Path) -> None:
    oldest = time.time() - _TEMPLATE_KEPT_DAYS * 86400
    for template in cache.glob("pg-*"):
        if template != keep and template.is_dir() and template.stat().st_mtime < oldest:
            shutil.rmtree(template, ignore_errors=True)
