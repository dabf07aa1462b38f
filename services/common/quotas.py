"""Quotas by user and by address, shared by the services through Redis (``docs/protocol.md`` §3.2).

A window begins with its first request and lasts ``RATE_WINDOW`` seconds. Without Redis each process counts for itself.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from services.common.problems import Problem

# One step: count, start the window with the first count, and say how much of it is left.
SPEND = """
local used = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {used, left}
"""

Spend = Callable[[str, int, int], Awaitable[tuple[int, int] | None]]
"""``(key, cost, window in ms) -> (used, ms left)`` by running ``SPEND`` on Redis; None while Redis is away."""

_MOST_LOCAL_KEYS = 10_000


class QuotaSettings(Protocol):
    """The settings that quotas need; a limit of 0 is off, the window is in seconds."""

    rate_limit: int
    rate_limit_bulk: int
    rate_window: int
    address_rate_limit: int
    frontend_credential: SecretStr


@dataclass(frozen=True)
class Standing:
    """Where a quota stands after a spending; ``left`` is the rest of the window in seconds."""

    name: str
    limit: int
    window: int
    used: int
    left: float

    @property
    def exceeded(self) -> bool:
        """Whether the last spending was one too many."""
        return self.used > self.limit

    @property
    def reset(self) -> int:
        """Whole seconds after which the whole quota is there again."""
        return max(1, math.ceil(self.left))

    def policy(self) -> str:
        """The item of ``RateLimit-Policy``."""
        return f'"{self.name}";q={self.limit};w={self.window}'

    def rate(self) -> str:
        """The item of ``RateLimit``."""
        return f'"{self.name}";r={max(0, self.limit - self.used)};t={self.reset}'


def headers(standings: list[Standing]) -> dict[str, str]:
    """The header fields of draft-ietf-httpapi-ratelimit-headers-10; ``Retry-After`` where a quota is exceeded.

    It waits for the quotas too that this request has just used up: the next one would meet them.
    """
    fields = {
        "RateLimit-Policy": ", ".join(standing.policy() for standing in standings),
        "RateLimit": ", ".join(standing.rate() for standing in standings),
    }
    if any(standing.exceeded for standing in standings):
        fields["Retry-After"] = str(max(standing.reset for standing in standings if standing.used >= standing.limit))
    return fields


class Quotas:
    """Counts and refuses. A refusal is a ``Problem`` 429 ``rate_limited``; every answer carries the fields."""

    def __init__(self, settings: QuotaSettings, spend: Spend) -> None:
        self._settings = settings
        self._spend = spend
        self._local: dict[str, tuple[int, float]] = {}
        self.shared = True

    async def admit_address(self, connection: HTTPConnection) -> None:
        """Count a request of nobody who is known against the address it comes from."""
        limit = self._settings.address_rate_limit
        if limit:
            self._settle(connection, await self.spend("address", self.address(connection), limit))

    async def admit_credential(self, connection: HTTPConnection, session_id: str | None) -> None:
        """Count a request by a credential of this session, or by one of none, apart from its address' other requests.

        So whoever comes again and again with what is good for nothing takes nothing from others at the same address.
        """
        limit = self._settings.address_rate_limit
        if limit:
            who = session_id or f"refused:{self.address(connection)}"
            self._settle(connection, await self.spend("address", who, limit))

    @asynccontextmanager
    async def refusals(self, connection: HTTPConnection) -> AsyncIterator[None]:
        """Counts a 401 for the token that is judged inside, by `admit_credential`."""
        try:
            yield
        except Problem as problem:
            if problem.status == 401:
                await self.admit_credential(connection, problem.session_id)
            raise

    async def admit_user(self, connection: HTTPConnection, user_id: str, plan: str) -> None:
        """Count a request against its verified user."""
        limit = self.limit_of(plan)
        if limit:
            self._settle(connection, await self.spend("user", user_id, limit))

    def limit_of(self, plan: str) -> int:
        """The limit of a plan; 0 is none."""
        return self._settings.rate_limit_bulk if plan == "bulk" else self._settings.rate_limit

    async def spend(self, name: str, who: str, limit: int, cost: int = 1) -> Standing:
        """Take ``cost`` from the quota ``name`` of ``who``; a cost of 0 only looks."""
        window = self._settings.rate_window
        counted = await self._spend(f"quota:{name}:{who}", cost, window * 1000)
        self.shared = counted is not None
        used, left = counted or self._spend_here(f"{name}:{who}", cost, window)
        return Standing(name, limit, window, used, left / 1000)

    def _spend_here(self, key: str, cost: int, window: int) -> tuple[int, int]:
        moment = time.monotonic()
        if len(self._local) > _MOST_LOCAL_KEYS:
            self._local = {name: held for name, held in self._local.items() if held[1] > moment}
        used, ends = self._local.get(key, (0, 0.0))
        if ends <= moment:
            used, ends = 0, moment + window
        self._local[key] = (used + cost, ends)
        return used + cost, math.ceil((ends - moment) * 1000)

    def address(self, connection: HTTPConnection) -> str:
        """The peer's address, or the one that frontend forwards; a client's own forwarding header counts nothing."""
        peer = connection.client.host if connection.client else "unknown"
        shown = connection.headers.get("x-frontend-credential", "")
        wanted = self._settings.frontend_credential.get_secret_value()
        if not hmac.compare_digest(shown.encode(), wanted.encode()):
            return peer
        forwarded = connection.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(forwarded))
        except ValueError:
            return peer

    @staticmethod
    def _settle(connection: HTTPConnection, standing: Standing) -> None:
        standings: list[Standing] = [*getattr(connection.state, "quotas", []), standing]
        connection.state.quotas = standings
        # The middleware puts these on the answer, whatever the answer will be.
        connection.state.answer_headers = headers(standings)
        if standing.exceeded:
            raise Problem(429, "rate_limited", f"the quota of this {standing.name} is used up")
