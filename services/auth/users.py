"""Users: each change is one transaction with its sync event, and with the end of the sessions that it ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg

from services.auth import outbox, session_rows
from services.auth.database import Connection, Database
from services.auth.provider import Identity
from services.auth.records import User
from services.auth.session_manager import SessionManager
from services.common.instants import now
from services.common.problems import Problem

PROVIDER = "google"

_INSERT = """
INSERT INTO auth_users (id, email, name, password_hash, created_at, updated_at)
VALUES (%(id)s, %(email)s, %(name)s, %(password)s, %(at)s, %(at)s) RETURNING *
"""


class EmailTaken(Problem):
    """409: the address belongs to another user."""

    def __init__(self) -> None:
        super().__init__(409, "email_taken", "this e-mail belongs to another user")


@dataclass(frozen=True)
class Change:
    """New values of a user; None leaves a value as it is."""

    name: str | None = None
    email: str | None = None
    roles: list[str] | None = None
    plan: str | None = None


class Users:
    """All that reads and changes users; 404 for one that is not there, 503 while PostgreSQL is away."""

    def __init__(self, database: Database, sessions: SessionManager) -> None:
        self._database = database
        self._sessions = sessions

    async def get(self, user_id: str) -> User:
        """The user of that id."""
        row = await self._database.first("SELECT * FROM auth_users WHERE id = %(id)s", {"id": user_id})
        if row is None:
            raise _not_found()
        return User.from_row(row)

    async def credentials(self, email: str) -> tuple[User, str | None] | None:
        """``(user, password hash)`` of an address in any case of letters, or None."""
        row = await self._database.first(
            "SELECT * FROM auth_users WHERE lower(email) = lower(%(email)s)", {"email": email}
        )
        return (User.from_row(row), row["password_hash"]) if row else None

    async def password_hash(self, user_id: str) -> str | None:
        """The stored hash; None for a user who only signs in at the provider."""
        row = await self._database.first("SELECT password_hash FROM auth_users WHERE id = %(id)s", {"id": user_id})
        return row["password_hash"] if row else None

    async def sign_up(self, email: str, name: str, password_hash: str) -> User:
        """A new user; raises ``EmailTaken``."""
        async with self._database.transaction() as connection:
            user, _ = await self._insert(connection, email, name, password_hash)
            return user

    async def by_identity(self, identity: Identity) -> tuple[User, str | None]:
        """``(user, id of the sync event)`` of a provider identity, made where it is new (else no event).

        Raises ``EmailTaken`` where a new identity comes with the address of another user: it is never linked silently.
        """
        known = await self._known(identity)
        if known:
            return known, None
        try:
            async with self._database.transaction() as connection:
                user, event = await self._insert(connection, identity.email, identity.name, None)
                await connection.execute(
                    """INSERT INTO identities (provider, subject, user_id, email, created_at)
                       VALUES (%s, %s, %s, %s, %s)""",
                    (PROVIDER, identity.subject, user.id, identity.email, now()),
                )
                return user, event
        except (EmailTaken, psycopg.errors.UniqueViolation):
            # The same identity may have come in through a parallel login.
            known = await self._known(identity)
            if known:
                return known, None
            raise EmailTaken from None

    async def _known(self, identity: Identity) -> User | None:
        row = await self._database.first(
            """SELECT u.* FROM identities i JOIN auth_users u ON u.id = i.user_id
               WHERE i.provider = %(provider)s AND i.subject = %(subject)s""",
            {"provider": PROVIDER, "subject": identity.subject},
        )
        return User.from_row(row) if row else None

    async def _insert(
        self, connection: Connection, email: str, name: str, password_hash: str | None
    ) -> tuple[User, str]:
        values = {"id": str(uuid.uuid4()), "email": email, "name": name, "password": password_hash, "at": now()}
        try:
            row = await (await connection.execute(_INSERT, values)).fetchone()
        except psycopg.errors.UniqueViolation:
            raise EmailTaken from None
        assert row is not None
        user = User.from_row(row)
        [event] = await outbox.add(connection, "user.created", [(user.id, user.record())], now())
        return user, event

    async def update(self, user_id: str, change: Change) -> User:
        """Apply what differs; nothing different makes no new version. Raises ``EmailTaken``."""
        wanted = {name: value for name, value in vars(change).items() if value is not None}
        async with self._database.transaction() as connection:
            user = await self._locked(connection, user_id)
            current = user.record()
            if all(current[name] == value for name, value in wanted.items()):
                return user
            try:
                return await self._store(connection, user_id, "user.updated", wanted)
            except psycopg.errors.UniqueViolation:
                raise EmailTaken from None

    async def set_status(self, user_id: str, status: str) -> User:
        """Deactivate (which ends all sessions) or activate; the status he already has changes nothing."""
        async with self._database.transaction() as connection:
            user = await self._locked(connection, user_id)
            if user.status == status:
                return user
            kind = "user.deactivated" if status == "deactivated" else "user.activated"
            user = await self._store(connection, user_id, kind, {"status": status})
            ended = await self._sessions.end_all(connection, user_id, "user_deactivated") if status != "active" else []
        await self._sessions.forget(ended)
        return user

    async def delete(self, user_id: str) -> None:
        """Remove the user with identities, sessions, tokens and sync events; the audit trail of the sessions stays."""
        async with self._database.transaction() as connection:
            user = await self._locked(connection, user_id)
            ended = await self._sessions.end_all(connection, user_id, "user_deleted")
            await connection.execute("DELETE FROM auth_users WHERE id = %s", (user_id,))
            await outbox.forget_user(connection, user_id)
            last = {"id": user_id, "version": user.version + 1}
            await outbox.add(connection, "user.deleted", [(user_id, last)], now())
        await self._sessions.forget(ended)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Replace the password."""
        async with self._database.connection() as connection:
            await connection.execute("UPDATE auth_users SET password_hash = %s WHERE id = %s", (password_hash, user_id))

    @staticmethod
    async def _locked(connection: Connection, user_id: str) -> User:
        user = await session_rows.lock_user(connection, user_id)
        if user is None:
            raise _not_found()
        return user

    @staticmethod
    async def _store(connection: Connection, user_id: str, kind: str, values: dict[str, Any]) -> User:
        parameters = dict.fromkeys(("name", "email", "roles", "plan", "status")) | values
        cursor = await connection.execute(
            """UPDATE auth_users SET name = COALESCE(%(name)s, name), email = COALESCE(%(email)s, email),
                      roles = COALESCE(%(roles)s, roles), plan = COALESCE(%(plan)s, plan),
                      status = COALESCE(%(status)s, status), version = version + 1, updated_at = %(at)s
               WHERE id = %(id)s RETURNING *""",
            parameters | {"id": user_id, "at": now()},
        )
        row = await cursor.fetchone()
        assert row is not None
        user = User.from_row(row)
        await outbox.add(connection, kind, [(user_id, user.record())], now())
        return user


def _not_found() -> Problem:
    return Problem(404, "not_found", "there is no such user")
