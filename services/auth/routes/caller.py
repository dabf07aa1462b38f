"""Who calls: the parts of auth behind a request, and the bearer of an access token whose session is alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.auth.clients import Client
from services.auth.core import Auth
from services.auth.records import Session
from services.common import http, problems
from services.common.access_tokens import AccessToken
from services.common.problems import Problem


async def parts(request: Request) -> Auth:
    """The parts of the running service."""
    auth: Auth = request.app.state.auth
    return auth


Parts = Annotated[Auth, Depends(parts)]


@dataclass(frozen=True)
class Caller:
    """A signed-in user: the verified token and the session it belongs to."""

    token: AccessToken
    session: Session

    @property
    def user_id(self) -> str:
        """Who it is."""
        return self.session.user_id


async def signed_in(request: Request, auth: Parts) -> Caller:
    """The bearer, verified; the 401s of §1 else."""
    token = http.bearer(request)
    if token is None:
        await auth.quotas.admit_address(request)
        raise problems.token_missing()
    async with auth.quotas.refusals(request):
        verified = await auth.access.verify(token)
        session = await auth.sessions.require_live(verified)
    await auth.quotas.admit_user(request, verified.subject, verified.plan)
    return Caller(verified, session)


async def limited_by_address(request: Request, auth: Parts) -> None:
    """Count the request against its address; 429 where the quota is used up."""
    await auth.quotas.admit_address(request)


SignedIn = Annotated[Caller, Depends(signed_in)]


def known_client(auth: Auth, client_id: str) -> Client:
    """The registered client, or 400."""
    if client_id not in auth.clients:
        raise Problem(400, "invalid_request", "client_id names no registered client")
    return auth.clients[client_id]
