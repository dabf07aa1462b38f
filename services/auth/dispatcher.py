"""The dispatcher of the outbox: one at a time, in order, at least once, without end (§2.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import psycopg
from prometheus_client import Counter, Gauge
from psycopg.rows import DictRow

from services.auth import database, outbox
from services.auth.database import Connection
from services.common import logs, outgoing
from services.common.instants import now, rfc3339

BATCH = 200
_LOCK = 0x6F7574
_POLL_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_STAND_BY = 0.25

DELIVERED = Counter("auth_outbox_delivered_total", "Sync events that backend has taken")
FAILED = Counter("auth_outbox_failed_total", "Deliveries of sync events that failed")
LAG = Gauge("auth_sync_lag_seconds", "Age of the oldest sync event that backend has not taken")


class Dispatcher:
    """Posts what the outbox holds to any backend replica. The advisory lock of its connection makes it the only one."""

    def __init__(self, database_url: str, backend_urls: Sequence[str], service_token: str) -> None:
        self._database_url = database_url
        self._backends = list(backend_urls)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(3.0, connect=0.5),
            headers={"Authorization": f"Bearer {service_token}"},
            transport=outgoing.Transport(),
        )
        self._waiting: dict[str, asyncio.Event] = {}

    async def wait_for(self, event_id: str, within: float) -> bool:
        """Whether this process has delivered the event ``within`` seconds from now."""
        delivered = self._waiting.setdefault(event_id, asyncio.Event())
        try:
            async with asyncio.timeout(within):
                await delivered.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(event_id, None)
        return True

    async def run(self) -> None:
        """Deliver until cancelled, through the loss of PostgreSQL and of every replica."""
        try:
            while self._backends:
                with suppress(psycopg.Error, OSError, TimeoutError):
                    connection = await database.connect(self._database_url, "auth-dispatcher")
                    async with connection:
                        await self._serve(connection)
                await asyncio.sleep(_STAND_BY)
        finally:
            await self._http.aclose()

    async def _serve(self, connection: Connection) -> None:
        # Waits for as long as another process has it.
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        await connection.execute(f"LISTEN {outbox.CHANNEL}".encode())
        pause = _FIRST_PAUSE
        while True:
            events = await _pending(connection)
            LAG.set((now() - events[0]["occurred_at"]).total_seconds() if events else 0)
            if events and not await self._deliver(connection, events):
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if not events:
                await _woken(connection)

    async def _deliver(self, connection: Connection, events: Sequence[DictRow]) -> bool:
        taken = await self._post(events)
        if not taken:
            FAILED.inc()
            return False
        await connection.execute(
            "UPDATE outbox SET delivered_at = %s WHERE id = ANY(%s::uuid[])", (now(), sorted(taken))
        )
        DELIVERED.inc(len(taken))
        for event_id in taken:
            if event_id in self._waiting:
                self._waiting[event_id].set()
        return len(taken) == len(events)

    async def _post(self, events: Sequence[DictRow]) -> set[str]:
        body = {"events": [_as_event(event) for event in events]}
        sent = {event["id"] for event in body["events"]}
        for url in list(self._backends):
            try:
                answer = await self._http.post(f"{url}/internal/sync", json=body)
                answer.raise_for_status()
                told = answer.json()
                return sent & ({*told["applied"], *told["stale"]})
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                logs.logger().warning("sync_failed", backend=url, error=type(error).__name__, events=len(events))
                # The replica that answered last is asked first next time.
                self._backends.append(self._backends.pop(0))
        return set()


def _as_event(row: DictRow) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "type": row["type"],
        "occurred_at": rfc3339(row["occurred_at"]),
        "data": row["data"],
    }


async def _pending(connection: Connection) -> list[DictRow]:
    cursor = await connection.execute("SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY seq LIMIT %s", (BATCH,))
    return await cursor.fetchall()


async def _woken(connection: Connection) -> None:
    # The generator ends with the first notification, or silently after the poll interval.
    async for _ in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
        pass
