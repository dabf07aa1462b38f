"""Ports that are kept, and the proxy that disturbs a hop: real sockets, no platform."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from PlatformLibrary.embedded.errors import PlatformError, TransientError
from PlatformLibrary.embedded.faults import FaultProxy
from PlatformLibrary.embedded.options import Link, Options, links
from PlatformLibrary.embedded.ports import Port
from PlatformLibrary.embedded.toxics import Toxic

from tests.libraries.echo import echo_hop, say


def connects(number: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", number)) == 0


def bindable(number: int) -> bool:
    """Whether anybody else could take the port, asking politely or not."""
    for reuse in (0, 1):
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
            try:
                thief.bind(("127.0.0.1", number))
            except OSError:
                continue
            return True
    return False


def test_a_kept_port_refuses_connections_and_nobody_else_gets_it() -> None:
    port = Port()
    assert not connects(port.number)
    assert not bindable(port.number)
    port.release()
    assert bindable(port.number)


def test_its_owner_listens_on_it_again_and_again() -> None:
    port = Port()
    for _ in range(3):
        listener = port.listen()
        assert connects(port.number)
        with pytest.raises(TransientError, match="cannot listen on"):
            port.listen()
        listener.close()
        assert not connects(port.number)
        assert not bindable(port.number)
    port.release()


def test_the_proxy_relays_delays_swallows_resets_refuses_and_heals() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            first = await hop.connect()
            assert await say(first, b"x" * 500_000) == b"x" * 500_000

            await hop.proxy.add(Toxic("slow", "latency", "both", 1.0, {"latency": 100, "jitter": 0}), "seed")
            begun = time.monotonic()
            assert await say(first, b"slow") == b"slow"
            assert time.monotonic() - begun >= 0.2

            await hop.proxy.add(Toxic("hole", "timeout", "both", 1.0, {"timeout": 0}), "seed")
            first[1].write(b"lost")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(first[0].read(1), 0.2)

            await hop.proxy.heal()
            with pytest.raises(ConnectionResetError):
                await first[0].read(1)
            second = await hop.connect()
            assert await say(second, b"back") == b"back"

            hop.proxy.reset()
            with pytest.raises(ConnectionResetError):
                await second[0].read(1)
            second = await hop.connect()
            assert await say(second, b"new") == b"new"

            await hop.proxy.add(Toxic("down", "down", "both"), "seed")
            with pytest.raises(ConnectionResetError):
                await second[0].read(1)
            with pytest.raises(ConnectionRefusedError):
                await hop.connect()

            await hop.proxy.heal()
            third = await hop.connect()
            assert await say(third, b"healed") == b"healed"

    asyncio.run(scenario())


def test_the_end_of_one_side_reaches_the_other() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            reader, writer = await hop.connect()
            writer.write(b"last words")
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 2) == b"last words"

    asyncio.run(scenario())


def test_a_dead_target_shows_as_a_reset() -> None:
    async def scenario() -> None:
        target, front = Port(), Port()
        proxy = FaultProxy(Link("client", "backend-1"), front, target.number)
        await proxy.heal()
        reader, _ = await asyncio.open_connection("127.0.0.1", front.number)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await proxy.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("hop", "expected"),
    [
        ("backend->redis", ["backend-1->redis", "backend-2->redis"]),
        ("backend-2->db", ["backend-2->postgres"]),
        ("frontend→backend-1", ["frontend->backend-1"]),
        ("client -> frontend", ["client->frontend"]),
    ],
)
def test_a_hop_stands_for_its_links(hop: str, expected: list[str]) -> None:
    assert [str(link) for link in links(["backend-1", "backend-2"]) if link.on(hop)] == expected


def test_options_are_one_platform_where_they_mean_the_same() -> None:
    assert Options.from_json({}).key == Options.from_json({"backends": "2", "env": {}, "redis_server": None}).key
    assert Options.from_json({}).key != Options.from_json({"env": {"ACCESS_TTL": 5}}).key
    with pytest.raises(PlatformError, match="there is no hop 'backend'; hops are"):
        Options.from_json({"proxies": ["backend"]})
    assert Link("auth", "backend-1").on("*")
