"""PostgreSQL for everything but the group commit: a small pool, bounded waits, one retry after a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from services.common import postgres, problems

Row = tuple[Any, ...]
Params = Sequence[Any] | dict[str, Any] | None
T = TypeVar("T")

CONNECT_TIMEOUT = 2
STATEMENT_TIMEOUT = 5.0
# A busy pool is no outage: only a longer wait is called one.
WAIT_FOR_CONNECTION = 3.0
# Whoever asks for the health of a replica gives it a second.
CHECK_TIMEOUT = 0.5
POOL_SIZE = 8
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TimeoutError)


async def connect(url: str) -> AsyncConnection[Row]:
    """A connection of one's own, in autocommit; raises one of ``AWAY`` where there is none to be had."""
    return await postgres.Connection.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT,
        application_name="backend-writer",
        options=postgres.OPTIONS,
    )


class Database:
    """The pool. Every method raises ``Problem`` 503 ``database_unavailable`` while PostgreSQL is away."""

    def __init__(self, url: str) -> None:
        self._answers = False
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            url,
            connection_class=postgres.Connection,
            min_size=1,
            max_size=POOL_SIZE,
            open=False,
            timeout=WAIT_FOR_CONNECTION,
            # Short, since a pool that backs off for minutes stays away long after PostgreSQL is back.
            reconnect_timeout=1.0,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT,
                "application_name": "backend",
                "options": postgres.OPTIONS,
            },
        )

    async def open(self) -> None:
        """Start connecting, without waiting for it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """End every connection."""
        await self._pool.close(timeout=1.0)

    async def is_up(self) -> bool:
        """Whether a query is answered now; of a pool that is busy, whether the last query was."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self.fetch("SELECT 1")
        except (problems.Problem, TimeoutError):
            return self._answers
        return True

    async def fetch(self, query: LiteralString, params: Params = None) -> list[Row]:
        """All rows of one statement that may be repeated; no rows for one that returns none."""

        async def run(connection: AsyncConnection[Row]) -> list[Row]:
            cursor = await connection.execute(query, params)
            return await cursor.fetchall() if cursor.description else []

        return await self._run(run)

    async def fetch_one(self, query: LiteralString, params: Params = None) -> Row | None:
        """The first row of ``fetch``, or None."""
        rows = await self.fetch(query, params)
        return rows[0] if rows else None

    async def transact(self, work: Callable[[AsyncConnection[Row]], Awaitable[T]]) -> T:
        """The result of ``work`` done in one transaction; ``work`` must be one that may be repeated."""

        async def run(connection: AsyncConnection[Row]) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self._run(run)

    async def _run(self, work: Callable[[AsyncConnection[Row]], Awaitable[T]]) -> T:
        for last in (False, True):
            try:
                async with self._connection() as connection:
                    result = await work(connection)
            except PoolTimeout:
                break
            except TimeoutError:
                # A server that is frozen is so the second time, too: whoever waits has waited enough.
                self._answers = False
                break
            except AWAY:
                self._answers = False
                # The pool hands out connections that died with a restarted server: one more try with a fresh one.
                if last:
                    break
                await self._discard_dead()
            else:
                self._answers = True
                return result
        raise problems.unavailable("database")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Row]]:
        async with asyncio.timeout(STATEMENT_TIMEOUT), self._pool.connection() as connection:
            yield connection

    async def _discard_dead(self) -> None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self._pool.check()
        except AWAY:
            pass
