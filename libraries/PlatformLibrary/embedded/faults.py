"""A TCP proxy on one hop of a platform, which can delay, swallow, reset and refuse.

The words are Toxiproxy's where it has one (``latency``, ``timeout`` for swallowing, ``down`` for a cut hop); further
toxics belong into ``Toxics`` and ``FaultProxy._relay``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

from .ports import LOOPBACK, Port

_CHUNK = 1 << 16
_MOST_DELAYED = 1000
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Toxics:
    """What the proxy does to bytes: a delay in seconds each way, or nothing ever passed on."""

    latency: float = 0.0
    blackhole: bool = False


class FaultProxy:
    """Relays connections to ``target`` until it is told to disturb them."""

    def __init__(self, port: Port, target: int) -> None:
        self.port = port
        self.toxics = Toxics()
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    @property
    def is_cut(self) -> bool:
        """Whether connections are refused now."""
        return self._server is None

    async def heal(self) -> None:
        """Relay again, undisturbed; connections cut before stay cut, swallowed bytes stay swallowed."""
        self.toxics = Toxics()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self.port.listen())

    async def cut(self) -> None:
        """Reset every connection (RST) and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()
        await asyncio.gather(*self._open, return_exceptions=True)

    def reset(self) -> None:
        """Reset every connection (RST); new ones are taken."""
        for task, writers in self._open.items():
            for writer in writers:
                _reset(writer)
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = [writer]
        try:
            upstream_reader, upstream = await asyncio.open_connection(LOOPBACK, self._target)
            self._open[task].append(upstream)
            await asyncio.gather(self._relay(reader, upstream), self._relay(upstream_reader, writer))
        except (OSError, asyncio.CancelledError):
            # A refused or broken far side shows on the near side as what it is: a reset.
            for end in self._open[task]:
                _reset(end)
        finally:
            for end in self._open.pop(task):
                end.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_DELAYED)
        delivery = asyncio.ensure_future(_deliver(waiting, writer))
        try:
            while data := await reader.read(_CHUNK):
                if not self.toxics.blackhole:
                    await waiting.put((asyncio.get_running_loop().time() + self.toxics.latency, data))
            await waiting.put((0.0, b""))
            await delivery
        finally:
            delivery.cancel()


async def _deliver(waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await waiting.get()
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        if not data:
            break
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    if plain is not None and plain.fileno() >= 0:
        with contextlib.suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
