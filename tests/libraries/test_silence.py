"""A silenced connection stays half-open, whatever its other end does, and ends when it is healed."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from PlatformLibrary.embedded.faults import FaultProxy
from PlatformLibrary.embedded.ports import Port

from tests.libraries.echo import LINK, Streams, echo_hop, say, toxic

pytestmark = pytest.mark.req("H13")
ABORT = struct.pack("ii", 1, 0)


class Peer:
    """A server whose connections a test ends as it likes."""

    def __init__(self, proxy: FaultProxy, port: int, server: asyncio.Server) -> None:
        self.proxy = proxy
        self.port = port
        self.server = server
        self.open: list[asyncio.StreamWriter] = []

    async def connect(self) -> Streams:
        streams = await asyncio.open_connection("127.0.0.1", self.port)
        assert await say(streams, b"hello") == b"hello"
        return streams

    async def silence(self, **how: Any) -> None:
        await self.proxy.add(toxic("timeout", "both", **how), "seed")


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.open.append(writer)
        while data := await reader.read(1 << 16):
            writer.write(data)

    target, front = Port(), Port()
    server = await asyncio.start_server(serve, sock=target.listen())
    proxy = FaultProxy(LINK, front, target.number)
    found = Peer(proxy, front.number, server)
    await proxy.heal()
    try:
        yield found
    finally:
        await proxy.close()
        server.close()
        for writer in found.open:
            writer.transport.abort()
        for port in (target, front):
            port.release()


def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


def resets(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    writer.transport.abort()


async def nothing_comes(streams: Streams) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(streams[0].read(1), 0.5)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scenario(), 30)

    asyncio.run(bounded())


@pytest.mark.parametrize("ends", [closes, resets])
def test_the_end_of_a_server_is_not_passed_on_until_it_is_healed(ends: Callable[[asyncio.StreamWriter], None]) -> None:
    async def scenario() -> None:
        async with peer() as hop:
            streams = await hop.connect()
            await hop.silence()
            streams[1].write(b"swallowed")
            ends(hop.open[0])
            await nothing_comes(streams)
            streams[1].write(b"swallowed, too")
            await nothing_comes(streams)
            await hop.proxy.heal()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(streams[0].read(1), 5)

    run(scenario)


def test_the_end_of_a_client_is_not_passed_on_either() -> None:
    async def scenario() -> None:
        async with peer() as hop:
            streams = await hop.connect()
            await hop.silence()
            resets(streams[1])
            await asyncio.sleep(0.5)
            assert not hop.open[0].is_closing()
            hop.open[0].write(b"still open")
            await hop.open[0].drain()

    run(scenario)


def test_a_new_connection_is_taken_though_the_server_is_gone() -> None:
    async def scenario() -> None:
        async with peer() as hop:
            await hop.silence()
            hop.server.close()
            streams = await asyncio.open_connection("127.0.0.1", hop.port)
            await nothing_comes(streams)
            await hop.proxy.heal()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(streams[0].read(1), 5)

    run(scenario)


def test_only_open_connections_may_be_silenced() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            old = await hop.connect()
            assert await say(old, b"before") == b"before"
            await hop.proxy.add(toxic("timeout", "both", open_only=True), "seed")
            new = await hop.connect()
            assert await say(new, b"new") == b"new"
            old[1].write(b"lost")
            await nothing_comes(old)

    run(scenario)
