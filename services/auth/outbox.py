"""The transactional outbox: every change that backend must hear of is a row of the transaction that made it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from services.auth.database import Connection, Database

CHANNEL = "outbox"

_ADD = """
INSERT INTO outbox (id, user_id, type, occurred_at, data)
SELECT * FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(types)s::text[], %(at)s::timestamptz[], %(data)s::jsonb[])
"""


async def add(
    connection: Connection, kind: str, events: Sequence[tuple[str, dict[str, Any]]], at: datetime
) -> list[str]:
    """Write one event of ``kind`` for each ``(user_id, data)``; the event ids. The commit wakes the dispatcher."""
    ids = [str(uuid.uuid4()) for _ in events]
    if not events:
        return ids
    await connection.execute(
        _ADD,
        {
            "ids": ids,
            "users": [user_id for user_id, _ in events],
            "types": [kind] * len(events),
            "at": [at] * len(events),
            "data": [Jsonb(data) for _, data in events],
        },
    )
    await connection.execute(f"NOTIFY {CHANNEL}")
    return ids


async def forget_user(connection: Connection, user_id: str) -> None:
    """Remove what was or is to be delivered of the user's own data; the deletion that follows makes all of it stale."""
    await connection.execute("DELETE FROM outbox WHERE user_id = %s AND type LIKE 'user.%%'", (user_id,))


async def summary(database: Database, moment: datetime) -> dict[str, Any]:
    """How much waits, how much went, and for how many seconds the oldest has waited."""
    row = await database.first(
        """SELECT count(*) FILTER (WHERE delivered_at IS NULL) AS pending,
                  count(*) FILTER (WHERE delivered_at IS NOT NULL) AS delivered,
                  min(occurred_at) FILTER (WHERE delivered_at IS NULL) AS oldest FROM outbox"""
    )
    assert row is not None
    age = max(0.0, (moment - row["oldest"]).total_seconds()) if row["oldest"] else 0.0
    return {"pending": row["pending"], "delivered": row["delivered"], "oldest_pending_age": age}
