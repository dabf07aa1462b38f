"""Proxies of the run's own between its sockets and a target, wherever that is: they disturb what passes."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Collection
from functools import cache
from typing import Any

from WebSocketLibrary import detours
from WebSocketLibrary.background import LoopThread

_LOOPBACK = "127.0.0.1"


class Network:
    """Every socket that is opened while it stands goes by way of it. Needs PlatformLibrary, whose relay it uses.

    ``framed``: it knows the frames of sockets that are not encrypted, and can drop single ones.
    """

    def __init__(self, *, framed: bool = False) -> None:
        self.framed = framed
        self._proxies: dict[detours.Address, _Proxy] = {}
        self._toxics: dict[str, tuple[Any, Collection[int]]] = {}
        self._guard = threading.Lock()

    def stand(self) -> None:
        """Begins; sockets that are open already are not touched. Raises ``ImportError`` without PlatformLibrary."""
        importlib.import_module("PlatformLibrary.embedded.relay")
        detours.take(self._proxy)

    def end(self) -> None:
        """Resets what passes by it, and stands no longer."""
        detours.take(None)
        with self._guard:
            proxies, self._proxies = list(self._proxies.values()), {}
            self._toxics.clear()
        for proxy in proxies:
            _thread().run(proxy.close())

    def disturb(self, name: str, type_: str, stream: str, ports: Collection[int] = (), **attributes: Any) -> None:
        """Puts a toxic on the sockets with these local ports, on all and those to come where none is named."""
        from PlatformLibrary.embedded.toxics import Toxic

        self.heal(name)
        toxic = Toxic.asked(type_, attributes, stream=stream, name=name, toxicity=1.0)
        with self._guard:
            self._toxics[name] = (toxic, tuple(ports))
            proxies = list(self._proxies.values())
        for proxy in proxies:
            _thread().call(proxy.hold, toxic, tuple(ports))

    def heal(self, name: str = "") -> None:
        """Takes a toxic off, or all; a socket that has lost something to it is reset then."""
        with self._guard:
            healed = [known for known in self._toxics if not name or known == name]
            for known in healed:
                del self._toxics[known]
            proxies = list(self._proxies.values())
        for proxy in proxies:
            _thread().call(proxy.free, healed)

    def reset(self, ports: Collection[int] = (), server: detours.Address | None = None) -> None:
        """Resets sockets (TCP RST) at both ends, once: those with these local ports, or those of one server."""
        with self._guard:
            proxies = [proxy for known, proxy in self._proxies.items() if server in (None, known)]
        for proxy in proxies:
            _thread().call(proxy.reset, tuple(ports))

    def _proxy(self, server: detours.Address) -> detours.Address:
        with self._guard:
            if server not in self._proxies:
                proxy = self._proxies[server] = _Proxy(server, self)
                _thread().run(proxy.open())
            return self._proxies[server].address

    def on(self, port: int) -> list[Any]:
        """The toxics that a new socket with this local port comes under."""
        return [toxic for toxic, ports in list(self._toxics.values()) if not ports or port in ports]


class _Proxy:
    """Relays what comes to one server; everything but the constructor belongs to the thread of proxies."""

    def __init__(self, server: detours.Address, network: Network) -> None:
        self.address = (_LOOPBACK, 0)
        self._server = server
        self._network = network
        self._listener: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], tuple[int, Any]] = {}

    async def open(self) -> None:
        self._listener = await asyncio.start_server(self._serve, _LOOPBACK, 0)
        self.address = (_LOOPBACK, self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._listener is not None
        self._listener.close()
        self.reset(())
        await asyncio.gather(*self._open, return_exceptions=True)

    def hold(self, toxic: Any, ports: Collection[int]) -> None:
        for port, connection in self._open.values():
            if not ports or port in ports:
                connection.hold(toxic, toxic.name)

    def free(self, names: Collection[str]) -> None:
        for _, connection in self._open.values():
            for name in names:
                connection.free(name)

    def reset(self, ports: Collection[int]) -> None:
        for task, (port, _) in self._open.items():
            if not ports or port in ports:
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from PlatformLibrary.embedded.relay import Connection

        task = asyncio.current_task()
        assert task is not None
        port = writer.get_extra_info("peername")[1]
        connection = Connection(reader, writer, framed=self._network.framed)
        self._open[task] = (port, connection)

        def began() -> None:
            for toxic in self._network.on(port):
                connection.hold(toxic, toxic.name)

        def silent() -> bool:
            return any(toxic.silences("downstream") for toxic in self._network.on(port))

        try:
            await connection.serve(*self._server, began, silent)
        finally:
            del self._open[task]


@cache
def _thread() -> LoopThread:
    return LoopThread()
