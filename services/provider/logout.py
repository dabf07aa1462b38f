"""The provider's own sessions and their end: RP-initiated and back-channel logout (OpenID Connect, both 1.0)."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.common import logs, outgoing
from services.common.json_bodies import Router
from services.provider import pages
from services.provider.clients import Clients
from services.provider.forms import form_parameters, parameters
from services.provider.id_tokens import Signer

COOKIE = "provider_session"
_TIMEOUT = httpx.Timeout(5.0, connect=1.0)


@dataclass
class ProviderSession:
    """One login at the provider in one browser; ``clients`` are the applications that it has been used for."""

    sid: str
    sub: str
    clients: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Delivery:
    """One logout token that was sent: to whom, of which session, and how it was answered (0: not at all)."""

    client_id: str
    sid: str
    status: int


class ProviderSessions:
    """The sessions that live, by their id; the cookie of a browser is another secret."""

    def __init__(self, clients: Clients, signer: Signer) -> None:
        self.live: dict[str, ProviderSession] = {}
        self.deliveries: list[Delivery] = []
        self._cookies: dict[str, str] = {}
        self._clients = clients
        self._signer = signer

    def of(self, request: Request) -> ProviderSession | None:
        """The session of the browser that asks."""
        return self.live.get(self._cookies.get(request.cookies.get(COOKIE, ""), ""))

    def use(self, request: Request, response: Response, sub: str, client_id: str) -> ProviderSession:
        """The browser's session, which is another one where another user has signed in, used for this application."""
        session = self.of(request)
        if session is None or session.sub != sub:
            session = ProviderSession(secrets.token_urlsafe(16), sub)
            cookie = secrets.token_urlsafe(32)
            self.live[session.sid], self._cookies[cookie] = session, session.sid
            response.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="lax")
        if client_id not in session.clients:
            session.clients.append(client_id)
        return session

    async def end(self, session: ProviderSession) -> None:
        """End a session and tell every application that it was used for."""
        self.live.pop(session.sid, None)
        async with httpx.AsyncClient(timeout=_TIMEOUT, transport=outgoing.Transport()) as client:
            await asyncio.gather(*(self._deliver(client, session, name) for name in session.clients))

    async def _deliver(self, http: httpx.AsyncClient, session: ProviderSession, client_id: str) -> None:
        client = self._clients.get(client_id)
        if client is None or client.backchannel_logout_uri is None:
            return
        token = self._signer.logout_token(client_id, session.sub, session.sid)
        try:
            answer = await http.post(client.backchannel_logout_uri, data={"logout_token": token})
            status = answer.status_code
        except httpx.HTTPError as error:
            logs.logger().warning("logout_not_delivered", client_id=client_id, error=type(error).__name__)
            status = 0
        self.deliveries.append(Delivery(client_id, session.sid, status))


def router(clients: Clients, sessions: ProviderSessions) -> Router:
    """The route of ``/logout``, the provider's ``end_session_endpoint``."""
    routes = Router()

    @routes.api_route("/logout", methods=["GET", "POST"])
    async def logout(request: Request) -> Response:
        try:
            asked = (
                form_parameters(request.headers.get("content-type", ""), await request.body())
                if request.method == "POST"
                else parameters(request.url.query)
            )
        except ValueError as error:
            return pages.refusal(str(error))
        client, target = clients.get(asked.get("client_id")), asked.get("post_logout_redirect_uri")
        if target and (client is None or target not in client.post_logout_redirect_uris):
            return pages.refusal("The application asked to return to an address that is not registered.")
        session = sessions.of(request)
        # Only the browser's own session, and only the one that the application means.
        if session is not None and asked.get("logout_hint", session.sid) == session.sid:
            await sessions.end(session)
        response: Response = pages.signed_out()
        if target:
            state = urlencode({"state": asked["state"]}) if "state" in asked else ""
            response = RedirectResponse(f"{target}?{state}" if state else target, 303, {"Cache-Control": "no-store"})
        response.delete_cookie(COOKIE, path="/")
        return response

    return routes
