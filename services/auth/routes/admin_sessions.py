"""The session manager over HTTP (§2.5), for holders of the service credential."""

from __future__ import annotations

from typing import Any

from services.auth import opaque
from services.auth.core import Auth
from services.auth.models import (
    Id,
    Migrate,
    NewSession,
    RefreshedSession,
    RefreshSession,
    Revoke,
    RevokeAll,
    Revoked,
    SessionGrant,
    SessionRecord,
    Sessions,
    Validate,
    Validation,
)
from services.auth.routes.caller import Parts, known_client
from services.auth.session_policy import Grant, Wish
from services.common.instants import now
from services.common.json_bodies import Router
from services.common.problems import Problem

_CLIENT_OF_TYPE = {"WEB": "web", "MOBILE": "mobile", "API": "api", "SSO": "web"}
router = Router(prefix="/admin", tags=["admin: sessions"])


def _granted(auth: Auth, grant: Grant) -> dict[str, Any]:
    return {
        "session": grant.session.record(now()),
        "session_token": grant.session_token,
        "access_token": auth.access.issue(grant.session, grant.user)[0],
        "refresh_token": grant.refresh_token,
    }


@router.post("/sessions", status_code=201, response_model=SessionGrant)
async def create(body: NewSession, auth: Parts) -> dict[str, Any]:
    """Make a session; at the limit the oldest goes."""
    wish = Wish(
        client=known_client(auth, body.client_id or _CLIENT_OF_TYPE[body.type]),
        origin="admin",
        type=body.type,
        metadata=body.metadata,
        device=body.device,
        fingerprint=opaque.fingerprint(body.fingerprint) if body.fingerprint is not None else None,
        idle_ttl=body.idle_ttl,
        absolute_ttl=body.absolute_ttl,
        with_token=True,
    )
    return _granted(auth, await auth.sessions.create(body.user_id, wish))


@router.post("/sessions/validate", response_model=Validation)
async def validate(body: Validate, auth: Parts) -> dict[str, Any]:
    """Judge a session token."""
    shown = opaque.fingerprint(body.fingerprint) if body.fingerprint is not None else None
    verdict = await auth.sessions.validate(body.session_token, shown)
    return {
        "valid": verdict.reason is None,
        "reason": verdict.reason,
        "source": verdict.source,
        "session": verdict.session.record(now()) if verdict.session else None,
    }


@router.post("/sessions/refresh", response_model=RefreshedSession)
async def refresh(body: RefreshSession, auth: Parts) -> dict[str, Any]:
    """Replace a session token."""
    grant = await auth.sessions.refresh(body.session_token, extend=body.extend)
    return {"session": grant.session.record(now()), "session_token": grant.session_token}


@router.post("/sessions/cleanup")
async def clean_up(auth: Parts) -> dict[str, int]:
    """Sweep what has expired."""
    return await auth.upkeep.clean_up()


@router.get("/sessions/analytics")
async def analytics(auth: Parts) -> dict[str, Any]:
    """How many sessions there are."""
    return await auth.upkeep.analytics()


@router.get("/sessions/{session_id}", response_model=SessionRecord)
async def one(session_id: Id, auth: Parts) -> dict[str, Any]:
    """One session."""
    session = await auth.sessions.get(session_id)
    if session is None:
        raise Problem(404, "not_found", "there is no such session")
    return session.record(now())


@router.get("/sessions/{session_id}/events")
async def events(session_id: Id, auth: Parts) -> dict[str, Any]:
    """The audit trail of a session, also of one whose user is gone."""
    return {"events": await auth.upkeep.events_of(session_id)}


@router.post("/sessions/{session_id}/activity", response_model=SessionRecord)
async def activity(session_id: Id, auth: Parts) -> dict[str, Any]:
    """Count an access; the idle time starts again."""
    return (await auth.sessions.record_activity(session_id)).record(now())


@router.post("/sessions/{session_id}/revoke", response_model=SessionRecord)
async def revoke(session_id: Id, auth: Parts, body: Revoke | None = None) -> dict[str, Any]:
    """End a session; one that has ended stays as it ended."""
    return (await auth.sessions.revoke(session_id, (body or Revoke()).reason)).record(now())


@router.post("/sessions/{session_id}/migrate", status_code=201, response_model=SessionGrant)
async def migrate(session_id: Id, body: Migrate, auth: Parts) -> dict[str, Any]:
    """Move a session to SSO: a new one begins, the old one ends."""
    client = known_client(auth, _CLIENT_OF_TYPE[body.type])
    return _granted(auth, await auth.sessions.migrate(session_id, client, body.type, body.metadata))


@router.get("/users/{user_id}/sessions", response_model=Sessions)
async def of_user(user_id: Id, auth: Parts, include_expired: bool = False) -> dict[str, Any]:
    """A user's sessions; with ``include_expired`` all that have ended too."""
    moment = now()
    sessions = await auth.upkeep.sessions_of(user_id, include_expired=include_expired)
    return {"sessions": [session.record(moment) for session in sessions]}


@router.post("/users/{user_id}/sessions/revoke", response_model=Revoked)
async def revoke_all(user_id: Id, body: RevokeAll, auth: Parts) -> dict[str, int]:
    """End a user's sessions, but one if wanted."""
    return {"revoked": await auth.sessions.revoke_all(user_id, body.reason, keep=body.except_session_id)}
