"""What keeps sessions in order without changing any on behalf of its user: listing, clean-up, figures, catching up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from services.auth import session_rows
from services.auth.database import Connection
from services.auth.records import Session
from services.auth.redis_link import RedisAway
from services.auth.session_cache import EXPIRED, Purge
from services.auth.session_manager import SessionManager
from services.common import logs
from services.common.instants import now, rfc3339
from services.common.redis_connections import AWAY

_SWEEP_BATCH = 500
_CONFIRM_EVERY = 0.5
_MARKS_WITHIN = 2.0

_LATELY_REVOKED = "SELECT * FROM sessions WHERE status = 'revoked' AND revoked_at > %(since)s"

_FIGURES = """
SELECT type, user_id, count(*) AS sessions,
       CASE WHEN status = 'active' AND LEAST(idle_expires_at, absolute_expires_at) <= %(now)s THEN 'expired'
            ELSE status END AS status_now
FROM sessions GROUP BY type, user_id, status_now
"""


class SessionUpkeep:
    """Readings and sweeps over all sessions; 503 while PostgreSQL is away."""

    def __init__(self, manager: SessionManager) -> None:
        self._manager = manager
        self._database = manager.database
        self._cache = manager.cache
        self._went_back = False

    async def sessions_of(self, user_id: str, *, include_expired: bool) -> list[Session]:
        """The user's sessions, oldest first; with ``include_expired`` the ended ones too."""
        rows = await self._database.all(
            "SELECT * FROM sessions WHERE user_id = %(user)s ORDER BY created_at, id", {"user": user_id}
        )
        sessions = [Session.from_row(row) for row in rows]
        moment = now()
        return [session for session in sessions if include_expired or session.status_at(moment) == "active"]

    async def events_of(self, session_id: str) -> list[dict[str, Any]]:
        """The audit trail of one session, oldest first."""
        rows = await self._database.all(
            "SELECT id, type, at, detail FROM session_events WHERE session_id = %(id)s ORDER BY id", {"id": session_id}
        )
        return [row | {"at": rfc3339(row["at"])} for row in rows]

    async def clean_up(self) -> dict[str, int]:
        """Mark every session that is past its expiry and remove what Redis holds of it; the true counts."""
        counts = {"expired": 0, "removed_keys": 0, "errors": 0}
        while swept := await self._sweep_batch():
            counts["expired"] += len(swept)
            purges = [Purge(gone.id, gone.user_id, gone.token_hash, EXPIRED) for gone in swept]
            try:
                counts["removed_keys"] += await self._cache.purge(purges)
            except RedisAway:
                counts["errors"] += len(swept)
        return counts

    async def _sweep_batch(self) -> list[Session]:
        moment = now()
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                """SELECT * FROM sessions
                   WHERE status = 'active' AND LEAST(idle_expires_at, absolute_expires_at) <= %(now)s
                     AND LEAST(idle_expires_at, absolute_expires_at) <= clock_timestamp()
                   ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED""",
                {"now": moment, "batch": _SWEEP_BATCH},
            )
            due = [Session.from_row(row) for row in await cursor.fetchall()]
            return await self._manager.end(connection, due, None, moment)

    async def analytics(self) -> dict[str, Any]:
        """How many sessions there are now: active in all, active by type, all by status, users with an active one."""
        by_type, by_status, users = Counter[str](), Counter[str](), set[str]()
        for row in await self._database.all(_FIGURES, {"now": now()}):
            by_status[row["status_now"]] += row["sessions"]
            if row["status_now"] == "active":
                by_type[row["type"]] += row["sessions"]
                users.add(str(row["user_id"]))
        return {"active": by_status["active"], "by_type": by_type, "by_status": by_status, "users": len(users)}

    async def catch_up(self, redis: Redis) -> None:
        """Purge from ``redis`` what ended while it was away, or this process was; all, where it went back in time."""
        if not self._cache.link.up.is_set():
            await self._begin_period(redis)
        rows = await self._database.all("SELECT * FROM cache_purges")
        purges = [Purge(str(row["session_id"]), str(row["user_id"]), row["token_hash"], row["reason"]) for row in rows]
        if not purges:
            return
        await self._cache.purge_with(redis, purges)
        await self._confirm(purges)
        logs.logger().info("redis_caught_up", purged=len(purges))

    async def end_marked(self, connection: Connection) -> None:
        """End what Redis marks as revoked, which a promoted standby may have as active; while Redis is away, later."""
        try:
            async with asyncio.timeout(_MARKS_WITHIN):
                marks = await self._cache.marks(self._cache.link.client)
        except AWAY:
            self._cache.link.distrust()
            return
        async with connection.transaction():
            ended = await self._end(connection, marks)
        await self._manager.forget(ended)

    async def _end(self, connection: Connection, marks: Mapping[str, str]) -> list[Session]:
        held = await session_rows.lock_active_of(connection, list(marks)) if marks else []
        ended: list[Session] = []
        for session in held:
            ended += await self._manager.end(connection, [session], marks[session.id] or "revoked", now())
        if ended:
            logs.logger().warning("revocations_written_again", sessions=len(ended))
        return ended

    async def _begin_period(self, redis: Redis) -> None:
        """What Redis has is kept where it has counted all that any process told it, else nothing of it."""
        rows = await self._database.all("SELECT name, told FROM cache_periods")
        periods = {row["name"]: row["told"] for row in rows}
        heard = await self._cache.has_heard_of(redis, periods) and await self._cache.has_heard(redis)
        self._went_back = self._went_back or not heard
        removed = await self._cache.empty(redis) if self._went_back else 0
        await self._cache.begin_period(redis)
        if self._went_back:
            since = now() - timedelta(seconds=self._manager.remember_seconds)
            ended = await self._database.all(_LATELY_REVOKED, {"since": since})
            await self._cache.purge_with(redis, [_purge_of(Session.from_row(row)) for row in ended])
            logs.logger().warning("redis_went_back_in_time", removed_keys=removed, revoked=len(ended))
        marks = await self._cache.marks(redis)
        async with self._database.transaction() as connection:
            await self._end(connection, marks)
            await session_rows.write_period(connection, self._cache.period, instead_of=list(periods))
        self._went_back = False

    async def confirm_purges(self) -> None:
        """Write down what Redis has been told, many purges in one transaction; runs until cancelled."""
        while True:
            if not self._cache.told:
                self._cache.was_told.clear()
                await self._cache.was_told.wait()
            told = list(self._cache.told)
            await self._confirm(told)
            del self._cache.told[: len(told)]
            await asyncio.sleep(_CONFIRM_EVERY)

    async def _confirm(self, purges: Sequence[Purge]) -> None:
        async with self._database.transaction() as connection:
            await session_rows.purged(connection, purges)
            await session_rows.write_period(connection, self._cache.period)


def _purge_of(gone: Session) -> Purge:
    return Purge(gone.id, gone.user_id, gone.token_hash, gone.revoke_reason or EXPIRED)
