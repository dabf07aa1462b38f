"""Sessions in Redis: the fast path. PostgreSQL is the record, so everything here may be lost or absent."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from services.auth.records import MalformedSession, Session
from services.auth.redis_link import RedisLink
from services.common import logs

QUARANTINE_SECONDS = 86400
EXPIRED = "expired"
STALE = "stale"

# What is in the place of a user's list and is none hides and keeps nobody's sessions.
_PUT_ASIDE = f"""
local function put_aside(list)
  local kind = redis.call('TYPE', list).ok
  if kind == 'zset' or kind == 'none' then return 0 end
  redis.call('RENAME', list, 'quarantine:' .. list)
  redis.call('EXPIRE', 'quarantine:' .. list, {QUARANTINE_SECONDS})
  return 1
end
"""

_UNLIST = f"""{_PUT_ASIDE}
local damaged = put_aside(KEYS[1])
redis.call('ZREM', KEYS[1], ARGV[1])
return damaged
"""

# Refused when the session was revoked meanwhile, or when a later revision is already there:
# writes follow their commits without any order among them.
_PUT = f"""{_PUT_ASIDE}
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local held = redis.call('GETRANGE', KEYS[1], 0, 40)
local revision = string.match(held, '^{{"revision": (%d+),')
if revision and tonumber(revision) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
local damaged = put_aside(KEYS[3])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[5])
if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[3], ARGV[6]) end
if KEYS[4] then redis.call('SET', KEYS[4], ARGV[5], 'PX', ARGV[3]) end
return damaged
"""


# From a session token to its document in one round trip: every validation goes this way.
_FIND = """
local id = redis.call('GET', KEYS[1])
if not id then return false end
return {id, redis.pcall('GET', 'session:' .. id)}
"""


@dataclass(frozen=True)
class Purge:
    """Keys that must go: of a session that ended for ``reason``, that ``EXPIRED``, or whose copy here is ``STALE``."""

    session_id: str
    user_id: str
    token_hash: bytes | None
    reason: str


def session_key(session_id: str) -> str:
    """Where the session's document is."""
    return f"session:{session_id}"


def token_key(token_hash: bytes) -> str:
    """Where a session token leads to its session id."""
    return f"session:token:{token_hash.hex()}"


def revoked_key(session_id: str) -> str:
    """What says that a session was revoked while access tokens of it may live."""
    return f"session:revoked:{session_id}"


def user_key(user_id: str) -> str:
    """The sorted set of a user's sessions, scored by creation time."""
    return f"user:{user_id}:sessions"


class SessionCache:
    """Every method raises ``RedisAway`` when Redis is."""

    def __init__(self, link: RedisLink, revoked_seconds: int) -> None:
        self.link = link
        self._revoked_seconds = revoked_seconds

    async def put(self, sessions: Iterable[Session], moment: datetime) -> None:
        """Store ``sessions`` with the time that each has left; those without any are not stored."""
        stored = []
        async with self._telling() as redis, redis.pipeline(transaction=False) as pipe:
            for session in sessions:
                left = math.ceil((session.expires_at - moment).total_seconds() * 1000)
                if left > 0:
                    self._put_one(pipe, session, left, moment)
                    stored.append(session)
            self._report(stored, await pipe.execute())

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[Redis]:
        """The client, for what Redis must know: where it refuses that, it is not trusted until it has caught up."""
        async with self.link.use() as redis:
            try:
                yield redis
            except ResponseError:
                self.link.distrust()
                raise

    @staticmethod
    def _report(listed: Sequence[Session | Purge], damaged: Sequence[int]) -> None:
        for one, was_damaged in zip(listed, damaged, strict=True):
            if was_damaged:
                logs.logger().error("session_list_quarantined", user_id=one.user_id)

    @staticmethod
    def _put_one(pipe: Pipeline, session: Session, left: int, moment: datetime) -> None:
        keys = [session_key(session.id), revoked_key(session.id), user_key(session.user_id)]
        if session.token_hash:
            keys.append(token_key(session.token_hash))
        longest = math.ceil((session.absolute_expires_at - moment).total_seconds() * 1000)
        created = session.created_at.timestamp()
        arguments = [session.document(), session.revision, left, created, session.id, longest]
        pipe.eval(_PUT, len(keys), *keys, *map(str, arguments))

    async def by_token(self, token_hash: bytes) -> Session | None:
        """The session that the token belongs to now, or None; ``MalformedSession`` where the document is damaged."""
        async with self.link.use() as redis:
            session_id, text = await self._found(redis, token_hash)
        if session_id is None:
            return None
        try:
            session: Session | None = Session.from_document(session_id, text)
        except MalformedSession:
            # Gone, or damaged: told apart, and put aside, where a document is asked for by its id.
            session = await self.by_id(session_id)
        return session if session and session.token_hash == token_hash else None

    @staticmethod
    async def _found(redis: Redis, token_hash: bytes) -> tuple[str | None, Any]:
        """The id that the token leads to, and what is stored under it."""
        try:
            found = await redis.eval(_FIND, 1, token_key(token_hash))
        except UnicodeDecodeError:
            found = [await redis.get(token_key(token_hash)), None]
        return (str(found[0]), found[1]) if found and found[0] is not None else (None, None)

    async def by_id(self, session_id: str) -> Session | None:
        """The session, or None; ``MalformedSession`` where the document is damaged (it is put aside then)."""
        try:
            async with self.link.use() as redis:
                text = await self._document(redis, session_id)
            return Session.from_document(session_id, text) if text is not None else None
        except MalformedSession:
            await self._quarantine(session_id)
            raise

    @staticmethod
    async def _document(redis: Redis, session_id: str) -> str | None:
        try:
            text = await redis.get(session_key(session_id))
        except (ResponseError, UnicodeDecodeError) as error:
            raise MalformedSession(type(error).__name__) from None
        return None if text is None else str(text)

    async def _quarantine(self, session_id: str) -> None:
        aside = f"quarantine:{session_key(session_id)}"
        async with self.link.use() as redis, redis.pipeline() as pipe:
            pipe.copy(session_key(session_id), aside, replace=True)
            pipe.expire(aside, QUARANTINE_SECONDS)
            pipe.delete(session_key(session_id))
            await pipe.execute()
        logs.logger().error("session_document_quarantined", session_id=session_id)

    async def purge(self, purges: Sequence[Purge], *, keep_document: bool = False) -> int:
        """Remove the keys and leave a mark for each revoked session; how many keys went."""
        async with self._telling() as redis:
            return await self.purge_with(redis, purges, keep_document=keep_document)

    async def purge_with(self, redis: Redis, purges: Sequence[Purge], *, keep_document: bool = False) -> int:
        """``purge`` on a client that is not trusted yet."""
        if not purges:
            return 0
        async with redis.pipeline(transaction=False) as pipe:
            for purge in purges:
                if purge.reason not in (EXPIRED, STALE):
                    pipe.set(revoked_key(purge.session_id), purge.reason, ex=self._revoked_seconds)
            unlisted = [purge for purge in purges if purge.reason != STALE]
            for purge in unlisted:
                pipe.eval(_UNLIST, 1, user_key(purge.user_id), purge.session_id)
            for purge in purges:
                keys = [token_key(purge.token_hash)] if purge.token_hash else []
                pipe.delete(*keys, *([] if keep_document else [session_key(purge.session_id)]))
            answers = await pipe.execute()
        self._report(unlisted, answers[-len(unlisted) - len(purges) : -len(purges)])
        return sum(answers[-len(purges) :])
