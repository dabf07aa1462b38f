"""Auth's events applied to the main DB: at least once delivered, once effective (docs/protocol.md §2.6, §3.3)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from services.backend import events, users
from services.backend.database import Database, Row
from services.backend.notices import Notices
from services.backend.sessions import Sessions
from services.backend.users import User
from services.common import instants
from services.common.problems import Problem

USER_EVENTS = frozenset({"user.created", "user.updated", "user.deactivated", "user.activated"})
_REVOKE = """
    INSERT INTO revoked_sessions (sid, user_id, reason, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING RETURNING sid
"""


@dataclass(frozen=True)
class Revocation:
    """The data of a ``session.revoked`` event."""

    sid: str
    user_id: str
    reason: str
    expires_at: datetime


@dataclass(frozen=True)
class Burial:
    """The data of a ``user.deleted`` event."""

    user_id: str
    version: int


@dataclass(frozen=True)
class Change:
    """An event that was read; ``what`` is None for a type this version does not know."""

    event_id: str
    what: User | Burial | Revocation | None


@dataclass
class Applied:
    """The answer of §2.6, and who has to hear of it."""

    applied: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)


def read(document: Any) -> list[Change]:
    """The changes in a request body; raises 400 ``invalid_request``."""
    try:
        return [_change(event) for event in document["events"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Problem(400, "invalid_request", f"not a batch of events: {error}") from None


def _change(event: dict[str, Any]) -> Change:
    event_id, kind, data = str(event["id"]), event["type"], event["data"]
    if kind in USER_EVENTS:
        return Change(event_id, users.from_record(data))
    if kind == "user.deleted":
        return Change(event_id, Burial(str(uuid.UUID(data["id"])), int(data["version"])))
    if kind == "session.revoked":
        ends = instants.parse_rfc3339(data["expires_at"])
        return Change(
            event_id, Revocation(str(data["sid"]), str(uuid.UUID(data["user_id"])), str(data["reason"]), ends)
        )
    return Change(event_id, None)


class Sync:
    """Applies batches."""

    def __init__(self, database: Database, sessions: Sessions, notices: Notices) -> None:
        self._database = database
        self._sessions = sessions
        self._notices = notices

    async def apply(self, changes: Sequence[Change]) -> Applied:
        """Apply ``changes`` in their order in one transaction, and tell whom they concern."""
        # The order of the user locks is the order of ids, the same for batches that two replicas get at once.
        locks = sorted({_user_of(change) for change in changes} - {""})

        async def work(connection: AsyncConnection[Row]) -> Applied:
            result = Applied()
            async with connection.pipeline():
                for user_id in locks:
                    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (user_id,))
            for change in changes:
                fresh = await _apply(connection, change, result)
                (result.applied if fresh else result.stale).append(change.event_id)
            return result

        result = await self._database.transact(work)
        self._tell(result)
        return result

    def _tell(self, result: Applied) -> None:
        if result.revoked or result.gone:
            self._sessions.forget_introspections()
        if result.revoked:
            self._notices.revoked(result.revoked)
        if result.gone:
            self._notices.gone(result.gone)
        if result.updated:
            self._notices.events(result.updated)


def _user_of(change: Change) -> str:
    if isinstance(change.what, User):
        return change.what.id
    return change.what.user_id if isinstance(change.what, Burial) else ""


async def _apply(connection: AsyncConnection[Row], change: Change, result: Applied) -> bool:
    what = change.what
    if isinstance(what, User):
        return await _apply_user(connection, what, result)
    if isinstance(what, Burial):
        result.gone.append(what.user_id)
        return await users.bury(connection, what.user_id, what.version)
    if isinstance(what, Revocation):
        result.revoked.append(what.sid)
        cursor = await connection.execute(_REVOKE, (what.sid, what.user_id, what.reason, what.expires_at))
        return await cursor.fetchone() is not None
    return False


async def _apply_user(connection: AsyncConnection[Row], user: User, result: Applied) -> bool:
    if not await users.store(connection, user):
        return False
    if user.status != "active":
        result.gone.append(user.id)
    if await events.add(connection, user.id, events.USER_UPDATED, user.public()):
        result.updated.append(user.id)
    return True


def body(result: Applied) -> dict[str, Any]:
    """The answer of §2.6."""
    return {"applied": result.applied, "stale": result.stale}
