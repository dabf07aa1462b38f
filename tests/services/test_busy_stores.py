"""A store that many ask at once is busy, not away."""

from __future__ import annotations

import asyncio
from typing import Any

from services.auth import database as auth_database
from services.auth import redis_link
from services.auth.redis_link import RedisLink
from services.backend.database import POOL_SIZE, Database
from services.common.redis_connections import connect
from tests.services.servers import MakeDatabase, Servers


def test_who_finds_every_connection_to_redis_busy_waits_for_one(servers: Servers) -> None:
    async def run() -> list[object]:
        client = connect(servers.redis.url, 5.0, 2)
        async with client:
            return await asyncio.gather(*(client.blpop(["nothing"], 0.05) for _ in range(20)), return_exceptions=True)

    assert asyncio.run(run()) == [None] * 20


def test_more_callers_than_connections_do_not_make_auth_take_redis_for_dead(servers: Servers) -> None:
    async def run() -> bool:
        link = RedisLink(servers.redis.url)
        link.up.set()

        async def use() -> None:
            async with link.use() as client:
                await client.blpop(["nothing"], 0.05)

        async with link.client:
            await asyncio.gather(*(use() for _ in range(5 * redis_link.CONNECTIONS)))
            return link.up.is_set()

    assert asyncio.run(run())


def test_a_database_whose_every_connection_is_busy_is_up(make_database: MakeDatabase) -> None:
    async def run() -> list[bool]:
        database = Database(make_database("busy"))
        await database.open()
        quiet = await database.is_up()
        busy = [asyncio.create_task(database.fetch("SELECT pg_sleep(2)")) for _ in range(2 * POOL_SIZE)]
        await asyncio.sleep(0)
        answers = [quiet, await database.is_up(), *(task.done() for task in busy)]
        await asyncio.gather(*busy)
        await database.close()
        return answers

    assert asyncio.run(run()) == [True, True] + [False] * 2 * POOL_SIZE


def test_connections_that_died_together_cost_auth_no_request(make_database: MakeDatabase) -> None:
    url = make_database("died")

    async def prepare(_connection: auth_database.Connection) -> None:
        pass

    async def run() -> Any:
        database = auth_database.Database(url)
        watching = asyncio.create_task(database.watch(prepare))
        await database.up.wait()
        await asyncio.gather(*(database.first("SELECT pg_sleep(1)") for _ in range(6)))
        ended = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'auth' AND datname = current_database()"""
        other = await auth_database.connect(url, "other")
        died = await (await other.execute(ended)).fetchall()
        await other.close()
        found = await database.first("SELECT 1 AS one")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return len(died), found

    died, found = asyncio.run(run())
    assert died > 2
    assert found == {"one": 1}
