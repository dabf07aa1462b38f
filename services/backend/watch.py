"""What has to be looked at again and again: expiry, and whatever a lost ring would have told."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from services.backend import epochs
from services.backend.clients import SEEN_EVERY
from services.backend.parts import Parts
from services.backend.redis_client import RedisAway
from services.common.problems import Problem

TICK = 0.25
POLL_WITHOUT_REDIS = 0.5
POLL_WITH_REDIS = 2.0
REVOCATIONS_EVERY = 0.5
TIDY_EVERY = 600.0

_HEADS = f"SELECT id::text, {epochs.OF_CONVERSATIONS}, last_seq FROM conversations WHERE id = ANY(%s::uuid[])"  # noqa: S608
_REVOKED = "SELECT sid FROM revoked_sessions WHERE sid = ANY(%s)"
_GONE = """
    SELECT open.id::text FROM unnest(%s::uuid[]) open(id) LEFT JOIN userbase u ON u.id = open.id
    WHERE u.id IS NULL OR u.status <> 'active'
"""
_GENERATIONS = """
    SELECT c.user_id::text, c.client_id::text, c.generation FROM unnest(%s::uuid[], %s::uuid[]) open(user_id, client_id)
    JOIN socket_clients c ON c.user_id = open.user_id AND c.client_id = open.client_id
"""
_NOTIFIED = """
    SELECT DISTINCT user_id::text FROM notifications
    WHERE user_id = ANY(%s::uuid[]) AND created_at > now() - interval '10 seconds'
"""
_TIDY = (
    "DELETE FROM revoked_sessions WHERE expires_at < now() - interval '1 hour'",
    "DELETE FROM notifications WHERE created_at < now() - make_interval(secs => %(window)s)",
    "DELETE FROM socket_clients WHERE last_seen < now() - make_interval(secs => 2 * %(window)s)",
)


class Watch:
    """The loops of a replica; each runs until cancelled."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._changed = asyncio.Event()
        parts.doorbell.on_change = self._changed.set

    async def tick(self) -> None:
        """Close what has expired and send again what was not acknowledged."""
        while True:
            self._parts.hub.close_expired()
            self._parts.events.resend_overdue(self._parts.hub.connections)
            await asyncio.sleep(TICK)

    async def poll(self) -> None:
        """Ask PostgreSQL for what rings may have told: seldom with Redis, often without, at once when that changes."""
        while True:
            with suppress(Problem):
                await self.ask()
            pause = POLL_WITH_REDIS if self._parts.doorbell.connected else POLL_WITHOUT_REDIS
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue
            self._changed.clear()

    async def ask(self) -> None:
        """One round of questions about the sockets that are open here."""
        hub, database = self._parts.hub, self._parts.database
        if hub.channels:
            for conversation_id, epoch, last_seq in await database.fetch(_HEADS, (list(hub.channels),)):
                if channel := hub.channels.get(conversation_id):
                    channel.ring(last_seq, epoch)
        if not hub.by_user:
            return
        users = list(hub.by_user)
        hub.close_sessions(row[0] for row in await database.fetch(_REVOKED, (list(hub.by_session),)))
        hub.close_users(row[0] for row in await database.fetch(_GONE, (users,)))
        open_clients = list(hub.by_client)
        asked = [user for user, _ in open_clients], [client for _, client in open_clients]
        for user_id, client_id, generation in await database.fetch(_GENERATIONS, asked):
            hub.fence(user_id, client_id, generation)
        hub.wake_users(row[0] for row in await database.fetch(_NOTIFIED, (users,)))
        for connection in hub.connections:
            if connection.events_wanted:
                self._parts.events.wake(connection)

    async def revocations(self) -> None:
        """Ask Redis for revocations: auth marks them there before its event is delivered."""
        while True:
            sessions = list(self._parts.hub.by_session)
            if sessions:
                names = [f"session:revoked:{session}" for session in sessions]
                try:
                    marks = await self._parts.cache.values(names)
                except RedisAway:
                    marks = []
                self._parts.hub.close_sessions(
                    session for session, mark in zip(sessions, marks, strict=False) if mark is not None
                )
            await asyncio.sleep(REVOCATIONS_EVERY)

    async def presence(self) -> None:
        """Write down which clients are connected."""
        while True:
            await asyncio.sleep(SEEN_EVERY)
            try:
                await self._parts.clients.seen(list(self._parts.hub.by_client))
            except Problem:
                continue

    async def tidy(self) -> None:
        """Delete what nobody can ask for any more, at once too: a replica may be replaced before a pause has ended."""
        while True:
            with suppress(Problem):
                for statement in _TIDY:
                    await self._parts.database.fetch(statement, {"window": self._parts.settings.resume_window})
            await asyncio.sleep(TIDY_EVERY)
