"""Whether a session is live: asked of Redis, else of auth, else taken from the token and the known revocations."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from services.backend import metrics
from services.backend.auth_client import AuthAway, AuthClient
from services.backend.flights import GroupFlight, SingleFlight
from services.backend.redis_client import Cache, RedisAway
from services.common import problems
from services.common.access_tokens import ID, AccessToken

LIVE, INTROSPECTED, JWT_ONLY = "live", "introspected", "jwt-only"
_REMEMBERED = 10_000


@dataclass(frozen=True)
class CachedSession:
    """What Redis says: an entry that fits the token, a revocation, an entry of a ``foreign`` user, or nothing."""

    live: bool
    revoked: bool
    foreign: bool = False


def read_cache(entry: str | None, revoked: str | None, token: AccessToken) -> CachedSession:
    """Judge the two values of Redis; an entry that cannot be read counts as none."""
    try:
        document: Any = json.loads(entry) if entry is not None else None
    except (ValueError, RecursionError):
        document = None
    named = document.get("user_id") if isinstance(document, dict) else None
    live = named == token.subject and document.get("status", "active") == "active"
    foreign = isinstance(named, str) and named != token.subject and ID.fullmatch(named) is not None
    return CachedSession(live, revoked is not None, foreign)


class Sessions:
    """The three ways to find a session live, in their order."""

    def __init__(self, cache: Cache, auth: AuthClient, introspection_ttl: float) -> None:
        self._cache = cache
        self._auth = auth
        self._ttl = introspection_ttl
        self._flights = SingleFlight[bool]()
        self._introspected: dict[str, tuple[float, bool]] = {}
        self._entries = GroupFlight[AccessToken, CachedSession](self._look_up)

    def look_up(self, token: AccessToken) -> Awaitable[CachedSession]:
        """What Redis says of the session: asked at once, so that the asker can do something else meanwhile."""
        return self._entries.ask(token)

    async def check(self, token: AccessToken, raw: str, cached: CachedSession) -> str:
        """``live``, ``introspected`` or ``jwt-only``; raises 401 for a session that has ended."""
        how = await self._how(token, raw, cached)
        metrics.SESSION_CHECKS.labels(how).inc()
        return how

    async def _how(self, token: AccessToken, raw: str, cached: CachedSession) -> str:
        if cached.revoked:
            raise problems.token_refused("session_revoked", "the session has been revoked")
        if cached.live:
            return LIVE
        try:
            active = await self._introspect(token, raw)
        except AuthAway:
            if cached.foreign:
                # The token alone does not speak where something speaks against it.
                raise problems.unavailable("auth") from None
            return JWT_ONLY
        if not active and cached.foreign:
            raise problems.token_refused("token_invalid", "the session is another user's")
        if not active:
            raise problems.token_refused("session_expired", "the session has ended")
        return INTROSPECTED

    async def _look_up(self, tokens: Sequence[AccessToken]) -> list[CachedSession]:
        names = [f"session:{kind}{token.session_id}" for kind in ("", "revoked:") for token in tokens]
        try:
            values = await self._cache.values(names)
        except RedisAway:
            cached = CachedSession(live=False, revoked=False)
            return [cached] * len(tokens)
        entries, revocations = values[: len(tokens)], values[len(tokens) :]
        return [read_cache(*one) for one in zip(entries, revocations, tokens, strict=True)]

    async def _introspect(self, token: AccessToken, raw: str) -> bool:
        known = self._introspected.get(token.token_id)
        if known and known[0] > time.monotonic():
            return known[1]
        return await self._flights.run(token.token_id, lambda: self._ask(token, raw))

    async def _ask(self, token: AccessToken, raw: str) -> bool:
        answer = await self._auth.introspect(raw)
        named = (answer.get("sid"), answer.get("sub"))
        active = answer.get("active") is True and named == (token.session_id, token.subject)
        if len(self._introspected) >= _REMEMBERED:
            self._introspected.clear()
        self._introspected[token.token_id] = (time.monotonic() + self._ttl, active)
        return active

    def forget_introspections(self) -> None:
        """A revocation came: no cached answer may outlive it."""
        self._introspected.clear()
