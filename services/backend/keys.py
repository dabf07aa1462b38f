"""Auth's public signing keys, kept in memory: an outage of auth does not take them away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from services.backend import metrics
from services.backend.auth_client import AuthAway, AuthClient
from services.common import logs, problems

REFRESH_EVERY = 10.0
RETRY_EVERY = 0.2
REFETCH_AT_MOST_EVERY = 1.0


def parse(document: dict[str, Any]) -> dict[str, EllipticCurvePublicKey]:
    """The usable keys of a JWK Set (RFC 7517 §5) by ``kid``; what is not an EC signing key is passed over."""
    found: dict[str, EllipticCurvePublicKey] = {}
    for entry in document.get("keys") or []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(entry, algorithm="ES256").key
        except (jwt.PyJWTError, ValueError):
            continue
        if isinstance(key, EllipticCurvePublicKey):
            found[entry["kid"]] = key
    return found


class SigningKeys:
    """The cached key set. ``find`` refetches for a ``kid`` it misses, at most once a second, one flight for all."""

    def __init__(self, auth: AuthClient) -> None:
        self._auth = auth
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._fetched_at: float | None = None
        self._asked_at = float("-inf")
        self._flight: asyncio.Task[None] | None = None
        metrics.KEY_AGE.set_function(lambda: time.monotonic() - (self._fetched_at or 0.0))

    async def find(self, kid: str) -> EllipticCurvePublicKey | None:
        """The key named ``kid``, or None; raises 503 ``auth_unavailable`` while no key set was ever had."""
        if kid not in self._keys:
            await self._refetch()
        if self._fetched_at is None:
            raise problems.unavailable("auth")
        return self._keys.get(kid)

    async def keep_fresh(self) -> None:
        """Refresh for ever: soon until the first success, then every ``REFRESH_EVERY`` seconds."""
        while True:
            await self._fetch(self._auth.jwks)
            await asyncio.sleep(RETRY_EVERY if self._fetched_at is None else REFRESH_EVERY)

    async def _refetch(self) -> None:
        if self._flight is None:
            if time.monotonic() - self._asked_at < REFETCH_AT_MOST_EVERY and self._fetched_at is not None:
                return
            self._asked_at = time.monotonic()
            self._flight = asyncio.create_task(self._fetch(self._auth.guarded_jwks))
            self._flight.add_done_callback(self._landed)
        await asyncio.shield(self._flight)

    def _landed(self, _flight: asyncio.Task[None]) -> None:
        self._flight = None

    async def _fetch(self, ask: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        try:
            keys = parse(await ask())
        except AuthAway as error:
            logs.logger().warning("jwks_not_fetched", reason=str(error))
            return
        if keys:
            self._keys = keys
            self._fetched_at = time.monotonic()
