"""Session events: kept until each client has acknowledged them, urgent ones first."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from services.backend import frames
from services.backend.connection import Connection, SentEvent
from services.backend.database import Database, Row
from services.backend.flights import GroupFlight
from services.common import instants
from services.common.problems import Problem

NOTIFICATION = "notification"
USER_UPDATED = "user.updated"
PREFERENCES_UPDATED = "preferences.updated"
CONVERSATIONS_UPDATED = "conversations.updated"
AGENT_PROGRESS = "agent.progress"
ORDINARY = 5
MAX_PRIORITY = 9
OPEN_AFTER = 1.0
DRAIN = 500
_KEPT_ACKS = 100_000

# Only a notification is worth keeping for a user who has no client yet: the others say what the next GET says anyway.
_ADD = """
    INSERT INTO notifications (event_id, user_id, kind, priority, data)
    SELECT %(event)s, u.id, %(kind)s, %(priority)s, %(data)s FROM userbase u WHERE u.id = %(user)s
    AND (%(kind)s = 'notification' OR EXISTS (SELECT FROM socket_clients c WHERE c.user_id = u.id))
    RETURNING created_at
"""
_ADD_EACH = """
    INSERT INTO notifications (event_id, user_id, kind, priority, data)
    SELECT gen_random_uuid(), told.user_id, %s, %s, told.data FROM unnest(%s::uuid[], %s::jsonb[]) told(user_id, data)
    WHERE EXISTS (SELECT FROM socket_clients c WHERE c.user_id = told.user_id)
    RETURNING user_id::text
"""
_PENDING = """
    SELECT wanting.number, pending.*
    FROM unnest(%(users)s::uuid[], %(clients)s::uuid[]) WITH ORDINALITY wanting(user_id, client_id, number)
    CROSS JOIN LATERAL (
        SELECT n.event_id::text, n.kind, n.priority, n.created_at, n.data,
            row_number() OVER (ORDER BY n.priority DESC, n.position) AS place
        FROM socket_clients c JOIN notifications n ON n.user_id = c.user_id
        WHERE c.user_id = wanting.user_id AND c.client_id = wanting.client_id
        AND n.event_id::text || c.client_id <> ALL(%(sent)s)
        AND CASE WHEN n.created_at >= c.created_at
            THEN NOT EXISTS (SELECT FROM notification_acks a
                             WHERE a.event_id = n.event_id AND a.client_id = c.client_id)
            ELSE n.kind = 'notification' AND NOT EXISTS (SELECT FROM notification_acks a WHERE a.event_id = n.event_id)
            END
        ORDER BY place LIMIT %(limit)s
    ) pending
    ORDER BY wanting.number, pending.place
"""
_WAITING = """
    SELECT n.event_id::text, n.kind, n.priority, n.created_at, n.data FROM notifications n
    WHERE n.user_id = %s AND n.kind = 'notification'
    AND NOT EXISTS (SELECT FROM notification_acks a WHERE a.event_id = n.event_id)
    ORDER BY n.priority DESC, n.position LIMIT %s
"""
_ACK = """
    INSERT INTO notification_acks (event_id, client_id)
    SELECT n.event_id, acked.client_id
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) acked(user_id, client_id, event_id)
    JOIN notifications n ON n.event_id = acked.event_id AND n.user_id = acked.user_id
    ON CONFLICT DO NOTHING
"""


async def add(
    connection: AsyncConnection[Row], user_id: str, kind: str, data: Any, priority: int = ORDINARY
) -> str | None:
    """Store an event in the caller's transaction; its id, or None where nobody waits for it."""
    event_id = str(uuid.uuid4())
    values = {"event": event_id, "user": user_id, "kind": kind, "priority": priority, "data": Jsonb(data)}
    cursor = await connection.execute(_ADD, values)
    return event_id if await cursor.fetchone() else None


async def add_each(connection: AsyncConnection[Row], kind: str, data: Mapping[str, Any]) -> list[str]:
    """Store an event for each of these users who has a client, with his own data; who they are."""
    if not data:
        return []
    values = (kind, ORDINARY, list(data), [Jsonb(value) for value in data.values()])
    cursor = await connection.execute(_ADD_EACH, values)
    return [row[0] for row in await cursor.fetchall()]


def as_json(row: Row) -> dict[str, Any]:
    """The payload of an ``event`` frame."""
    event_id, kind, priority, created_at, data = row
    return {
        "event_id": event_id,
        "kind": kind,
        "priority": priority,
        "created_at": instants.rfc3339(created_at),
        "data": data,
    }


class Events:
    """Delivers to sockets: what is pending is read by priority, sent, and sent again until it is acknowledged."""

    def __init__(self, database: Database, resend: float) -> None:
        self._database = database
        self._resend = resend
        self._acks: list[tuple[str, str, str]] = []
        self._wake = asyncio.Event()
        self._pending = GroupFlight[Connection, list[Row]](self._read_pending)

    async def waiting(self, user_id: str) -> list[dict[str, Any]]:
        """The notifications that no client of the user has acknowledged."""
        return [as_json(row) for row in await self._database.fetch(_WAITING, (user_id, DRAIN))]

    def open(self, connection: Connection) -> None:
        """From now on the socket gets its events, beginning with those that waited."""
        connection.events_open = True
        self.wake(connection)

    def wake(self, connection: Connection) -> None:
        """There may be events for this socket."""
        connection.events_wanted = True
        if connection.events_open and connection.events_task is None and not connection.closing:
            connection.events_task = asyncio.create_task(self._drain(connection))

    def ack(self, connection: Connection, event_id: str) -> None:
        """The client has it; written down soon."""
        connection.unacked.pop(event_id, None)
        if len(self._acks) < _KEPT_ACKS:
            self._acks.append((connection.user_id, connection.client_id, event_id))
            self._wake.set()

    async def record_acks(self) -> None:
        """Write acknowledgements down, all of a moment in one statement, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            # They stay until they are written down: whoever reads meanwhile does not find them there yet.
            acks = list(self._acks)
            try:
                await self._database.fetch(_ACK, tuple(list(column) for column in zip(*acks, strict=True)))
                del self._acks[: len(acks)]
            except Problem:
                await asyncio.sleep(1)
                self._wake.set()

    def resend_overdue(self, connections: Iterable[Connection]) -> None:
        """Send again what was not acknowledged in time."""
        now = time.monotonic()
        for connection in connections:
            for event in list(connection.unacked.values()):
                if event.resend_at <= now:
                    event.resend_at = now + self._resend
                    connection.send(event.text)

    async def _drain(self, connection: Connection) -> None:
        try:
            while connection.events_wanted and not connection.closing:
                connection.events_wanted = False
                await self._drain_once(connection)
                await connection.flushed()
        except Problem:
            # The watch wakes this socket again.
            connection.events_wanted = True
        finally:
            connection.events_task = None

    def _acked(self, clients: Iterable[str]) -> list[tuple[str, str]]:
        """Event and client of what these clients have acknowledged and the database may not show as that yet."""
        among = set(clients)
        return [(event, client) for _user, client, event in self._acks if client in among]

    async def _read_pending(self, connections: Sequence[Connection]) -> list[list[Row]]:
        clients = [connection.client_id for connection in connections]
        unacked = [(event, connection.client_id) for connection in connections for event in connection.unacked]
        values = {
            "users": [connection.user_id for connection in connections],
            "clients": clients,
            "sent": [event + client for event, client in (*unacked, *self._acked(clients))],
            "limit": DRAIN,
        }
        found: list[list[Row]] = [[] for _ in connections]
        for number, *event, _place in await self._database.fetch(_PENDING, values):
            found[number - 1].append(tuple(event))
        return found

    async def _drain_once(self, connection: Connection) -> None:
        rows = await self._pending.ask(connection)
        # A full reading is not the last one; the next waits until the socket has taken this.
        connection.events_wanted |= len(rows) == DRAIN
        acked = {event for event, _client in self._acked([connection.client_id])}
        for row in rows:
            if row[0] not in acked:
                text = frames.make("event", as_json(row))
                connection.unacked[row[0]] = SentEvent(text, time.monotonic() + self._resend)
                connection.send(text)
