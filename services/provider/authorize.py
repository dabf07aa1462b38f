"""``/authorize``: the code flow of OpenID Connect Core §3.1.2, with PKCE S256 as a must (RFC 7636)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.common.json_bodies import Router
from services.provider import pages
from services.provider.clients import Clients
from services.provider.forms import form_parameters, parameters
from services.provider.logout import ProviderSessions
from services.provider.registry import REQUEST_TTL, AuthorizationRequest, Registry
from services.provider.settings import Settings

SCOPES = ("openid", "email", "profile")
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(eq=False)
class Refused(Exception):  # noqa: N818 - an answer of the protocol, not a failure of the program
    """An error that may be told to the client by redirect (RFC 6749 §4.1.2.1)."""

    error: str
    description: str


def check(asked: dict[str, str]) -> AuthorizationRequest:
    """The request behind parameters whose client and redirect URI are already known to be right; else ``Refused``."""
    for name in ("request", "request_uri"):
        if name in asked:
            raise Refused(f"{name}_not_supported", f"{name} is not supported")
    if asked.get("response_type") != "code":
        error = "unsupported_response_type" if "response_type" in asked else "invalid_request"
        raise Refused(error, "response_type must be code")
    if asked.get("response_mode", "query") != "query":
        raise Refused("invalid_request", "response_mode must be query")
    scopes = tuple(asked.get("scope", "").split())
    if "openid" not in scopes:
        raise Refused("invalid_scope", "scope must contain openid")
    if asked.get("code_challenge_method") != "S256":
        raise Refused("invalid_request", "code_challenge_method must be S256")
    if not _S256_CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise Refused("invalid_request", "code_challenge must be a SHA-256 in base64url")
    if asked.get("prompt") == "none":
        raise Refused("login_required", "there is no signed-in session")
    return AuthorizationRequest(
        client_id=asked["client_id"],
        redirect_uri=asked["redirect_uri"],
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        state=asked.get("state"),
        nonce=asked.get("nonce"),
        code_challenge=asked["code_challenge"],
        expires_at=time.time() + REQUEST_TTL,
    )


def router(settings: Settings, registry: Registry, clients: Clients, sessions: ProviderSessions) -> Router:
    """The routes of ``/authorize``."""
    routes = Router()

    def back(redirect_uri: str, state: str | None, **answer: str) -> Response:
        query = urlencode({**answer, **({"state": state} if state else {}), "iss": settings.provider_url})
        joint = "&" if "?" in redirect_uri else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{query}", 303, {"Cache-Control": "no-store"})

    @routes.get("/authorize")
    async def ask(request: Request) -> Response:
        try:
            asked = parameters(request.url.query)
        except ValueError as error:
            return pages.refusal(str(error))
        client = clients.get(asked.get("client_id"))
        if client is None:
            return pages.refusal("The application is not known.")
        if asked.get("redirect_uri") not in client.redirect_uris:
            return pages.refusal("The application asked to return to an address that is not registered.")
        try:
            request_id = registry.add_request(check(asked))
        except Refused as refused:
            return back(
                asked["redirect_uri"],
                asked.get("state"),
                error=refused.error,
                error_description=refused.description,
            )
        return pages.login_form(request_id, asked.get("login_hint", ""))

    @routes.post("/authorize")
    async def decide(request: Request) -> Response:
        try:
            answer = form_parameters(request.headers.get("content-type", ""), await request.body())
        except ValueError as error:
            return pages.refusal(str(error))
        request_id, email = answer.get("request_id", ""), answer.get("email", "")
        asked = registry.request(request_id)
        if asked is None:
            return pages.refusal("This form was already used, or is too old. Start the sign-in again.")
        if answer.get("decision") == "deny":
            registry.decide(request_id)
            return back(asked.redirect_uri, asked.state, error="access_denied", error_description="the user said no")
        if answer.get("decision") != "approve":
            return pages.login_form(request_id, email, "Choose Continue or Cancel.", 400)
        user = registry.user_by_email(email)
        if user is None:
            return pages.login_form(request_id, email, "There is no account with this e-mail.", 400)
        registry.decide(request_id)
        noted = Response()
        sid = sessions.use(request, noted, user.sub, asked.client_id).sid
        returned = back(asked.redirect_uri, asked.state, code=registry.add_code(asked, user, sid))
        for cookie in noted.headers.getlist("set-cookie"):
            returned.headers.append("set-cookie", cookie)
        return returned

    return routes
