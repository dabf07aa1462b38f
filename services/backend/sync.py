"""Auth's events applied to the main DB: at least once delivered, once effective (docs/protocol.md §2.6, §3.3)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from services.backend import events, metrics, users
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
    occurred_at: datetime


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
        ends, occurred_at = (instants.parse_rfc3339(text) for text in (data["expires_at"], event["occurred_at"]))
        user_id, reason = str(uuid.UUID(data["user_id"])), str(data["reason"])
        return Change(event_id, Revocation(str(data["sid"]), user_id, reason, ends, occurred_at))
    return Change(event_id, None)


class Sync:
    """Applies batches."""

    def __init__(self, database: Database, sessions: Sessions, notices: Notices) -> None:
        self._database = database
        self._sessions = sessions
        self._notices = notices

    async def apply(self, changes: Sequence[Change]) -> Applied:
        """Apply ``changes`` in their order in one transaction, and tell whom they concern."""

        async def work(connection: AsyncConnection[Row]) -> Applied:
            result = Applied()
            await users.lock(connection, _users_of(changes))
            for run in runs(changes):
                await _apply(connection, run, result)
            return result

        result = await self._database.transact(work)
        for change in changes:
            if isinstance(change.what, Revocation) and change.event_id in result.applied:
                late = (instants.now() - change.what.occurred_at).total_seconds()
                metrics.REVOCATION_SECONDS.observe(max(0.0, late))
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


def runs(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Cut ``changes`` so that each run is one change, or users who are all different: one statement's worth."""
    run: list[Change] = []
    ids: set[str] = set()
    for change in changes:
        user_id = change.what.id if isinstance(change.what, User) else None
        if run and (user_id is None or user_id in ids or not ids):
            yield run
            run, ids = [], set()
        run.append(change)
        if user_id is not None:
            ids.add(user_id)
    if run:
        yield run


def _users_of(changes: Sequence[Change]) -> Iterator[str]:
    for change in changes:
        if isinstance(change.what, User):
            yield change.what.id
        elif isinstance(change.what, Burial):
            yield change.what.user_id


async def _apply(connection: AsyncConnection[Row], run: Sequence[Change], result: Applied) -> None:
    found = [change.what for change in run if isinstance(change.what, User)]
    if found:
        stored = await _apply_users(connection, found, result)
        for change in run:
            fresh = isinstance(change.what, User) and change.what.id in stored
            (result.applied if fresh else result.stale).append(change.event_id)
        return
    for change in run:
        fresh = await _apply_other(connection, change.what, result)
        (result.applied if fresh else result.stale).append(change.event_id)


async def _apply_users(connection: AsyncConnection[Row], found: Sequence[User], result: Applied) -> set[str]:
    stored = await users.store(connection, found)
    fresh = [user for user in found if user.id in stored]
    result.gone += [user.id for user in fresh if user.status != "active"]
    told = {user.id: user.public() for user in fresh}
    result.updated += await events.add_each(connection, events.USER_UPDATED, told)
    return stored


async def _apply_other(
    connection: AsyncConnection[Row], what: Burial | Revocation | User | None, result: Applied
) -> bool:
    if isinstance(what, Burial):
        result.gone.append(what.user_id)
        return await users.bury(connection, what.user_id, what.version)
    if isinstance(what, Revocation):
        result.revoked.append(what.sid)
        cursor = await connection.execute(_REVOKE, (what.sid, what.user_id, what.reason, what.expires_at))
        return await cursor.fetchone() is not None
    return False


def body(result: Applied) -> dict[str, Any]:
    """The answer of §2.6."""
    return {"applied": result.applied, "stale": result.stale}
