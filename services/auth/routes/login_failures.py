"""Failed password logins are counted by account and by address, known or not, and refused after too many."""

from __future__ import annotations

from fastapi import Request

from services.auth import opaque
from services.auth.core import Auth
from services.common.problems import Problem


def _counted(auth: Auth, request: Request, email: str) -> list[tuple[str, str, int]]:
    """``(quota, who, limit)`` of the account and of the address; those that are off are left out."""
    account = opaque.hex_digest(email.strip().lower())
    limits = [
        ("login-account", account, auth.settings.login_failure_limit),
        ("login-address", auth.quotas.address(request), auth.settings.login_failures_of_address),
    ]
    return [one for one in limits if one[2]]


async def refuse_after_many(auth: Auth, request: Request, email: str) -> None:
    """429 ``rate_limited`` once so many logins of this account, or so many more from this address, have failed."""
    for name, who, limit in _counted(auth, request, email):
        standing = await auth.quotas.spend(name, who, limit, cost=0)
        if standing.used >= limit:
            again = {"Retry-After": str(standing.reset)}
            raise Problem(429, "rate_limited", "too many failed logins", headers=again)


async def count(auth: Auth, request: Request, email: str) -> None:
    """Count one failed login."""
    for name, who, limit in _counted(auth, request, email):
        await auth.quotas.spend(name, who, limit)
