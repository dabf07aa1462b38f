"""Failed password logins are counted by account and by address, known or not, and refused after too many."""

from __future__ import annotations

from fastapi import Request

from services.auth import opaque
from services.auth.core import Auth
from services.common.problems import Problem


def _counted(auth: Auth, request: Request, email: str) -> tuple[tuple[str, str], ...]:
    account = opaque.hex_digest(email.strip().lower())
    return ("login-account", account), ("login-address", auth.quotas.address(request))


async def refuse_after_many(auth: Auth, request: Request, email: str) -> None:
    """429 ``rate_limited`` once ``LOGIN_FAILURE_LIMIT`` logins of this account or from this address have failed."""
    limit = auth.settings.login_failure_limit
    if not limit:
        return
    for name, who in _counted(auth, request, email):
        standing = await auth.quotas.spend(name, who, limit, cost=0)
        if standing.used >= limit:
            again = {"Retry-After": str(standing.reset)}
            raise Problem(429, "rate_limited", "too many failed logins", headers=again)


async def count(auth: Auth, request: Request, email: str) -> None:
    """Count one failed login."""
    limit = auth.settings.login_failure_limit
    if limit:
        for name, who in _counted(auth, request, email):
            await auth.quotas.spend(name, who, limit)
