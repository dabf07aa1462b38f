"""Sessions in Redis: the fast path. PostgreSQL is the record, so everything here may be lost or absent."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.client import NEVER_DECODE
from redis.exceptions import ResponseError

from services.auth.periods import Period
from services.auth.records import MalformedSession, Session
from services.auth.redis_link import RedisAway, RedisLink
from services.common import logs

QUARANTINE_SECONDS = 86400
EXPIRED = "expired"
STALE = "stale"

_MARK = "session:revoked:"
_A_MARK = re.compile(rf"{_MARK}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")

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
local counted, id = redis.pcall('GET', KEYS[2]), redis.call('GET', KEYS[1])
if not id then return {counted, 0, false, false} end
return {counted, redis.call('EXISTS', 'session:revoked:' .. id), id, redis.pcall('GET', 'session:' .. id)}
"""

_READ = """
return {redis.pcall('GET', KEYS[3]), redis.call('EXISTS', KEYS[2]), redis.pcall('GET', KEYS[1])}
"""

# What says of sessions that they live, some keys at a time; marks of revocations stay.
_EMPTY = """
local found = redis.call('SCAN', ARGV[1], 'COUNT', 1000)
local removed = 0
for _, key in ipairs(found[2]) do
  local session = string.sub(key, 1, 8) == 'session:' and string.sub(key, 1, 16) ~= 'session:revoked:'
  if session or string.match(key, '^user:.*:sessions$') then removed = removed + redis.call('UNLINK', key) end
end
return {found[1], removed}
"""

# The marks of revocations, some keys at a time: key, value, key, value.
_MARKS = """
local found = redis.call('SCAN', ARGV[1], 'MATCH', 'session:revoked:*', 'COUNT', 1000)
local marks = {}
for _, key in ipairs(found[2]) do
  local reason = redis.pcall('GET', key)
  if type(reason) == 'string' then
    table.insert(marks, key)
    table.insert(marks, reason)
  end
end
return {found[1], marks}
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
    return f"{_MARK}{session_id}"


def user_key(user_id: str) -> str:
    """The sorted set of a user's sessions, scored by creation time."""
    return f"user:{user_id}:sessions"


class SessionCache:
    """Every method raises ``RedisAway`` when Redis is, and when it has not heard everything that it was told."""

    def __init__(self, link: RedisLink, revoked_seconds: int) -> None:
        self.link = link
        self.period = Period()
        self.told: list[Purge] = []
        self.was_told = asyncio.Event()
        self._revoked_seconds = revoked_seconds

    async def put(self, sessions: Iterable[Session], moment: datetime) -> None:
        """Store ``sessions`` with the time that each has left; those without any are not stored."""
        stored = []
        period, told = self.period, self.period.told
        async with self._telling() as redis, redis.pipeline(transaction=False) as pipe:
            for session in sessions:
                left = math.ceil((session.expires_at - moment).total_seconds() * 1000)
                if left > 0:
                    self._put_one(pipe, session, left, moment)
                    stored.append(session)
            period.count(pipe)
            *damaged, counted, _ = await pipe.execute()
        self._report(stored, damaged)
        self._require(period, told + 1, counted)

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[Redis]:
        """The client, for what Redis must know: where it refuses that, it is not trusted until it has caught up."""
        async with self.link.use() as redis:
            try:
                yield redis
            except ResponseError:
                self.link.distrust()
                raise

    def _require(self, period: Period, told: int, counted: object) -> None:
        """``RedisAway`` unless Redis has counted at least what it had been ``told`` when it was asked."""
        if not period.has_counted(counted, told):
            self.link.distrust()
            raise RedisAway

    async def has_heard(self, redis: Redis) -> bool:
        """Whether ``redis`` has counted all that it was told in this period."""
        period, told = self.period, self.period.told
        return period.has_counted(await _counted(redis, period.key), told)

    async def has_heard_of(self, redis: Redis, periods: Mapping[str, int]) -> bool:
        """Whether ``redis`` has counted as much as this in each of these periods."""
        known = [(Period(name), told) for name, told in periods.items()]
        return all([period.has_counted(await _counted(redis, period.key), told) for period, told in known])

    async def begin_period(self, redis: Redis) -> None:
        """From here on Redis, which is up to date, is trusted as long as it has counted what it was told."""
        period = Period()
        async with redis.pipeline(transaction=False) as pipe:
            period.count(pipe)
            counted, _ = await pipe.execute()
        if not period.has_counted(counted, 1):
            raise RedisAway
        self.period = period

    @staticmethod
    async def empty(redis: Redis) -> int:
        """Remove whatever says that a session lives; how many keys went."""
        cursor, removed = "0", 0
        while True:
            cursor, gone = await redis.eval(_EMPTY, 0, cursor)
            removed += int(gone)
            if str(cursor) == "0":
                return removed

    @staticmethod
    async def marks(redis: Redis) -> dict[str, str]:
        """Why each session was revoked that ``redis`` has a mark of, by id."""
        cursor, found = b"0", dict[str, str]()
        while True:
            cursor, listed = await redis.execute_command(  # type: ignore[no-untyped-call]
                "EVAL", _MARKS, 0, cursor, **{NEVER_DECODE: True}
            )
            texts = [item.decode("utf-8", "replace").replace("\0", "") for item in listed]
            marked = zip(texts[::2], texts[1::2], strict=True)
            found |= {key.removeprefix(_MARK): reason for key, reason in marked if _A_MARK.fullmatch(key)}
            if cursor == b"0":
                return found

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
        period, told = self.period, self.period.told
        async with self.link.use() as redis:
            counted, revoked, session_id, text = await self._found(redis, token_hash, period)
        self._require(period, told, counted)
        if session_id is None:
            return None
        try:
            session: Session | None = Session.from_document(session_id, text)
        except MalformedSession:
            # Gone, or damaged: told apart, and put aside, where a document is asked for by its id.
            session = await self.by_id(session_id)
        session = None if revoked else session
        return session if session and session.token_hash == token_hash else None

    @staticmethod
    async def _found(redis: Redis, token_hash: bytes, period: Period) -> tuple[Any, Any, str | None, Any]:
        """What Redis has counted, whether the session was revoked, the token's session id, what is stored under it."""
        key = token_key(token_hash)
        try:
            counted, revoked, session_id, text = await redis.eval(_FIND, 2, key, period.key)
        except UnicodeDecodeError:
            counted, revoked, session_id, text = await redis.get(period.key), 0, await redis.get(key), None
        return counted, revoked, None if session_id is None else str(session_id), text

    async def by_id(self, session_id: str) -> Session | None:
        """The session, or None; ``MalformedSession`` where the document is damaged (it is put aside then)."""
        try:
            text, revoked = await self._document(session_id)
            session = Session.from_document(session_id, text) if text is not None else None
        except MalformedSession:
            await self._quarantine(session_id)
            raise
        return None if revoked else session

    async def _document(self, session_id: str) -> tuple[str | None, bool]:
        """What is stored of the session, and whether it was revoked."""
        keys = session_key(session_id), revoked_key(session_id)
        period, told = self.period, self.period.told
        try:
            async with self.link.use() as redis:
                counted, revoked, text = await redis.eval(_READ, 3, *keys, period.key)
        except UnicodeDecodeError as error:
            raise MalformedSession(type(error).__name__) from None
        self._require(period, told, counted)
        if isinstance(text, ResponseError):
            raise MalformedSession(type(text).__name__)
        return None if text is None else str(text), bool(revoked)

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
        period = self.period
        async with self._telling() as redis:
            removed = await self.purge_with(redis, purges, keep_document=keep_document)
        if period is not self.period:
            # Which Redis has heard it is not known: it is said again.
            self.link.distrust()
            raise RedisAway
        self.told += purges
        self.was_told.set()
        return removed

    async def purge_with(self, redis: Redis, purges: Sequence[Purge], *, keep_document: bool = False) -> int:
        """``purge`` on a client that is not trusted yet."""
        if not purges:
            return 0
        period, told = self.period, self.period.told
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
            period.count(pipe)
            *answers, counted, _ = await pipe.execute()
        self._require(period, told + 1, counted)
        self._report(unlisted, answers[-len(unlisted) - len(purges) : -len(purges)])
        return sum(answers[-len(purges) :])


async def _counted(redis: Redis, key: str) -> object:
    try:
        return await redis.get(key)
    except (ResponseError, UnicodeDecodeError):
        return None
