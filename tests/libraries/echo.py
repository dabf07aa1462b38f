"""An echo server behind a fault proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from PlatformLibrary.embedded.faults import FaultProxy
from PlatformLibrary.embedded.options import Link
from PlatformLibrary.embedded.ports import Port
from PlatformLibrary.embedded.toxics import Toxic

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LINK = Link("client", "backend-1")


def toxic(
    type_: str, stream: str = "downstream", toxicity: float = 1.0, *, open_only: bool = False, **attributes: Any
) -> Toxic:
    return Toxic.asked(type_, attributes, stream=stream, name=None, toxicity=toxicity, open_only=open_only)


class Hop:
    """An echo server behind a fault proxy."""

    def __init__(self, proxy: FaultProxy, port: int) -> None:
        self.proxy = proxy
        self._port = port
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self) -> Streams:
        streams = await asyncio.open_connection("127.0.0.1", self._port)
        self._open.append(streams[1])
        return streams

    async def add(self, type_: str, stream: str = "downstream", toxicity: float = 1.0, **attributes: Any) -> None:
        await self.proxy.add(toxic(type_, stream, toxicity, **attributes), "seed")

    def hang_up(self) -> None:
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def echo_hop(link: Link = LINK) -> AsyncIterator[Hop]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    target, front = Port(), Port()
    server = await asyncio.start_server(echo, sock=target.listen())
    proxy = FaultProxy(link, front, target.number)
    await proxy.heal()
    hop = Hop(proxy, front.number)
    try:
        yield hop
    finally:
        hop.hang_up()
        await proxy.close()
        server.close()
        for port in (target, front):
            port.release()


async def say(streams: Streams, text: bytes) -> bytes:
    reader, writer = streams
    writer.write(text)
    return await asyncio.wait_for(reader.readexactly(len(text)), 10)
