"""The session manager: makes, validates, extends, rotates, moves and ends sessions.

PostgreSQL is the record and decides; Redis is the fast path and may be away. What a transaction has ended is
purged from Redis right after the commit, or, where that fails, before Redis is trusted again (``session_upkeep``).
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar, cast

from prometheus_client import Counter

from services.auth import opaque, session_rows
from services.auth.clients import Client
from services.auth.database import Connection, Database
from services.auth.records import AtProvider, MalformedSession, Session, User
from services.auth.redis_link import RedisAway
from services.auth.session_cache import EXPIRED, STALE, Purge, SessionCache
from services.auth.session_policy import (
    Grant,
    Repeats,
    Verdict,
    Wish,
    kept,
    new_session,
    refusal,
    require_active,
    surplus,
)
from services.common import logs
from services.common.access_tokens import AccessToken
from services.common.instants import now
from services.common.problems import Problem, token_refused

CREATED = Counter("auth_sessions_created_total", "Sessions made", ["type", "origin"])
NOT_CREATED = Counter("auth_session_creations_failed_total", "Sessions that could not be made", ["reason"])
ENDED = Counter("auth_sessions_ended_total", "Sessions ended", ["reason"])
REPEATED = Counter("auth_refreshes_repeated_total", "Refreshes that were answered once more with the same successor")
VALIDATED = Counter("auth_session_validations_total", "Session tokens validated", ["source", "outcome"])

_Method = TypeVar("_Method", bound=Callable[..., Awaitable[Any]])

REASONS = frozenset(
    {"logout", "limit", "revoked", "refresh_reuse", "code_reuse", "migrated"}
    | {"user_deactivated", "user_deleted", "password_changed", "admin", "provider_logout"}
)


def _counted(failures: Counter, *labels: str) -> Callable[[_Method], _Method]:
    """Counts by reason the calls that end in a ``Problem``."""

    def decorate(method: _Method) -> _Method:
        @functools.wraps(method)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            try:
                return await method(*args, **kwargs)
            except Problem as problem:
                failures.labels(*labels, problem.code).inc()
                raise

        return cast("_Method", counted)

    return decorate


class SessionManager:
    """All that changes a session. Methods raise ``Problem``: 404 and 409 as named, 503 while PostgreSQL is away."""

    def __init__(
        self, database: Database, cache: SessionCache, *, limit: int, remember_seconds: int, repeats: Repeats
    ) -> None:
        self.database = database
        self.cache = cache
        self.limit = limit
        self.remember_seconds = remember_seconds
        self._repeats = repeats

    @_counted(NOT_CREATED)
    async def create(self, user_id: str, wish: Wish) -> Grant:
        """A new session; at the limit the oldest ones make room. 404 for no such user, 403 for a deactivated one."""
        async with self.database.transaction() as connection:
            user = await session_rows.lock_user(connection, user_id)
            if user is None:
                raise Problem(404, "not_found", "there is no such user")
            if user.status != "active":
                raise Problem(403, "account_disabled", "the account is deactivated")
            grant, ended = await self._admit(connection, user, wish)
        await self.forget(ended)
        await self._remember([grant.session])
        return grant

    async def _admit(self, connection: Connection, user: User, wish: Wish) -> tuple[Grant, list[Session]]:
        # The user's row is locked here: the moment is taken now, so that creation times follow admissions.
        moment = now()
        held = await session_rows.lock_active(connection, user.id)
        due = [session for session in held if session.status_at(moment) == "expired"]
        live = [session for session in held if session.status_at(moment) == "active"]
        ended = await self.end(connection, due, None, moment)
        ended += await self.end(connection, surplus(live, self.limit), "limit", moment)
        session_token, refresh_token = (opaque.new() if wish.with_token else None), opaque.new()
        session = new_session(user, wish, opaque.digest(session_token) if session_token else None, moment)
        await session_rows.insert(connection, [session], [opaque.digest(refresh_token)])
        if wish.at_provider:
            await session_rows.bind_to_provider(connection, session, wish.at_provider)
        CREATED.labels(session.type, session.origin).inc()
        return Grant(session, user, refresh_token, session_token), ended

    @_counted(VALIDATED, "database")
    async def validate(self, session_token: str, fingerprint: str | None) -> Verdict:
        """Whether the token's session is valid; asks Redis, and PostgreSQL (by token hash) where Redis cannot tell."""
        token_hash = opaque.digest(session_token)
        session, source, damaged = None, "redis", False
        try:
            session = await self.cache.by_token(token_hash)
        except RedisAway:
            source = "database"
        except MalformedSession:
            damaged = True
        if session is None:
            session, source = await self._from_database(token_hash, damaged), "database"
        reason = "not_found" if session is None else refusal(session, now(), fingerprint)
        if session is None and damaged:
            reason = "malformed"
        VALIDATED.labels(source, reason or "valid").inc()
        return Verdict(reason, source, session)

    async def _from_database(self, token_hash: bytes, damaged: bool) -> Session | None:
        row = await self.database.first("SELECT * FROM sessions WHERE token_hash = %(hash)s", {"hash": token_hash})
        if row is None:
            return None
        session = Session.from_row(row)
        if damaged:
            await self._report_damage(session)
        if session.status_at(now()) == "active":
            await self._remember([session])
        return session

    async def _report_damage(self, session: Session) -> None:
        async with self.database.connection() as connection:
            await session_rows.note(connection, session, "quarantined", {"store": "redis"}, now())

    async def require_live(self, token: AccessToken) -> Session:
        """The session of an access token; 401 ``session_revoked`` or ``session_expired`` where it has ended.

        ``token_invalid`` where the session is another user's: subject and session belong together, whoever signed them.
        """
        session_id = token.session_id
        session, damaged = None, False
        try:
            session = await self.cache.by_id(session_id)
        except RedisAway:
            logs.logger().info("session_asked_of_database", session_id=session_id)
        except MalformedSession:
            damaged = True
        session = session or await self.get(session_id)
        if session and damaged:
            await self._report_damage(session)
        status = session.status_at(now()) if session else "revoked"
        if session is None or status != "active":
            raise token_refused(f"session_{status}", f"the session is {status}", session_id)
        if session.user_id != token.subject:
            raise token_refused("token_invalid", "the session is another user's", session_id)
        return session

    async def get(self, session_id: str) -> Session | None:
        """The session as PostgreSQL has it; one that is active is in Redis afterwards."""
        row = await self.database.first("SELECT * FROM sessions WHERE id = %(id)s", {"id": session_id})
        if row is None:
            return None
        session = Session.from_row(row)
        if session.status_at(now()) == "active":
            await self._remember([session])
        return session

    async def record_activity(self, session_id: str) -> Session:
        """Count an access and start the idle time again, never past the absolute expiry."""
        async with self.database.transaction() as connection:
            session = require_active(await session_rows.lock(connection, session_id), now())
            session = await session_rows.touch(connection, session, now(), access=1)
        await self._update(session)
        return session

    async def refresh(self, session_token: str, *, extend: bool) -> Grant:
        """A new session token; the old one is dead at once."""
        old_hash, token = opaque.digest(session_token), opaque.new()
        async with self.database.transaction() as connection:
            session = await session_rows.lock_by_token(connection, old_hash)
            session = require_active(session, now())
            await session_rows.replace_token(connection, session, opaque.digest(token))
            session = await session_rows.touch(connection, session, now(), extend=extend, refresh=1)
            await session_rows.note(connection, session, "refreshed", {"extend": extend}, now())
            user = await session_rows.user_of(connection, session)
        if await self._remember([session]):
            await self._purge([Purge(session.id, session.user_id, old_hash, STALE)], keep_document=True)
        return Grant(session, user, session_token=token)

    async def of_refresh_token(self, refresh_token: str) -> str | None:
        """The id of the session that a refresh token was issued for, spent or not."""
        row = await self.database.first(
            "SELECT session_id FROM refresh_tokens WHERE token_hash = %(hash)s", {"hash": opaque.digest(refresh_token)}
        )
        return str(row["session_id"]) if row else None

    async def rotate(self, refresh_token: str, client_id: str | None = None, retry_key: str | None = None) -> Grant:
        """Spend a refresh token for the next one; 400 ``invalid_grant`` otherwise.

        A second use ends the whole family, unless it may have the answer to the first once more (``Repeats``). An
        attempt of another client spends nothing.
        """
        moment = now()
        grant, ended = None, list[Session]()
        async with self.database.transaction() as connection:
            token_hash = opaque.digest(refresh_token)
            session_id = await session_rows.family_of(connection, token_hash, client_id)
            first_use = await session_rows.claim_refresh_token(connection, token_hash, moment) if session_id else False
            session = await session_rows.lock(connection, session_id) if session_id else None
            if session and not first_use:
                grant = await self._repeated(connection, session, refresh_token, retry_key, moment)
                if grant is None:
                    ended = await self.end(connection, [session], "refresh_reuse", moment)
            elif session and session.status_at(moment) == "active":
                grant = await self._renew(connection, session, moment)
                await self._keep_successor(connection, grant, refresh_token, retry_key)
        await self.forget(ended)
        if grant is None:
            raise _not_valid()
        await self._update(grant.session)
        return grant

    async def _keep_successor(self, connection: Connection, grant: Grant, spent: str, retry_key: str | None) -> None:
        assert grant.refresh_token is not None
        seal = opaque.sealed(grant.refresh_token, spent)
        key = opaque.digest(retry_key) if retry_key else None
        await session_rows.keep_successor(connection, opaque.digest(spent), seal, key)

    async def _repeated(
        self, connection: Connection, session: Session, spent: str, retry_key: str | None, moment: datetime
    ) -> Grant | None:
        """The successor of a spent token once more, where that is allowed and nobody has used it; None otherwise."""
        use = await session_rows.use_of(connection, opaque.digest(spent))
        key = opaque.digest(retry_key) if retry_key else None
        if session.status_at(moment) != "active" or use is None:
            return None
        if not self._repeats.allowed(use.used_at, use.retry_key, key, moment):
            return None
        successor = opaque.unsealed(use.successor, spent)
        if not await session_rows.is_unused(connection, opaque.digest(successor)):
            return None
        REPEATED.inc()
        logs.logger().info("refresh_repeated", session_id=session.id)
        return Grant(session, await session_rows.user_of(connection, session), refresh_token=successor)

    async def _renew(self, connection: Connection, session: Session, moment: datetime) -> Grant:
        token = opaque.new()
        user = await session_rows.user_of(connection, session)
        session = await session_rows.touch(connection, session, moment, refresh=1)
        await session_rows.add_refresh_token(connection, session, opaque.digest(token), moment)
        await session_rows.note(connection, session, "refreshed", {"grant": "refresh_token"}, moment)
        return Grant(session, user, refresh_token=token)

    async def migrate(self, session_id: str, client: Client, kind: str, metadata: dict[str, Any] | None) -> Grant:
        """A new session of ``kind`` for the same user, device and data; the old one ends.

        413 where the old metadata with the new is more than may be kept.
        """
        known = await self.get(session_id)
        async with self.database.transaction() as connection:
            user = await session_rows.lock_user(connection, known.user_id) if known else None
            old = require_active(await session_rows.lock(connection, session_id) if user else None, now())
            assert user is not None
            ended = await self.end(connection, [old], "migrated", now())
            wish = Wish(
                client=client,
                origin=f"migrated:{old.id}",
                type=kind,
                metadata=kept({**old.metadata, **(metadata or {})}),
                device=old.device,
                fingerprint=old.fingerprint,
                with_token=True,
            )
            grant, others = await self._admit(connection, user, wish)
            await session_rows.bind_as(connection, old, grant.session)
            await session_rows.note(connection, old, "migrated", {"to": grant.session.id}, now())
        await self.forget(ended + others)
        await self._remember([grant.session])
        return grant

    async def revoke(self, session_id: str, reason: str, *, owner: str | None = None) -> Session:
        """End one session (of ``owner``, where given); one that has ended stays as it ended. 404 for an unknown one."""
        ended = list[Session]()
        async with self.database.transaction() as connection:
            session = await session_rows.lock(connection, session_id)
            if session is None or (owner and session.user_id != owner):
                raise Problem(404, "not_found", "there is no such session")
            ended = await self.end(connection, [session], reason, now())
        await self.forget(ended)
        return ended[0] if ended else session

    async def revoke_all(self, user_id: str, reason: str, *, keep: str | None = None) -> int:
        """End all sessions of a user, but ``keep``; how many were still alive."""
        async with self.database.transaction() as connection:
            ended = await self.end_all(connection, user_id, reason, keep=keep)
        await self.forget(ended)
        return len(ended)

    async def end_all(
        self, connection: Connection, user_id: str, reason: str, *, keep: str | None = None
    ) -> list[Session]:
        """``revoke_all`` inside a transaction of the caller, who calls ``forget`` with the answer after the commit."""
        held = await session_rows.lock_active(connection, user_id)
        others = [session for session in held if session.id != keep]
        return await self.end(connection, others, reason, now())

    async def end_of_provider(
        self, connection: Connection, subject: str | None, sid: str | None, reason: str
    ) -> list[Session]:
        """End the sessions made by a login at the provider; the caller, whose transaction it is, calls ``forget``."""
        held = await session_rows.lock_of_provider(connection, subject, sid)
        return await self.end(connection, held, reason, now())

    async def at_provider(self, session_id: str) -> AtProvider | None:
        """By which login at the provider a session was made; None for any other session."""
        async with self.database.connection() as connection:
            return await session_rows.at_provider(connection, session_id)

    async def end(
        self, connection: Connection, sessions: Sequence[Session], reason: str | None, moment: datetime
    ) -> list[Session]:
        """End locked sessions: the live ones as revoked for ``reason``; where it is None, those past their expiry."""
        # Whether one that is to be revoked has expired, the statement asks both clocks, since auth's may be wrong.
        due = [one.id for one in sessions if (one.status == "active" if reason else one.status_at(moment) == "expired")]
        ended = await session_rows.end(
            connection,
            due,
            status="revoked" if reason else "expired",
            reason=reason,
            moment=moment,
            remember_seconds=self.remember_seconds,
        )
        ENDED.labels(reason if reason in REASONS else "other" if reason else "expired").inc(len(ended))
        return ended

    async def forget(self, ended: Sequence[Session]) -> None:
        """After the commit: take ended sessions out of Redis, now or before it is trusted again."""
        await self._purge(
            [Purge(gone.id, gone.user_id, gone.token_hash, gone.revoke_reason or EXPIRED) for gone in ended]
        )

    async def _purge(self, purges: Sequence[Purge], *, keep_document: bool = False) -> None:
        if purges:
            with suppress(RedisAway):
                await self.cache.purge(purges, keep_document=keep_document)

    async def _update(self, session: Session) -> None:
        # The change is made already: it must not seem to have failed because PostgreSQL goes away as well.
        if not await self._remember([session]):
            with suppress(Problem):
                async with self.database.connection() as connection:
                    await session_rows.outdate(connection, session)

    async def _remember(self, sessions: Sequence[Session]) -> bool:
        try:
            await self.cache.put(sessions, now())
        except RedisAway:
            logs.logger().info("session_kept_in_database_only", sessions=len(sessions))
            return False
        return True


def _not_valid() -> Problem:
    return Problem(400, "invalid_grant", "the refresh token is not valid", error="invalid_grant")
