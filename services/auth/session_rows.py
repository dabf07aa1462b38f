"""The session tables in SQL. Whoever touches several rows locks them in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.auth import outbox
from services.auth.database import Connection
from services.auth.periods import Period
from services.auth.records import AtProvider, Session, User
from services.auth.session_cache import STALE, Purge
from services.common.instants import rfc3339

_INSERT = """
WITH given AS (SELECT * FROM jsonb_populate_recordset(NULL::sessions, %(sessions)s)),
     made AS (INSERT INTO sessions SELECT * FROM given),
     audit AS (INSERT INTO session_events (session_id, user_id, type, at, detail)
               SELECT id, user_id, 'created', created_at, jsonb_build_object('type', type, 'origin', origin) FROM given)
INSERT INTO refresh_tokens (token_hash, session_id, issued_at)
SELECT token, id, given.created_at FROM unnest(%(tokens)s::bytea[], %(ids)s::uuid[]) AS new (token, session)
JOIN given ON given.id = new.session
"""

# An end is for good: an expiry counts only where the clock of PostgreSQL has passed it too, since auth's may be wrong;
# a revocation counts as long as one of them has not.
_END = """
WITH ended AS (
    UPDATE sessions SET status = %(status)s, revision = revision + 1, revoke_reason = %(reason)s,
           revoked_at = CASE WHEN %(status)s = 'revoked' THEN %(at)s::timestamptz END
    WHERE id = ANY(%(ids)s::uuid[]) AND status = 'active'
      AND CASE WHEN %(status)s = 'expired' THEN LEAST(idle_expires_at, absolute_expires_at) <= clock_timestamp()
          ELSE LEAST(idle_expires_at, absolute_expires_at) > LEAST(%(at)s::timestamptz, clock_timestamp()) END
    RETURNING *),
audit AS (
    INSERT INTO session_events (session_id, user_id, type, at, detail)
    SELECT id, user_id, %(status)s, %(at)s, jsonb_strip_nulls(jsonb_build_object('reason', %(reason)s::text))
    FROM ended),
purges AS (
    INSERT INTO cache_purges (session_id, user_id, token_hash, reason)
    SELECT id, user_id, token_hash, COALESCE(%(reason)s, 'expired') FROM ended
    ON CONFLICT (session_id) DO UPDATE SET reason = excluded.reason)
SELECT * FROM ended
"""


def _as_json(session: Session) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in session.__dataclass_fields__:
        value = getattr(session, name)
        values[name] = rfc3339(value) if isinstance(value, datetime) else value
    values["token_hash"] = f"\\x{session.token_hash.hex()}" if session.token_hash else None
    return values


async def insert(connection: Connection, sessions: Sequence[Session], refresh_hashes: Sequence[bytes]) -> None:
    """Store new sessions with the hash of each one's first refresh token, and their audit rows."""
    await connection.execute(
        _INSERT,
        {
            "sessions": Jsonb([_as_json(session) for session in sessions]),
            "tokens": list(refresh_hashes),
            "ids": [session.id for session in sessions],
        },
    )


async def bind_to_provider(connection: Connection, session: Session, at_provider: AtProvider) -> None:
    """Remember by which login at the provider a session was made."""
    # The trigger that helps release 1.0.0 may have been here before.
    await connection.execute(
        """INSERT INTO provider_sessions (session_id, subject, provider_sid) VALUES (%s, %s, %s)
           ON CONFLICT (session_id) DO UPDATE SET subject = excluded.subject, provider_sid = excluded.provider_sid""",
        (session.id, at_provider.subject, at_provider.sid),
    )


async def bind_as(connection: Connection, old: Session, new: Session) -> None:
    """A session that was made from another one belongs to the same login at the provider."""
    await connection.execute(
        """INSERT INTO provider_sessions (session_id, subject, provider_sid)
           SELECT %s, subject, provider_sid FROM provider_sessions WHERE session_id = %s""",
        (new.id, old.id),
    )


async def at_provider(connection: Connection, session_id: str) -> AtProvider | None:
    """By which login at the provider a session was made; None for any other session."""
    query = "SELECT subject, provider_sid FROM provider_sessions WHERE session_id = %(id)s"
    row = await _one(connection, query, {"id": session_id})
    return AtProvider(row["subject"], row["provider_sid"]) if row else None


async def lock_of_provider(connection: Connection, subject: str | None, sid: str | None) -> list[Session]:
    """The sessions that have not ended, made by this login at the provider, or by any of this subject.

    One of the subject of which it is not known by which login it was made is among them: it may be that one.
    """
    cursor = await connection.execute(
        """SELECT sessions.* FROM sessions JOIN provider_sessions p ON p.session_id = sessions.id
           WHERE status = 'active' AND (%(subject)s::text IS NULL OR p.subject = %(subject)s)
             AND (%(sid)s::text IS NULL OR p.provider_sid = %(sid)s
                  OR (p.provider_sid IS NULL AND p.subject = %(subject)s))
           ORDER BY sessions.id FOR UPDATE OF sessions""",
        {"sid": sid, "subject": subject},
    )
    return [Session.from_row(row) for row in await cursor.fetchall()]


async def end(
    connection: Connection,
    ids: Sequence[str],
    *,
    status: str,
    reason: str | None,
    moment: datetime,
    remember_seconds: int,
) -> list[Session]:
    """End the active ones of ``ids``; each leaves an audit row, a purge of its keys and, if revoked, a sync event."""
    if not ids:
        return []
    parameters = {"ids": list(ids), "status": status, "reason": reason, "at": moment}
    ended = [Session.from_row(row) for row in await (await connection.execute(_END, parameters)).fetchall()]
    if status == "revoked":
        until = rfc3339(moment + timedelta(seconds=remember_seconds))
        events = [
            (session.user_id, {"sid": session.id, "user_id": session.user_id, "reason": reason, "expires_at": until})
            for session in ended
        ]
        await outbox.add(connection, "session.revoked", events, moment)
    return ended


async def note(connection: Connection, session: Session, kind: str, detail: dict[str, Any], moment: datetime) -> None:
    """Write one audit row."""
    await connection.execute(
        "INSERT INTO session_events (session_id, user_id, type, at, detail) VALUES (%s, %s, %s, %s, %s)",
        (session.id, session.user_id, kind, moment, Jsonb(detail)),
    )


async def lock_user(connection: Connection, user_id: str) -> User | None:
    """The user, whose logins and changes wait for each other from here to the end of the transaction."""
    row = await _one(connection, "SELECT * FROM auth_users WHERE id = %(id)s FOR NO KEY UPDATE", {"id": user_id})
    return User.from_row(row) if row else None


async def lock_active(connection: Connection, user_id: str) -> list[Session]:
    """All sessions of the user that have not been ended, oldest first; the expired but unswept among them.

    Which is the oldest says the audit trail: clocks may have been wrong when the sessions were made.
    """
    cursor = await connection.execute(
        """SELECT *, (SELECT min(id) FROM session_events WHERE session_id = sessions.id) AS place
           FROM sessions WHERE user_id = %(user)s AND status = 'active' ORDER BY id FOR UPDATE""",
        {"user": user_id},
    )
    rows = sorted(await cursor.fetchall(), key=lambda row: row["place"])
    return [Session.from_row(row) for row in rows]


async def lock_active_of(connection: Connection, session_ids: Sequence[str]) -> list[Session]:
    """Those of these sessions that have not been ended."""
    cursor = await connection.execute(
        "SELECT * FROM sessions WHERE id = ANY(%s::uuid[]) AND status = 'active' ORDER BY id FOR UPDATE",
        (list(session_ids),),
    )
    return [Session.from_row(row) for row in await cursor.fetchall()]


async def lock(connection: Connection, session_id: str) -> Session | None:
    """One session, kept from change to the end of the transaction."""
    row = await _one(connection, "SELECT * FROM sessions WHERE id = %(id)s FOR UPDATE", {"id": session_id})
    return Session.from_row(row) if row else None


async def touch(
    connection: Connection,
    session: Session,
    moment: datetime,
    *,
    extend: bool = True,
    access: int = 0,
    refresh: int = 0,
) -> Session:
    """Count an access or a refresh of a locked session, and move its idle expiry where ``extend`` says so.

    Never back: a clock that lags behind for a while would end the sessions that are in use meanwhile.
    """
    row = await _one(
        connection,
        """UPDATE sessions SET revision = revision + 1,
                  last_activity = %(at)s, idle_expires_at = GREATEST(idle_expires_at, %(idle)s),
                  access_count = access_count + %(access)s, refresh_count = refresh_count + %(refresh)s
           WHERE id = %(id)s RETURNING *""",
        {
            "id": session.id,
            "at": moment,
            "idle": session.idle_expiry_after(moment) if extend else session.idle_expires_at,
            "access": access,
            "refresh": refresh,
        },
    )
    assert row is not None
    return Session.from_row(row)


async def family_of(connection: Connection, token_hash: bytes, client_id: str | None) -> str | None:
    """The session of a refresh token, spent or not; None for one that was never issued, or not to this client."""
    known = await _one(
        connection,
        """SELECT session_id, client_id FROM refresh_tokens JOIN sessions ON sessions.id = session_id
           WHERE refresh_tokens.token_hash = %(hash)s""",
        {"hash": token_hash},
    )
    return str(known["session_id"]) if known and client_id in (None, known["client_id"]) else None


async def claim_refresh_token(connection: Connection, token_hash: bytes, moment: datetime) -> bool:
    """Spend a refresh token; whether this call was its first use."""
    spent = await _one(
        connection,
        """UPDATE refresh_tokens SET used_at = %(at)s
           WHERE token_hash = %(hash)s AND used_at IS NULL RETURNING session_id""",
        {"hash": token_hash, "at": moment},
    )
    return spent is not None


@dataclass(frozen=True)
class Use:
    """What a refresh token was exchanged for, sealed, and the hash of the key under which it may be repeated."""

    used_at: datetime
    successor: bytes
    retry_key: bytes | None


async def keep_successor(connection: Connection, token_hash: bytes, sealed: bytes, retry_key: bytes | None) -> None:
    """Keep what a spent token was exchanged for."""
    await connection.execute(
        "UPDATE refresh_tokens SET successor = %s, retry_key = %s WHERE token_hash = %s",
        (sealed, retry_key, token_hash),
    )


async def use_of(connection: Connection, token_hash: bytes) -> Use | None:
    """How a spent token was used; None where it is not known, as of one that an older version has spent."""
    query = "SELECT used_at, successor, retry_key FROM refresh_tokens WHERE token_hash = %(hash)s"
    row = await _one(connection, query, {"hash": token_hash})
    return Use(**row) if row and row["successor"] else None


async def is_unused(connection: Connection, token_hash: bytes) -> bool:
    """Whether the refresh token is there and nobody has used it."""
    query = "SELECT 1 FROM refresh_tokens WHERE token_hash = %(hash)s AND used_at IS NULL"
    return await _one(connection, query, {"hash": token_hash}) is not None


async def add_refresh_token(connection: Connection, session: Session, token_hash: bytes, moment: datetime) -> None:
    """Store the next refresh token of the session's family."""
    await connection.execute(
        "INSERT INTO refresh_tokens (token_hash, session_id, issued_at) VALUES (%s, %s, %s)",
        (token_hash, session.id, moment),
    )


async def lock_by_token(connection: Connection, token_hash: bytes) -> Session | None:
    """``lock`` for the session that a session token belongs to."""
    row = await _one(connection, "SELECT * FROM sessions WHERE token_hash = %(hash)s FOR UPDATE", {"hash": token_hash})
    return Session.from_row(row) if row else None


async def replace_token(connection: Connection, session: Session, token_hash: bytes) -> None:
    """Give a locked session another token; what Redis knows of the old one is to be purged."""
    await connection.execute("UPDATE sessions SET token_hash = %s WHERE id = %s", (token_hash, session.id))
    await outdate(connection, session, session.token_hash)


async def outdate(connection: Connection, session: Session, token_hash: bytes | None = None) -> None:
    """What Redis has of a session, and of a token that was replaced, is to be purged: it says what no longer is."""
    await connection.execute(
        """INSERT INTO cache_purges (session_id, user_id, token_hash, reason) VALUES (%s, %s, %s, %s)
           ON CONFLICT (session_id) DO NOTHING""",
        (session.id, session.user_id, token_hash, STALE),
    )


async def purged(connection: Connection, purges: Sequence[Purge]) -> None:
    """Redis has forgotten these."""
    await connection.execute(
        """DELETE FROM cache_purges USING unnest(%s::uuid[], %s::text[]) AS done (session_id, reason)
           WHERE cache_purges.session_id = done.session_id AND cache_purges.reason = done.reason""",
        ([purge.session_id for purge in purges], [purge.reason for purge in purges]),
    )


async def write_period(connection: Connection, period: Period, instead_of: Sequence[str] = ()) -> None:
    """How far Redis has counted what it was told; ``instead_of`` periods that it had heard before this one began."""
    await connection.execute("DELETE FROM cache_periods WHERE name = ANY(%s)", (list(instead_of),))
    await connection.execute(
        """INSERT INTO cache_periods (name, told) VALUES (%s, %s)
           ON CONFLICT (name) DO UPDATE SET told = GREATEST(cache_periods.told, excluded.told)""",
        (period.name, period.told),
    )


async def user_of(connection: Connection, session: Session) -> User:
    """The user of a locked session."""
    row = await _one(connection, "SELECT * FROM auth_users WHERE id = %(id)s", {"id": session.user_id})
    assert row is not None
    return User.from_row(row)


async def _one(connection: Connection, query: str, params: dict[str, Any]) -> DictRow | None:
    return await (await connection.execute(query.encode(), params)).fetchone()
