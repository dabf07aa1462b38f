"""Users for load, with a session each, made in one transaction of a few statements; none has a password."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime
from typing import Any

import psycopg

from services.auth import opaque, outbox, session_rows
from services.auth.access import AccessTokens
from services.auth.database import Database
from services.auth.records import Session, User
from services.auth.redis_link import RedisAway
from services.auth.session_cache import SessionCache
from services.auth.session_policy import Grant, Wish, new_session
from services.auth.users import EmailTaken
from services.common import logs
from services.common.instants import now

_USERS = """
INSERT INTO auth_users (id, email, name, roles, plan, created_at, updated_at)
SELECT id, email, name, '{user}', %(plan)s, %(at)s, %(at)s
FROM unnest(%(ids)s::uuid[], %(emails)s::text[], %(names)s::text[]) AS new (id, email, name)
"""


def named(count: int, prefix: str, plan: str, moment: datetime) -> list[User]:
    """``count`` users ``<prefix>-<n>``; the addresses hold a part of their ids, so that a prefix may come again."""
    users = []
    for number in range(1, count + 1):
        user_id = str(uuid.uuid4())
        email = f"{prefix}-{number}-{user_id[:8]}@example.test".lower()
        users.append(User(user_id, email, f"{prefix}-{number}", ("user",), "active", plan, 1, moment, moment))
    return users


async def make(
    database: Database, cache: SessionCache, count: int, prefix: str, plan: str, wish: Wish | None
) -> list[Grant | User]:
    """The new users; with ``wish`` each one's grant."""
    moment = now()
    users = named(count, prefix, plan, moment)
    sessions = [new_session(user, wish, None, moment) for user in users] if wish else []
    tokens = [opaque.new() for _ in sessions]
    try:
        async with database.transaction() as connection:
            ids, emails, names = zip(*((user.id, user.email, user.name) for user in users), strict=True)
            values = {"ids": list(ids), "emails": list(emails), "names": list(names), "plan": plan, "at": moment}
            await connection.execute(_USERS, values)
            await outbox.add(connection, "user.created", [(user.id, user.record()) for user in users], moment)
            if sessions:
                await session_rows.insert(connection, sessions, [opaque.digest(token) for token in tokens])
    except psycopg.errors.UniqueViolation:
        raise EmailTaken from None
    await _remember(cache, sessions)
    if not sessions:
        return list(users)
    return [Grant(session, user, token) for session, user, token in zip(sessions, users, tokens, strict=True)]


async def _remember(cache: SessionCache, sessions: list[Session]) -> None:
    try:
        await cache.put(sessions, now())
    except RedisAway:
        logs.logger().info("session_kept_in_database_only", sessions=len(sessions))


async def shown(made: list[Grant | User], access: AccessTokens) -> list[dict[str, Any]]:
    """The answer's users; signing yields now and then, so that a thousand signatures delay nobody."""
    shown_users = []
    for number, one in enumerate(made):
        user = one.user if isinstance(one, Grant) else one
        entry: dict[str, Any] = {"id": user.id, "email": user.email, "name": user.name}
        if isinstance(one, Grant):
            entry["access_token"] = access.issue(one.session, user)[0]
            entry["refresh_token"] = one.refresh_token
            entry["session_id"] = one.session.id
        shown_users.append(entry)
        if number % 50 == 49:
            await asyncio.sleep(0)
    return shown_users
