"""Login through the provider (§2.2, steps 1 and 2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import uuid
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from services.auth import opaque
from services.auth.clients import Client
from services.auth.core import Auth
from services.auth.login_store import TRANSACTION_SECONDS, Code, Transaction
from services.auth.provider import Identity, ProviderAway, ProviderRefused
from services.auth.routes.caller import Parts, limited_by_address
from services.auth.users import EmailTaken
from services.common import logs, problems
from services.common.json_bodies import Router
from services.common.problems import Problem

router = Router(tags=["login"], dependencies=[Depends(limited_by_address)])

COOKIE = "__Host-login"
MOST_LOGINS = 5
SYNC_WAIT = 0.5
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_STATE = 1024
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign-in refused</title>
<body><h1>Sign-in refused</h1><p>{detail}</p><p>Code: <code>{code}</code></p></body></html>"""
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"}


@router.get(
    "/auth/google",
    status_code=302,
    response_class=RedirectResponse,
    responses={
        302: {"description": "to the provider, or back to the client with an error"},
        400: {"description": "a page"},
    },
)
async def begin(
    request: Request,
    auth: Parts,
    client_id: str = "",
    redirect_uri: str = "",
    state: str = "",
    code_challenge: str = "",
    code_challenge_method: str = "",
    response_type: str = "code",
    login_hint: str | None = None,
) -> Response:
    """Send the browser to the provider."""
    client = auth.clients.get(client_id)
    if client is None:
        return _page("invalid_client", "This application is not registered here.")
    if redirect_uri != client.redirect_uri or len(request.query_params.getlist("redirect_uri")) != 1:
        return _page("invalid_redirect_uri", "The address to return to is not the one that the application registered.")
    if response_type != "code":
        return _back(redirect_uri, error="unsupported_response_type", state=state)
    if not state or len(state) > _MAX_STATE:
        return _back(redirect_uri, error="invalid_request", error_description="state is missing or too long")
    if code_challenge_method != "S256" or not _CHALLENGE.fullmatch(code_challenge):
        return _back(redirect_uri, error="invalid_request", error_description="PKCE with S256 is needed", state=state)
    return await _to_provider(request, auth, client, state, code_challenge, login_hint)


async def _to_provider(
    request: Request, auth: Auth, client: Client, state: str, challenge: str, login_hint: str | None
) -> Response:
    own_state, nonce, verifier, browser = (opaque.new() for _ in range(4))
    transaction = Transaction(
        client_id=client.client_id,
        redirect_uri=client.redirect_uri,
        client_state=state,
        client_challenge=challenge,
        nonce=nonce,
        verifier=verifier,
        browser=opaque.hex_digest(browser),
    )
    await auth.logins.begin(own_state, transaction)
    try:
        url = await auth.provider.authorization_url(own_state, nonce, s256(verifier), login_hint)
    except (ProviderAway, ProviderRefused) as error:
        logs.logger().warning("provider_away", error=str(error))
        raise problems.unavailable("provider") from None
    answer = RedirectResponse(url, 302, {"Cache-Control": "no-store"})
    _set_cookie(answer, cookie_of(own_state), browser, TRANSACTION_SECONDS)
    # A browser sends its cookies oldest first (RFC 6265 §5.4): it keeps the newest, however many logins it begins.
    begun = [name for name in request.cookies if name.startswith(COOKIE)]
    for name in begun[: max(0, len(begun) + 1 - MOST_LOGINS)]:
        _set_cookie(answer, name, "", 0)
    return answer


def cookie_of(state: str) -> str:
    """Which cookie binds the login with this ``state`` to its browser: each its own, so that none disturbs another."""
    return f"{COOKIE}-{opaque.hex_digest(state)[:16]}"


def _set_cookie(answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


@router.get(
    "/auth/google/callback",
    status_code=302,
    response_class=RedirectResponse,
    responses={302: {"description": "to the client, with a code or an error"}},
)
async def callback(
    request: Request, auth: Parts, state: str = "", code: str | None = None, error: str | None = None
) -> Response:
    """Take the provider's answer back to the client; 400 ``invalid_state`` where this browser did not ask for it."""
    transaction = await auth.logins.spend_state(state) if state else None
    # An earlier version had one cookie for all logins of a browser; one begun there may end here.
    cookie = request.cookies.get(cookie_of(state)) or request.cookies.get(COOKIE, "")
    browser = opaque.hex_digest(cookie)
    if transaction is None or not hmac.compare_digest(transaction.browser, browser):
        raise Problem(400, "invalid_state", "this sign-in was not begun here, or is over already")
    answer = await _answer(auth, transaction, code, error)
    _set_cookie(answer, cookie_of(state), "", 0)
    return answer


async def _answer(auth: Auth, transaction: Transaction, code: str | None, error: str | None) -> Response:
    if error or not code:
        known = error if error in ("access_denied", "temporarily_unavailable") else "server_error"
        return _return(transaction, error=known)
    try:
        identity = await auth.provider.identify(code, transaction.verifier, transaction.nonce)
    except ProviderAway as away:
        logs.logger().warning("provider_away", error=str(away))
        return _return(transaction, error="temporarily_unavailable")
    except ProviderRefused as refused:
        logs.logger().warning("provider_refused", error=str(refused))
        return _return(transaction, error="server_error")
    if not identity.email_verified:
        return _return(transaction, error="access_denied", error_description="the e-mail is not verified")
    return await _admitted(auth, transaction, identity)


async def _admitted(auth: Auth, transaction: Transaction, identity: Identity) -> Response:
    try:
        user, event_id = await auth.users.by_identity(identity)
    except EmailTaken:
        return _return(transaction, error="account_exists")
    if user.status != "active":
        return _return(transaction, error="access_denied", error_description="the account is deactivated")
    if event_id:
        await auth.dispatcher.wait_for(event_id, SYNC_WAIT)
    one_time = Code(
        user_id=user.id,
        client_id=transaction.client_id,
        redirect_uri=transaction.redirect_uri,
        challenge=transaction.client_challenge,
        session_id=str(uuid.uuid4()),
    )
    await auth.logins.keep_provider(one_time.session_id, identity.at_provider)
    return _return(transaction, code=await auth.logins.issue_code(one_time))


def s256(verifier: str) -> str:
    """The PKCE challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _return(transaction: Transaction, **values: str) -> Response:
    return _back(transaction.redirect_uri, **values, state=transaction.client_state)


def _back(redirect_uri: str, **values: str) -> Response:
    query = urlencode({name: value for name, value in values.items() if value})
    return RedirectResponse(f"{redirect_uri}?{query}", 302, {"Cache-Control": "no-store"})


def _page(code: str, detail: str) -> Response:
    return HTMLResponse(_PAGE.format(code=code, detail=html.escape(detail)), 400, _PAGE_HEADERS)
