"""One process of a booted target: a command line that listens on a port and says by HTTP when it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PlatformLibrary.embedded.children import Child, Children
from PlatformLibrary.embedded.ports import Port
from PlatformLibrary.embedded.servers import Server

_ANSWERS_WITHIN = 5.0
_ASK_EVERY = 0.1
_STOPS_WITHIN = 15.0
_FIRST_BAD_STATUS = 400


@dataclass(frozen=True)
class Command:
    """What is run, with which environment (nothing else is inherited), in which folder."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path

    async def run(self, children: Children, log: Path) -> None:
        """Run it to its end; a PlatformError with the end of its output where it fails."""
        await children.run(self.arguments, log=log, environment=self.environment, directory=self.folder)


class Program(Server):
    """A process of somebody else's software, on a port of ours."""

    _stop_deadline = _STOPS_WITHIN

    def __init__(
        self,
        name: str,
        children: Children,
        command: Command,
        ports: Sequence[Port],
        log: Path,
        *,
        ready: str,
        within: float,
        alone: bool,
    ) -> None:
        """``ready`` is a URL, ``within`` seconds; ``alone`` ones leave processes that they started to themselves."""
        super().__init__(name, ports[0], log)
        self._further_ports = ports[1:]
        self._children = children
        self._command = command
        self._url = ready
        self._start_deadline = within
        self._alone = alone

    async def start(self) -> None:
        with contextlib.ExitStack() as opened:
            for port in self._further_ports:
                opened.enter_context(port.open_to_server())
            await super().start()

    def _launch(self) -> Child:
        command = self._command
        return self._children.start(
            command.arguments, log=self.log, environment=command.environment, directory=command.folder
        )

    async def _ready(self, pid: int) -> bool:
        status = await asked(self._url)
        if 0 < status < _FIRST_BAD_STATUS:
            return True
        await asyncio.sleep(_ASK_EVERY)
        return False

    async def kill(self) -> None:
        if not self._alone:
            return await super().kill()
        child = self.let_end()
        child.send(signal.SIGKILL)
        await child.exited
        self.paused = False
        return None

    async def pause(self) -> None:
        if not self._alone:
            return await super().pause()
        self.must_run().send(signal.SIGSTOP)
        self.paused = True
        return None

    def resume(self) -> None:
        if not self._alone:
            return super().resume()
        self.must_run().send(signal.SIGCONT)
        self.paused = False
        return None


async def asked(url: str) -> int:
    """The status with which ``url`` answers a GET; 0 where nothing readable comes."""
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:
        return 0
    try:
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), _ANSWERS_WITHIN)
        return int(line.split()[1])
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0
    finally:
        writer.close()
