"""Tabs and devices in PostgreSQL: whether one was ever seen, since when it is gone, which socket is its newest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.backend.connection import Connection
from services.backend.database import Database
from services.backend.flights import GroupFlight
from services.common import problems
from services.common.problems import Problem

SEEN_EVERY = 15.0

# Both statements lock the clients in one order, so that two replicas cannot wait for each other.
_REGISTER = """
    INSERT INTO socket_clients (user_id, client_id, session_id, replica)
    SELECT come.user_id, come.client_id, come.session_id, %(replica)s
    FROM unnest(%(users)s::uuid[], %(clients)s::uuid[], %(sessions)s::text[]) come(user_id, client_id, session_id)
    JOIN userbase u ON u.id = come.user_id ORDER BY come.user_id, come.client_id FOR KEY SHARE OF u
    ON CONFLICT (user_id, client_id) DO UPDATE SET generation = socket_clients.generation + 1,
        session_id = excluded.session_id, replica = excluded.replica, last_seen = now()
    RETURNING user_id::text, client_id::text, generation, (
        SELECT extract(epoch FROM now() - earlier.last_seen)::float8 FROM socket_clients earlier
        WHERE earlier.user_id = socket_clients.user_id AND earlier.client_id = socket_clients.client_id)
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


class Comer(NamedTuple):
    """A socket that opens."""

    user_id: str
    client_id: str
    session_id: str


class Clients:
    """``socket_clients``."""

    def __init__(self, database: Database, replica: str) -> None:
        self._database = database
        self._replica = replica
        self._comers = GroupFlight[Comer, Registration | None](self._register)
        self._left: dict[tuple[str, str], None] = {}
        self._wake = asyncio.Event()

    async def register(self, user_id: str, client_id: str, session_id: str) -> Registration:
        """Make the caller the newest socket of the client; raises 401 where the user has been deleted meanwhile."""
        registration = await self._comers.ask(Comer(user_id, client_id, session_id))
        if registration is None:
            raise problems.token_refused("session_revoked", "the user has been deleted")
        return registration

    async def _register(self, comers: Sequence[Comer]) -> list[Registration | None]:
        """In rounds, since one statement cannot count a client up twice."""
        found: dict[int, Registration] = {}
        rest = dict(enumerate(comers))
        while rest:
            first = {(one.user_id, one.client_id): number for number, one in reversed(rest.items())}
            coming = [rest.pop(number) for number in first.values()]
            values = {
                "users": [one.user_id for one in coming],
                "clients": [one.client_id for one in coming],
                "sessions": [one.session_id for one in coming],
                "replica": self._replica,
            }
            for user_id, client_id, generation, away in await self._database.fetch(_REGISTER, values):
                registration = Registration(generation, known=generation > 1, away=away or 0.0)
                found[first[user_id, client_id]] = registration
        return [found.get(number) for number in range(len(comers))]

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
            users, names = zip(*sorted(clients), strict=True)
            await self._database.fetch(_SEEN, (list(users), list(names)))
