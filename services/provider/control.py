"""What tests set and read: users, faults, request counts. Only for holders of the service credential."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from services.common.http import service_credential
from services.common.json_bodies import Router
from services.common.problems import Problem
from services.provider.clients import Client, Clients
from services.provider.faults import Fault, Faults
from services.provider.id_tokens import Signer
from services.provider.logout import Delivery, ProviderSession, ProviderSessions
from services.provider.registry import Registry, User
from services.provider.settings import Settings

Subject = Annotated[str, Path(min_length=1, max_length=255)]


class UserBody(BaseModel):
    """The settable part of a user."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    name: str = Field(max_length=200)
    email_verified: bool = True


class ClientBody(BaseModel):
    """A further application."""

    model_config = ConfigDict(extra="forbid")

    secret: str = Field(min_length=8, max_length=200)
    redirect_uris: list[str] = Field(min_length=1)
    backchannel_logout_uri: str | None = None
    post_logout_redirect_uris: list[str] = []


class LogoutTokenBody(BaseModel):
    """A logout token to be made: ``claims`` replace those of a right one, or leave out what they name as null."""

    model_config = ConfigDict(extra="forbid")

    client_id: str
    sub: str
    sid: str
    claims: dict[str, Any] = {}
    header: dict[str, Any] = {}
    key: Literal["own", "foreign", "none"] = "own"


def logout_router(settings: Settings, clients: Clients, sessions: ProviderSessions, signer: Signer) -> Router:
    """The routes under ``/control`` about applications and the provider's own sessions."""
    routes = Router(prefix="/control", dependencies=[Depends(service_credential(settings))])

    @routes.put("/clients/{client_id}", status_code=204)
    async def put_client(client_id: Subject, body: ClientBody) -> None:
        uris, after = tuple(body.redirect_uris), tuple(body.post_logout_redirect_uris)
        clients.put(Client(client_id, body.secret, uris, body.backchannel_logout_uri, after))

    @routes.get("/sessions")
    async def list_sessions(sub: str) -> list[ProviderSession]:
        return [session for session in sessions.live.values() if session.sub == sub]

    @routes.delete("/sessions/{sid}", status_code=204)
    async def end_session(sid: Subject) -> None:
        session = sessions.live.get(sid)
        if session is None:
            raise Problem(404, "not_found", "there is no such session")
        await sessions.end(session)

    @routes.get("/logouts")
    async def list_logouts(sid: str) -> list[Delivery]:
        return [delivery for delivery in sessions.deliveries if delivery.sid == sid]

    @routes.post("/logout-tokens")
    async def make_logout_token(body: LogoutTokenBody) -> dict[str, str]:
        token = signer.logout_token(body.client_id, body.sub, body.sid, body.claims, body.header, body.key)
        return {"logout_token": token}

    return routes


def router(settings: Settings, registry: Registry, faults: Faults, requests: Counter[str]) -> Router:
    """The routes under ``/control``."""
    routes = Router(prefix="/control", dependencies=[Depends(service_credential(settings))])

    @routes.put("/users/{sub}")
    async def put_user(sub: Subject, body: UserBody, response: Response) -> User:
        user = User(sub, body.email, body.name, body.email_verified)
        response.status_code = 201 if registry.put_user(user) else 200
        return user

    @routes.delete("/users/{sub}", status_code=204)
    async def delete_user(sub: Subject) -> None:
        if registry.users.pop(sub, None) is None:
            raise Problem(404, "not_found", "there is no such user")

    @routes.put("/faults", status_code=204)
    async def put_faults(fault: Fault) -> None:
        faults.put(fault)

    @routes.delete("/faults", status_code=204)
    async def clear_faults(email: str | None = None) -> None:
        faults.clear(email)

    @routes.get("/requests")
    async def request_counts() -> dict[str, int]:
        return dict(requests)

    return routes
