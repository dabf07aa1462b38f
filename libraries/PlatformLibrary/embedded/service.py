"""One service process of a platform: auth, a backend replica, frontend or the provider."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .children import Child
from .errors import PlatformError, log_size, log_tail
from .ports import LOOPBACK, Port
from .preloader import Preloader
from .servers import DRAIN_DEADLINE, START_DEADLINE, STOP_DEADLINE, Instance

_POLL = 0.02
_ANSWER_TIMEOUT = 2.0


@dataclass(frozen=True)
class Health:
    """What ``GET /health`` answered; ``status`` 0 where nothing readable came."""

    status: int = 0
    start_id: str = ""
    dependencies: Mapping[str, str] = ()  # type: ignore[assignment]

    @property
    def down(self) -> list[str]:
        """Dependencies that the service does not reach."""
        return [name for name, state in dict(self.dependencies).items() if state != "up"]


class Service(Instance):
    """A service whose listening socket belongs to the host.

    While the process lives the host keeps the socket too, so that a successor can share it; when the process ends the
    host closes it, and connections are refused as they are in life.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        port: Port,
        log: Path,
        preloader: Callable[[Path], Preloader],
        services_dir: Path,
    ) -> None:
        super().__init__(name, port, log)
        self.kind = kind
        self.services_dir = services_dir
        """Where its next start takes ``services/`` from: another version there is its next version."""
        self._preloader = preloader
        self._environment: Mapping[str, str] = {}
        self._tls: ssl.SSLContext | None = None
        self._listener: socket.socket | None = None

    def configure(self, environment: Mapping[str, str], tls: ssl.SSLContext | None) -> None:
        """Set what its next starts get: the environment, and how to trust it where it speaks TLS."""
        self._environment = environment
        self._tls = tls

    async def start(self) -> None:
        """Start it and wait until ``/health`` echoes this start's id with 200."""
        await self.start_with(dependencies=False)

    async def start_with(self, *, dependencies: bool) -> None:
        """Start it; with ``dependencies`` it counts as ready only when it reaches all of them."""
        self.must_not_run()
        self._close_listener()
        self._listener = self.port.listen()
        try:
            await self._run_on(self._listener, dependencies)
        except BaseException:
            self._close_listener()
            raise

    async def restart_without_gap(self) -> None:
        """Start a successor on the same listening socket; when it is ready, let the old process drain and end."""
        old = self.must_run()
        if self._listener is None or self.paused:
            raise PlatformError(f"{self.name} cannot hand over its socket: it is {self.status}")
        try:
            await self._run_on(self._listener, dependencies=False)
        except BaseException:
            self.child = old
            raise
        await old.end(within=DRAIN_DEADLINE, number=signal.SIGQUIT)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after the bound; afterwards connections are refused."""
        child = self.let_end()
        if self.paused:
            self.resume()
        await child.end(within=STOP_DEADLINE)
        self._close_listener()

    async def _run_on(self, listener: socket.socket, dependencies: bool) -> None:
        start_id = secrets.token_hex(8)
        offset = log_size(self.log)
        environment = {**self._environment, "START_ID": start_id}
        child = await self._preloader(self.services_dir).fork(self.kind, environment, self.log, listener)
        self.child = child
        child.exited.add_done_callback(lambda _: self._ended(child))
        try:
            await self._until_ready(child, start_id, offset, dependencies)
        except BaseException:
            child.send(signal.SIGKILL)
            raise
        self._serves(child)

    async def _until_ready(self, child: Child, start_id: str, offset: int, dependencies: bool) -> None:
        deadline = time.monotonic() + START_DEADLINE
        health = Health()
        while time.monotonic() < deadline:
            asking = asyncio.ensure_future(ask_health(self.port.number, self._tls))
            watched: list[asyncio.Future[Any]] = [asking, child.exited]
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not child.running:
                asking.cancel()
                raise PlatformError(
                    f"{self.name} ended with status {child.exited.result()} at its start{log_tail(self.log, offset)}"
                )
            health = asking.result()
            if health.status == 200 and health.start_id == start_id and not (dependencies and health.down):
                return
            await asyncio.sleep(_POLL)
        cause = f"{_why(health, start_id)}{log_tail(self.log, offset)}"
        raise PlatformError(f"{self.name} was not ready within {START_DEADLINE:g} s: {cause}")

    def _ended(self, child: Child) -> None:
        if self.child is child:
            self.paused = False
            self._close_listener()

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def _why(health: Health, start_id: str) -> str:
    if health.status == 0:
        return "/health gave no answer"
    if health.start_id != start_id:
        return f"/health answered for start {health.start_id!r}, not for {start_id!r}"
    if health.down:
        return f"it does not reach {', '.join(health.down)}"
    return f"/health answered {health.status}"


async def ask_health(port: int, tls: ssl.SSLContext | None) -> Health:
    """One ``GET /health``; an empty Health where there was no answer within two seconds."""
    status, body = await get_json(port, "/health", tls)
    return Health(status, str(body.get("start_id", "")), body.get("dependencies", {}))


async def get_json(port: int, path: str, tls: ssl.SSLContext | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of one GET on loopback; ``(0, {})`` where nothing readable came."""
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=tls)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        parsed = json.loads(body)
        return int(head.split(b" ", 2)[1]), parsed if isinstance(parsed, dict) else {}
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0, {}
