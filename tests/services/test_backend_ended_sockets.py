"""A socket that has ended is sent nothing and read nothing for, whoever still knows of it."""

from __future__ import annotations

import asyncio

from services.backend.connection import Connection
from services.backend.database import Database
from services.backend.events import Events
from services.backend.identity import Caller
from services.backend.users import User
from services.common.access_tokens import AccessToken
from services.common.instants import now

TOKEN = AccessToken("u", "s", "t", 0.0, 1e10, "u@a.test", (), "web", "standard")
USER = User("u", "u@a.test", "U", (), "standard", "active", 1, now())


def connection() -> Connection:
    return Connection(Caller(TOKEN, USER, "live"), "c", limit=9, close_grace=1.0)


def test_whoever_is_told_of_events_after_its_end_waits_for_nothing() -> None:
    async def run() -> None:
        ended = connection()
        ended.end(1006)
        Events(Database("postgresql://nobody@127.0.0.1:1/none"), 5.0).open(ended)
        assert ended.events_task is None

    asyncio.run(run())


def test_what_is_being_read_for_it_is_given_up() -> None:
    async def run() -> None:
        ended = connection()
        ended.events_task = asyncio.create_task(asyncio.sleep(60))
        ended.end(1006)
        await asyncio.wait([ended.events_task], timeout=5)
        assert ended.events_task.cancelled()

    asyncio.run(run())


def test_the_code_of_whoever_closed_first_counts() -> None:
    async def run() -> None:
        peer, ours = connection(), connection()
        ours.close(4001, "expired")
        for ended in (peer, ours):
            ended.end(1000)
        assert peer.closing is not None
        assert ours.closing is not None
        assert (peer.closing[0], ours.closing[0]) == (1000, 4001)

    asyncio.run(run())
