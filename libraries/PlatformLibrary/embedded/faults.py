"""A TCP proxy on one hop of a platform, and what can be done to it in Toxiproxy's words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import PlatformError
from .options import Link
from .ports import LOOPBACK, Port
from .relay import Connection
from .toxics import Toxic, no_such


class FaultProxy:
    """Relays the connections of a link to ``target``, under the toxics that were added."""

    def __init__(self, link: Link, port: Port, target: int) -> None:
        self.link = link
        self.port = port
        self.toxics: dict[str, Toxic] = {}
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], Connection] = {}
        self._seeds: dict[str, str] = {}
        self._met: dict[str, int] = {}

    async def add(self, toxic: Toxic, seed: str) -> None:
        """Put a toxic on every connection, open or to come."""
        self.check(toxic)
        self.toxics[toxic.name] = toxic
        self._seeds[toxic.name] = f"{seed}\0{self.link}\0{toxic.name}"
        self._met[toxic.name] = 0
        for connection in self._relaying:
            self._hold(connection, toxic)
        await self._open_or_close()

    async def update(self, name: str, attributes: Mapping[str, Any], toxicity: float | None) -> None:
        """Give a toxic other values."""
        self.toxics[name] = self.toxic(name).changed(attributes, toxicity)
        for connection in self._relaying:
            connection.change(self.toxics[name])

    async def remove(self, names: Iterable[str]) -> None:
        """Take toxics away: what they held back passes at once; a connection that lost bytes to them is reset."""
        for toxic in [self.toxic(name) for name in names]:
            del self.toxics[toxic.name]
            for connection in self._open.values():
                connection.free(toxic.name)
        await self._open_or_close()

    async def heal(self) -> None:
        """Relay undisturbed; connections that were ended before stay so."""
        await self.remove(list(self.toxics))

    def toxic(self, name: str) -> Toxic:
        """The toxic of that name; a PlatformError where there is none."""
        if name not in self.toxics:
            raise PlatformError(no_such(f"toxic on {self.link} of the name", name, self.toxics))
        return self.toxics[name]

    def check(self, toxic: Toxic) -> None:
        """A PlatformError where that toxic cannot be added."""
        if toxic.name in self.toxics:
            raise PlatformError(
                f"{self.link} has a toxic {toxic.name!r} already: update or remove it, or name this one"
            )
        if toxic.type == "drop_frame" and not self.link.carries_websockets:
            raise PlatformError(
                f"no frames can be dropped on {self.link}: either no WebSocket passes there, or an encrypted one; they "
                "pass in the clear on client->backend and frontend->backend"
            )

    def reset(self) -> None:
        """Reset every connection (RST); new ones are taken."""
        for task in self._open:
            task.cancel()

    async def close(self) -> None:
        """Reset every connection and take no new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def _relaying(self) -> list[Connection]:
        return [connection for connection in self._open.values() if connection.flows]

    async def _open_or_close(self) -> None:
        if any(toxic.type == "down" for toxic in self.toxics.values()):
            await self.close()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self.port.listen())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = self._open[task] = Connection(reader, writer, framed=self.link.carries_websockets)
        if self._server is None:
            # It was taken just before the hop went down.
            task.cancel()
        try:
            await connection.serve(LOOPBACK, self._target, lambda: self._hold_all(connection), self._is_silent)
        finally:
            del self._open[task]

    def _hold_all(self, connection: Connection) -> None:
        for toxic in self.toxics.values():
            if not toxic.open_only:
                self._hold(connection, toxic)

    def _is_silent(self) -> bool:
        """Whether every connection to come is silenced towards the client."""
        return any(toxic.silences("downstream") for toxic in self.toxics.values())

    def _hold(self, connection: Connection, toxic: Toxic) -> None:
        self._met[toxic.name] += 1
        connection.hold(toxic, f"{self._seeds[toxic.name]}\0{self._met[toxic.name]}")
