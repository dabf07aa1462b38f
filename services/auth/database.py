"""PostgreSQL: a small pool while it is there, an immediate 503 while it is not, and a watch that tells which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from services.common import logs, postgres, problems

CONNECT_TIMEOUT = 2.0
# A busy pool or a starved machine is no outage: only a longer silence is called one.
WAIT_FOR_CONNECTION = 3.0
PROBE_TIMEOUT = 4.0
STATEMENT_TIMEOUT = 10.0
MAX_CONNECTIONS = 10
_RETRY_EVERY = 0.05
_PROBE_EVERY = 1.0
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TimeoutError)

_TIMELINE: LiteralString = f"SELECT {postgres.TIMELINE} AS timeline"

Connection = psycopg.AsyncConnection[DictRow]
Preparation = Callable[[Connection], Awaitable[None]]


async def connect(url: str, name: str) -> Connection:
    """A connection outside the pool, in autocommit; raises ``psycopg.Error`` or TimeoutError within two seconds."""
    async with asyncio.timeout(CONNECT_TIMEOUT):
        return await postgres.Connection.connect(
            url, autocommit=True, row_factory=dict_row, application_name=name, options=postgres.OPTIONS
        )


class Database:
    """Gives connections in autocommit; every method raises 503 ``database_unavailable`` while PostgreSQL is away."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.up = asyncio.Event()
        self._suspect = asyncio.Event()
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._probe: Connection | None = None
        self._prepare: Preparation | None = None
        self._preparing = asyncio.Lock()
        self._timeline = ""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for statements that stand alone."""
        if self._pool is None:
            raise problems.unavailable("database")
        try:
            async with asyncio.timeout(STATEMENT_TIMEOUT), self._pool.connection() as connection:
                yield connection
        except _AWAY as error:
            if not _is_conflict(error):
                self._suspect.set()
            logs.logger().warning("database_error", error=type(error).__name__)
            raise problems.unavailable("database") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction: committed at the end, rolled back by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def all(self, query: LiteralString, params: dict[str, Any] | None = None) -> list[DictRow]:
        """All rows of one statement."""
        async with self.connection() as connection:
            return await (await connection.execute(query, params)).fetchall()

    async def first(self, query: LiteralString, params: dict[str, Any] | None = None) -> DictRow | None:
        """The first row of one statement, or None."""
        async with self.connection() as connection:
            return await (await connection.execute(query, params)).fetchone()

    async def is_up(self) -> bool:
        """Whether PostgreSQL answered when it was last asked, at most a second ago."""
        return self.up.is_set()

    async def watch(self, prepare: Preparation) -> None:
        """Open the pool whenever PostgreSQL answers, drop it when it no longer does; runs until cancelled.

        Nobody uses a PostgreSQL of another timeline, as a promoted standby is one, before ``prepare`` has.
        """
        self._prepare = prepare
        try:
            while True:
                self._suspect.clear()
                if await self._answers():
                    await self._open()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._suspect.wait(), _PROBE_EVERY)
                else:
                    await self._lost()
                    await asyncio.sleep(_RETRY_EVERY)
        finally:
            await self._drop_probe()
            await self._drop()

    async def _answers(self) -> bool:
        """Whether it answers on the probe's connection, or, where that has ended, on a new one.

        Never through the pool: one that is exhausted by load is no sign that PostgreSQL is away.
        """
        return (self._probe is not None and await self._answers_probe()) or await self._answers_probe()

    async def _answers_probe(self) -> bool:
        try:
            self._probe = self._probe or await connect(self.url, "auth-probe")
            async with asyncio.timeout(PROBE_TIMEOUT):
                await self._probe.execute("SELECT 1")
        except (psycopg.Error, TimeoutError):
            await self._drop_probe()
            return False
        return True

    async def _drop_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            await probe.close()

    async def _open(self) -> None:
        if self._pool is not None:
            return

        async def check(connection: Connection) -> None:
            try:
                await AsyncConnectionPool.check_connection(connection)
            except psycopg.Error:
                # The others died with it: the pool would try them one by one, and pause between two of them.
                await pool.drain()
                raise

        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self.url,
            connection_class=postgres.Connection,
            min_size=1,
            max_size=MAX_CONNECTIONS,
            timeout=WAIT_FOR_CONNECTION,
            reconnect_timeout=CONNECT_TIMEOUT,
            open=False,
            check=check,
            configure=self._prepared,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "application_name": "auth",
                "options": postgres.OPTIONS,
            },
        )
        try:
            await pool.open(wait=True, timeout=CONNECT_TIMEOUT)
        except PoolTimeout:
            await pool.close(0)
            return
        self._pool = pool
        self.up.set()
        logs.logger().info("database_up")

    async def _prepared(self, connection: Connection) -> None:
        row = await (await connection.execute(_TIMELINE)).fetchone()
        if row is None or self._prepare is None or row["timeline"] == self._timeline:
            return
        async with self._preparing:
            if row["timeline"] != self._timeline:
                await self._prepare(connection)
                self._timeline = row["timeline"]

    async def _lost(self) -> None:
        if self._pool is not None:
            logs.logger().warning("database_down")
            await self._drop()

    async def _drop(self) -> None:
        self.up.clear()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close(0.2)


def _is_conflict(error: Exception) -> bool:
    # Deadlocks and serialization failures are operational errors too, but PostgreSQL is there.
    return isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)
