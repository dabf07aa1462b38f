"""Named locks in Redis: owned by a token, and gone by themselves when their time is over."""

from __future__ import annotations

from services.auth import opaque
from services.auth.redis_link import RedisLink
from services.common.problems import Problem

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Locks:
    """503 ``redis_unavailable`` while Redis is away: no lock is better than two holders."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def acquire(self, name: str, ttl: float) -> str:
        """The owner token of the lock, held for ``ttl`` seconds at most; 409 ``locked`` while somebody holds it."""
        owner = opaque.new()
        async with self._link.use() as redis:
            if not await redis.set(f"lock:{name}", owner, nx=True, px=max(1, round(ttl * 1000))):
                raise Problem(409, "locked", "somebody holds this lock")
        return owner

    async def release(self, name: str, owner: str) -> None:
        """Let go; 409 ``not_owner`` where it is somebody else's by now, or nobody's."""
        async with self._link.use() as redis:
            if not await redis.eval(_RELEASE, 1, f"lock:{name}", owner):
                raise Problem(409, "not_owner", "this lock is not yours")
