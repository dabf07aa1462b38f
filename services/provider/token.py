"""``/token`` and ``/userinfo`` (OpenID Connect Core §3.1.3, §5.3)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.common import http, problems
from services.common.json_bodies import Router
from services.provider.clients import Client, Clients
from services.provider.faults import Fault, Faults
from services.provider.forms import form_parameters
from services.provider.id_tokens import Signer, profile_claims
from services.provider.registry import ACCESS_TOKEN_TTL, Grant, Registry

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(eq=False)
class Refused(Exception):  # noqa: N818 - an answer of the protocol, not a failure of the program
    """An error answer of RFC 6749 §5.2."""

    error: str
    description: str
    status: int = 400
    challenge: bool = False

    def response(self) -> Response:
        """The answer; ``challenge`` adds the one that a client using HTTP Basic must get."""
        headers = _NO_STORE | ({"WWW-Authenticate": 'Basic realm="provider"'} if self.challenge else {})
        return JSONResponse({"error": self.error, "error_description": self.description}, self.status, headers)


def authenticate(clients: Clients, authorization: str, sent: dict[str, str]) -> Client:
    """The registered client that asks: its secret by HTTP Basic or in the form, not both (RFC 6749 §2.3.1)."""
    if authorization:
        if "client_secret" in sent:
            raise Refused("invalid_request", "the client authenticated in two ways")
        client_id, secret = _basic(authorization)
        if sent.get("client_id", client_id) != client_id:
            raise Refused("invalid_request", "two clients are named")
    else:
        client_id, secret = sent.get("client_id", ""), sent.get("client_secret", "")
    client = clients.get(client_id)
    if client is None or not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise Refused("invalid_client", "client authentication failed", 401, challenge=bool(authorization))
    return client


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        client_id, colon, secret = "", "", ""
    if scheme.lower() != "basic" or not colon:
        raise Refused("invalid_client", "the Authorization header cannot be read", 401, challenge=True)
    return unquote_plus(client_id), unquote_plus(secret)


def check_exchange(grant: Grant | None, sent: dict[str, str], client: Client) -> Grant:
    """The grant of a fresh code whose redirect URI and PKCE verifier fit (RFC 7636 §4.6); else ``Refused``."""
    if grant is None:
        raise Refused("invalid_grant", "the code is unknown, used or expired")
    if grant.request.client_id != client.client_id:
        raise Refused("invalid_grant", "the code is another application's")
    if sent.get("redirect_uri") != grant.request.redirect_uri:
        raise Refused("invalid_grant", "redirect_uri is not the one of the authorization request")
    verifier = sent.get("code_verifier", "")
    if verifier and not _VERIFIER.fullmatch(verifier):
        raise Refused("invalid_request", "code_verifier must be 43 to 128 unreserved characters")
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(challenge, grant.request.code_challenge):
        raise Refused("invalid_grant", "PKCE verification failed")
    return grant


def router(registry: Registry, clients: Clients, signer: Signer, faults: Faults) -> Router:
    """The routes of ``/token`` and ``/userinfo``."""
    routes = Router()

    async def exchange(request: Request) -> Response:
        try:
            sent = form_parameters(request.headers.get("content-type", ""), await request.body())
        except ValueError as error:
            raise Refused("invalid_request", str(error)) from None
        waiting = registry.grant(sent.get("code", ""))
        fault = faults.take(waiting.user.email if waiting else None)
        if fault.token:
            await asyncio.sleep(fault.token.delay)
            if fault.token.status:
                return JSONResponse({"error": "server_error"}, fault.token.status, _NO_STORE)
        client = authenticate(clients, request.headers.get("authorization", ""), sent)
        return JSONResponse(_answer(sent, fault, client), headers=_NO_STORE)

    def _answer(sent: dict[str, str], fault: Fault, client: Client) -> dict[str, object]:
        if "grant_type" not in sent:
            raise Refused("invalid_request", "grant_type is missing")
        if sent["grant_type"] != "authorization_code":
            raise Refused("unsupported_grant_type", "only authorization_code is granted")
        if "code" not in sent:
            raise Refused("invalid_request", "code is missing")
        grant = check_exchange(registry.spend_code(sent["code"]), sent, client)
        access_token = registry.add_access_token(sent["code"], grant)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_TOKEN_TTL),
            "scope": " ".join(grant.request.scopes),
            "id_token": signer.id_token(grant, access_token, fault.id_token),
        }

    @routes.post("/token")
    async def token(request: Request) -> Response:
        try:
            return await exchange(request)
        except Refused as refused:
            return refused.response()

    @routes.api_route("/userinfo", methods=["GET", "POST"])
    async def userinfo(request: Request) -> Response:
        sent = http.bearer(request)
        if sent is None:
            raise problems.token_missing()
        access = registry.access_token(sent)
        user = registry.users.get(access.sub) if access else None
        if access is None or user is None:
            raise problems.token_refused("token_invalid", "the access token is unknown, expired or revoked")
        return JSONResponse({"sub": user.sub, **profile_claims(user, access.scopes)}, headers=_NO_STORE)

    return routes
