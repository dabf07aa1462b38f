"""Limits on what a socket sends: a warning, refusals, then the close for abuse (docs/protocol.md §3.2, §4)."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass

from services.backend import frames
from services.backend.connection import Connection
from services.backend.frames import FrameError
from services.common.quotas import Quotas

LEAST_PATIENCE = 5


@dataclass(slots=True)
class Estimate:
    """What a user is thought to have used of his quota, by all services, in the window that ends at ``ends``."""

    used: int
    ends: float


class SocketQuotas:
    """Each message is counted on its socket at once, and on its user's shared quota together with all of a moment."""

    def __init__(self, quotas: Quotas, limit: int, window: int) -> None:
        self._quotas = quotas
        self._limit = limit
        self._window = window
        self._debts: Counter[tuple[str, str]] = Counter()
        self._estimates: dict[str, Estimate] = {}
        self._wake = asyncio.Event()

    def admit(self, connection: Connection) -> None:
        """Count one message; raises ``FrameError`` ``rate_limited`` and closes with 4029 who goes on regardless."""
        moment = time.monotonic()
        allowance = connection.allowance
        if moment >= allowance.ends:
            allowance.start(moment + self._window)
        allowance.used += 1
        user_limit = self._quotas.limit_of(connection.caller.user.plan)
        retry_after = self._retry_after(connection, moment, user_limit)
        if retry_after is None:
            return
        self._refuse(connection, retry_after, self._limit or user_limit)

    def _retry_after(self, connection: Connection, moment: float, user_limit: int) -> int | None:
        if self._limit and connection.allowance.used > self._limit:
            return math.ceil(connection.allowance.ends - moment)
        if not user_limit:
            return None
        estimate = self._estimates.get(connection.user_id)
        if estimate is None or estimate.ends <= moment:
            estimate = self._estimates[connection.user_id] = Estimate(0, moment + self._window)
        if estimate.used >= user_limit:
            return math.ceil(estimate.ends - moment)
        estimate.used += 1
        self._debts[(connection.user_id, connection.caller.user.plan)] += 1
        self._wake.set()
        return None

    @staticmethod
    def _refuse(connection: Connection, retry_after: int, limit: int) -> None:
        allowance = connection.allowance
        allowance.refused += 1
        if allowance.refused == 1:
            connection.send(frames.make("warning", {"code": "rate_limited", "retry_after": retry_after}))
        if allowance.refused > max(limit, LEAST_PATIENCE):
            connection.close(frames.ABUSE, "too many messages after a warning")
        raise FrameError("rate_limited", f"try again in {retry_after} s", retryable=True)

    async def settle(self) -> None:
        """Take what is owed from the users' shared quotas, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            debts, self._debts = self._debts, Counter()
            moment = time.monotonic()
            self._estimates = {user: one for user, one in self._estimates.items() if one.ends > moment}
            for (user_id, plan), cost in debts.items():
                standing = await self._quotas.spend("user", user_id, self._quotas.limit_of(plan), cost)
                used = standing.used + self._debts[(user_id, plan)]
                self._estimates[user_id] = Estimate(used, time.monotonic() + standing.left)
