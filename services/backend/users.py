"""Backend's copy of the users: applied only where newer, and a deleted user stays deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from services.backend.auth_client import AuthAway, AuthClient
from services.backend.database import Database, Row
from services.backend.flights import GroupFlight, SingleFlight
from services.common import instants, problems


@dataclass(frozen=True)
class User:
    """A row of ``userbase``."""

    id: str
    email: str
    name: str
    roles: tuple[str, ...]
    plan: str
    status: str
    version: int
    updated_at: datetime

    def public(self) -> dict[str, Any]:
        """What the API shows of a user."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "roles": list(self.roles),
            "status": self.status,
            "plan": self.plan,
            "version": self.version,
        }


def from_record(data: dict[str, Any]) -> User:
    """The user of an event or of auth's answer; raises ValueError for a record that is none."""
    texts = {name: data.get(name) for name in ("id", "email", "name", "status", "plan")}
    for name, value in texts.items():
        if not isinstance(value, str) or "\x00" in value:
            raise ValueError(f"{name} is not a text")
    version, roles, updated = data.get("version"), data.get("roles"), data.get("updated_at")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise ValueError("version is not a number")
    if not (isinstance(roles, list) and isinstance(updated, str)):
        raise ValueError("roles or updated_at is missing")  # noqa: TRY004 - a record is judged as a whole
    return User(
        id=str(uuid.UUID(str(texts["id"]))),
        email=str(texts["email"]),
        name=str(texts["name"]),
        roles=tuple(str(role) for role in roles),
        plan=str(texts["plan"]),
        status=str(texts["status"]),
        version=version,
        updated_at=instants.parse_rfc3339(updated),
    )


# Serialises all that is written about a user: else a tombstone written meanwhile would not be seen.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(id, 1)) FROM unnest(%s::text[]) id"
_UPSERT = """
    INSERT INTO userbase (id, email, name, roles, plan, status, version, updated_at)
    SELECT n.id, n.email, n.name, ARRAY(SELECT jsonb_array_elements_text(n.roles)), n.plan, n.status, n.version, n.at
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::text[], %s::bigint[],
                %s::timestamptz[]) n(id, email, name, roles, plan, status, version, at)
    WHERE NOT EXISTS (SELECT FROM deleted_users d WHERE d.id = n.id)
    ON CONFLICT (id) DO UPDATE SET
        email = excluded.email, name = excluded.name, roles = excluded.roles, plan = excluded.plan,
        status = excluded.status, version = excluded.version, updated_at = excluded.updated_at
    WHERE userbase.version < excluded.version
    RETURNING id::text
"""
_BURY = """
    INSERT INTO deleted_users (id, version) VALUES (%s, %s)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version WHERE deleted_users.version < excluded.version
    RETURNING id
"""


async def lock(connection: AsyncConnection[Row], user_ids: Iterable[str]) -> None:
    """Be the only one to write about these users until the transaction ends."""
    await connection.execute(_LOCK, (sorted(set(user_ids)),))


async def store(connection: AsyncConnection[Row], users: Sequence[User]) -> set[str]:
    """Write those of ``users``, locked and each named once, that are newer than what is known; their ids."""
    columns = (
        [user.id for user in users],
        [user.email for user in users],
        [user.name for user in users],
        [Jsonb(list(user.roles)) for user in users],
        [user.plan for user in users],
        [user.status for user in users],
        [user.version for user in users],
        [user.updated_at for user in users],
    )
    cursor = await connection.execute(_UPSERT, columns)
    return {row[0] for row in await cursor.fetchall()}


async def bury(connection: AsyncConnection[Row], user_id: str, version: int) -> bool:
    """Delete the user, who is locked, with all that is his and leave a tombstone; whether that was news."""
    cursor = await connection.execute(_BURY, (user_id, version))
    if await cursor.fetchone() is None:
        return False
    await connection.execute("DELETE FROM userbase WHERE id = %s", (user_id,))
    return True


@dataclass(frozen=True)
class Standing:
    """What the main DB knows of a token's user and session."""

    user: User | None
    deleted: bool
    revoked_reason: str | None


_STANDING = """
    SELECT u.id::text, u.email, u.name, u.roles, u.plan, u.status, u.version, u.updated_at,
           d.id IS NOT NULL, r.reason
    FROM unnest(%s::uuid[], %s::text[]) WITH ORDINALITY asked(id, sid, number)
    LEFT JOIN userbase u ON u.id = asked.id
    LEFT JOIN deleted_users d ON d.id = asked.id
    LEFT JOIN revoked_sessions r ON r.sid = asked.sid
    ORDER BY asked.number
"""


def _standing(row: Row) -> Standing:
    user = User(row[0], row[1], row[2], tuple(row[3]), row[4], row[5], row[6], row[7]) if row[0] else None
    return Standing(user, row[8], row[9])


class Users:
    """Look-ups in ``userbase``, and the fetch of a user whose event has not come yet."""

    def __init__(self, database: Database, auth: AuthClient) -> None:
        self._database = database
        self._auth = auth
        self._flights = SingleFlight[None]()
        self._standings = GroupFlight[tuple[str, str], Standing](self._look_up)

    async def standing(self, user_id: str, session_id: str) -> Standing:
        """User, tombstone and revocation in one question to the database."""
        return await self._standings.ask((user_id, session_id))

    async def _look_up(self, asked: Sequence[tuple[str, str]]) -> list[Standing]:
        columns = [user_id for user_id, _ in asked], [session_id for _, session_id in asked]
        return [_standing(row) for row in await self._database.fetch(_STANDING, columns)]

    async def fetch_missing(self, user_id: str) -> None:
        """Apply auth's record of ``user_id`` like an event; raises 503 ``auth_unavailable`` without auth."""
        await self._flights.run(user_id, lambda: self._fetch(user_id))

    async def _fetch(self, user_id: str) -> None:
        try:
            record = await self._auth.user(user_id)
        except AuthAway:
            raise problems.unavailable("auth") from None
        if record is None:
            return
        try:
            user = from_record(record)
        except ValueError:
            raise problems.unavailable("auth") from None

        async def work(connection: AsyncConnection[Row]) -> None:
            await lock(connection, [user.id])
            await store(connection, [user])

        await self._database.transact(work)
