"""The parts of a replica, made once and reached by every router."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import Request

from services.backend import frames
from services.backend.answers import Answers
from services.backend.auth_client import AuthClient
from services.backend.clients import Clients
from services.backend.conversations import Conversations
from services.backend.database import Database
from services.backend.doorbell import Doorbell
from services.backend.events import Events
from services.backend.hub import Hub
from services.backend.identity import Caller, Identity
from services.backend.keys import SigningKeys
from services.backend.notices import Notices
from services.backend.redis_client import Cache
from services.backend.session_state import SessionStates
from services.backend.settings import Settings
from services.backend.socket_quotas import SocketQuotas
from services.backend.sync import Sync
from services.backend.writer import Writer
from services.common import http, problems
from services.common.problems import Problem
from services.common.quotas import Quotas


@dataclass(frozen=True)
class Parts:
    """Everything a request or a socket may need."""

    settings: Settings
    database: Database
    cache: Cache
    auth: AuthClient
    keys: SigningKeys
    identity: Identity
    conversations: Conversations
    states: SessionStates
    clients: Clients
    events: Events
    hub: Hub
    doorbell: Doorbell
    notices: Notices
    writer: Writer
    answers: Answers
    sync: Sync
    quotas: Quotas
    socket_quotas: SocketQuotas


def parts_of(request: Request) -> Parts:
    """The parts behind a request."""
    parts: Parts = request.app.state.parts
    return parts


async def caller_of(request: Request) -> Caller:
    """The authenticated caller; raises the 401 or 503 of §1."""
    token = http.bearer(request)
    parts = parts_of(request)
    if token is None:
        await parts.quotas.admit_address(request)
        raise problems.token_missing()
    async with parts.quotas.refusals(request):
        caller = await parts.identity.authenticate(token)
    await parts.quotas.admit_user(request, caller.user.id, caller.user.plan)
    return caller


async def admit_address(request: Request) -> None:
    """Count a request of nobody who is known against its address; raises 429."""
    await parts_of(request).quotas.admit_address(request)


async def _here(request: Request) -> Parts:
    return parts_of(request)


async def _id(conversation_id: Annotated[str, Path()]) -> str:
    try:
        return frames.checked_id(conversation_id, "conversation_id")
    except frames.FrameError:
        raise Problem(404, "not_found", "there is no such conversation") from None


Here = Annotated[Parts, Depends(_here)]
Authenticated = Annotated[Caller, Depends(caller_of)]
ConversationId = Annotated[str, Depends(_id)]
