"""Tabs and devices in PostgreSQL: whether one was ever seen, since when it is gone, which socket is its newest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.backend.connection import Connection
from services.backend.database import Database
from services.common.problems import Problem

SEEN_EVERY = 15.0

_REGISTER = """
    WITH earlier AS (
        SELECT extract(epoch FROM now() - last_seen)::float8 AS away FROM socket_clients
        WHERE user_id = %(user)s AND client_id = %(client)s
    )
    INSERT INTO socket_clients (user_id, client_id, session_id, replica)
    VALUES (%(user)s, %(client)s, %(session)s, %(replica)s)
    ON CONFLICT (user_id, client_id) DO UPDATE SET generation = socket_clients.generation + 1,
        session_id = excluded.session_id, replica = excluded.replica, last_seen = now()
    RETURNING generation, (SELECT away FROM earlier)
"""
_SEEN = """
    UPDATE socket_clients c SET last_seen = now()
    FROM unnest(%s::uuid[], %s::uuid[]) seen(user_id, client_id)
    WHERE c.user_id = seen.user_id AND c.client_id = seen.client_id
"""


@dataclass(frozen=True)
class Registration:
    """``generation`` fences; ``known`` and ``away`` (seconds) tell what was before this socket."""

    generation: int
    known: bool
    away: float


class Clients:
    """``socket_clients``."""

    def __init__(self, database: Database, replica: str) -> None:
        self._database = database
        self._replica = replica
        self._left: dict[tuple[str, str], None] = {}
        self._wake = asyncio.Event()

    async def register(self, user_id: str, client_id: str, session_id: str) -> Registration:
        """Make the caller the newest socket of the client."""
        values = {"user": user_id, "client": client_id, "session": session_id, "replica": self._replica}
        row = await self._database.fetch_one(_REGISTER, values)
        assert row is not None
        generation, away = row
        return Registration(generation, known=generation > 1, away=away or 0.0)

    def left(self, connection: Connection) -> None:
        """The client's socket has ended: it was seen until now."""
        self._left[(connection.user_id, connection.client_id)] = None
        self._wake.set()

    async def record_leaving(self) -> None:
        """Write down who left, all of a moment in one statement, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            left, self._left = self._left, {}
            try:
                await self.seen(list(left))
            except Problem:
                continue

    async def seen(self, clients: list[tuple[str, str]]) -> None:
        """These clients are, or were until now, connected."""
        if clients:
            await self._database.fetch(_SEEN, ([user for user, _ in clients], [client for _, client in clients]))
