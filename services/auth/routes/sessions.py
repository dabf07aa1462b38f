"""One's own sessions."""

from __future__ import annotations

from typing import Any

from services.auth.models import Id, OwnSessions, Revoked
from services.auth.routes.caller import Parts, SignedIn
from services.common import openapi
from services.common.instants import now
from services.common.json_bodies import Router

router = Router(prefix="/auth/sessions", tags=["sessions"], responses={401: openapi.problem("no good access token")})


@router.get("", response_model=OwnSessions)
async def own(caller: SignedIn, auth: Parts) -> dict[str, Any]:
    """Where I am signed in."""
    sessions = await auth.upkeep.sessions_of(caller.user_id, include_expired=False)
    moment = now()
    return {"sessions": [one.record(moment) | {"current": one.id == caller.session.id} for one in sessions]}


@router.delete("/{session_id}", status_code=204, responses={404: openapi.problem("no session of mine")})
async def end(session_id: Id, caller: SignedIn, auth: Parts) -> None:
    """End one of my sessions."""
    await auth.sessions.revoke(session_id, "revoked", owner=caller.user_id)


@router.post("/revoke-others", response_model=Revoked)
async def end_others(caller: SignedIn, auth: Parts) -> dict[str, int]:
    """End all my sessions but this one."""
    return {"revoked": await auth.sessions.revoke_all(caller.user_id, "revoked", keep=caller.session.id)}
