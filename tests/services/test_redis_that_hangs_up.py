"""What stands in for Redis takes connections and resets them: it is away for both services, and no error of theirs."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable

import uvloop
from redis.asyncio import Redis

from services.auth.redis_link import RedisAway, RedisLink
from services.backend import redis_client

TRIES = 200


def hang_up(listener: socket.socket) -> None:
    """Reset every connection as soon as it is there, until the listener is closed."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


async def with_one_who_hangs_up(attempt: Callable[[str], Callable[[], Awaitable[object]]]) -> Counter[str]:
    """What ``attempt``, made for the address of such a server, ends in each time."""
    seen = Counter[str]()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        once = attempt(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        for _ in range(TRIES):
            try:
                await once()
            except Exception as error:
                seen[type(error).__name__] += 1
    return seen


def test_auth_says_that_redis_is_away() -> None:
    def made_for(url: str) -> Callable[[], Awaitable[object]]:
        link = RedisLink(url)

        async def once() -> None:
            link.up.set()
            async with link.use() as redis, redis.pipeline(transaction=False) as pipe:
                pipe.get("one")
                pipe.get("other")
                await pipe.execute()

        return once

    assert uvloop.run(with_one_who_hangs_up(made_for)) == {RedisAway.__name__: TRIES}


def test_auths_watch_goes_on() -> None:
    async def caught_up(_client: Redis) -> None:
        return

    async def heard(_client: Redis) -> bool:
        return True

    def made_for(url: str) -> Callable[[], Awaitable[object]]:
        link = RedisLink(url)
        return lambda: link._probe(caught_up, heard)

    assert not uvloop.run(with_one_who_hangs_up(made_for))


def test_backend_says_that_redis_is_away() -> None:
    def made_for(url: str) -> Callable[[], Awaitable[object]]:
        cache = redis_client.Cache(url)

        async def once() -> None:
            cache._away_until = 0
            await cache.values(["one", "other"])

        return once

    assert uvloop.run(with_one_who_hangs_up(made_for)) == {redis_client.RedisAway.__name__: TRIES}
