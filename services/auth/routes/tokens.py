"""Tokens: code exchange, password login, refresh, logout, revocation (RFC 7009), introspection (RFC 7662)."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

import psycopg
from fastapi import Depends, Request, Response

from services.auth import opaque
from services.auth.core import Auth
from services.auth.login_store import CodeReused
from services.auth.models import Login, Refresh, SignedUp, SignUp, TokenResponse
from services.auth.records import User
from services.auth.routes import login_failures, oauth
from services.auth.routes.caller import Parts, SignedIn, known_client, limited_by_address
from services.auth.routes.login import s256
from services.auth.routes.oauth import OAuthRoute
from services.auth.session_policy import Wish
from services.common import http, openapi
from services.common.access_tokens import AccessToken
from services.common.json_bodies import Router
from services.common.problems import Problem

_SHORTEST_KEY, _LONGEST_KEY = 16, 256

router = Router(tags=["tokens"], dependencies=[Depends(limited_by_address)])
forms = Router(tags=["tokens"], route_class=OAuthRoute, dependencies=[Depends(limited_by_address)])
# What is done by a credential is counted for whom that is.
known = Router(tags=["tokens"])
known_forms = Router(tags=["tokens"], route_class=OAuthRoute)


@known_forms.post(
    "/auth/token",
    response_model=TokenResponse,
    responses=oauth.errors(400),
    openapi_extra=oauth.form_schema(
        "grant_type", optional=("code", "redirect_uri", "client_id", "code_verifier", "refresh_token")
    ),
)
async def token(request: Request, auth: Parts) -> dict[str, Any]:
    """RFC 6749 §4.1.3 and §6."""
    fields = await oauth.form(request)
    [grant_type] = oauth.required(fields, "grant_type")
    if grant_type == "refresh_token":
        refresh_token, client_id = oauth.required(fields, "refresh_token", "client_id")
        return await _refreshed(request, auth, refresh_token, client_id)
    await auth.quotas.admit_address(request)
    if grant_type == "authorization_code":
        return await _exchange(auth, fields)
    raise oauth.refused("unsupported_grant_type", "authorization_code and refresh_token are supported")


async def _refreshed(request: Request, auth: Auth, refresh_token: str, client_id: str | None = None) -> dict[str, Any]:
    await auth.quotas.admit_credential(request, await auth.sessions.of_refresh_token(refresh_token))
    return auth.access.response(await auth.sessions.rotate(refresh_token, client_id, _retry_key(request)))


async def _exchange(auth: Auth, fields: dict[str, str]) -> dict[str, Any]:
    text, redirect_uri, client_id, verifier = oauth.required(
        fields, "code", "redirect_uri", "client_id", "code_verifier"
    )
    try:
        code = await auth.logins.spend_code(text)
    except CodeReused as reused:
        await _end_reused(auth, reused.session_id)
        raise _bad_code() from None
    if code is None or (code.redirect_uri, code.client_id) != (redirect_uri, client_id):
        raise _bad_code()
    if not hmac.compare_digest(s256(verifier), code.challenge):
        raise _bad_code()
    wish = Wish(client=auth.clients[client_id], origin="oauth", session_id=code.session_id)
    at_provider = await auth.logins.provider_of(code.session_id)
    try:
        grant = await auth.sessions.create(code.user_id, replace(wish, at_provider=at_provider))
    except Problem as problem:
        raise (_bad_code() if problem.status in (403, 404) else problem) from None
    except psycopg.errors.UniqueViolation:
        # Redis has forgotten that the code was spent; its session is there.
        await _end_reused(auth, code.session_id)
        raise _bad_code() from None
    if await auth.logins.was_reused(text):
        await _end_reused(auth, code.session_id)
        raise _bad_code()
    return auth.access.response(grant)


async def _end_reused(auth: Auth, session_id: str) -> None:
    try:
        await auth.sessions.revoke(session_id, "code_reuse")
    except Problem as problem:
        # The first presentation was refused, or has not made its session yet: then it sees the mark and ends it.
        if problem.status != 404:
            raise


def _bad_code() -> Problem:
    return oauth.refused("invalid_grant", "the code is not valid for this client, address and verifier")


@forms.post(
    "/auth/revoke",
    response_class=Response,
    responses={200: {"description": "the token is good for nothing now"}, **oauth.errors(400)},
    openapi_extra=oauth.form_schema("token", optional=("token_type_hint", "client_id")),
)
async def revoke(request: Request, auth: Parts) -> Response:
    """End the session that an access or refresh token belongs to; a token that belongs to none is fine too."""
    [text] = oauth.required(await oauth.form(request), "token")
    session_id, user_id = await _session_of(auth, text)
    if session_id:
        try:
            await auth.sessions.revoke(session_id, "revoked", owner=user_id)
        except Problem as problem:
            if problem.status != 404:
                raise
    return Response(status_code=200)


async def _session_of(auth: Auth, text: str) -> tuple[str | None, str | None]:
    """The session that a token belongs to, and for an access token whose it says that this is."""
    if text.count(".") == 2:
        verified = await auth.access.verify_any(text)
        return (verified[0].session_id, verified[0].subject) if verified else (None, None)
    return await auth.sessions.of_refresh_token(text), None


async def _present(auth: Auth, claims: AccessToken) -> User | AccessToken:
    """The user as they are now, so that nobody is told a role that was taken away; the token without PostgreSQL."""
    try:
        return await auth.users.get(claims.subject)
    except Problem as problem:
        if problem.code != "database_unavailable":
            raise
        return claims


@forms.post("/auth/introspect", responses=oauth.errors(400, 401), openapi_extra=oauth.form_schema("token"))
async def introspect(request: Request, auth: Parts) -> dict[str, Any]:
    """Whether an access token is good now, and what it says; for holders of the service credential."""
    await http.service_credential(auth.settings)(request)
    [text] = oauth.required(await oauth.form(request), "token")
    verified = await auth.access.verify_any(text)
    if verified is None:
        return {"active": False}
    claims, audience = verified
    try:
        await auth.sessions.require_live(claims)
        user = await _present(auth, claims)
    except Problem as problem:
        if problem.status not in (401, 404):
            raise
        return {"active": False}
    return {
        "active": True,
        "token_type": "Bearer",
        "sub": claims.subject,
        "sid": claims.session_id,
        "exp": int(claims.expires_at),
        "iat": int(claims.issued_at),
        "aud": audience,
        "client_id": claims.client_id,
        "email": user.email,
        "roles": list(user.roles),
        "plan": user.plan,
    }


@router.post(
    "/auth/signup", status_code=201, response_model=SignedUp, responses={409: openapi.problem("the e-mail is taken")}
)
async def sign_up(body: SignUp, auth: Parts) -> dict[str, Any]:
    """A new user with a password."""
    user = await auth.users.sign_up(body.email, body.name, await auth.passwords.hash(body.password))
    return {"user": user.record()}


@router.post("/auth/login", response_model=TokenResponse)
async def login(body: Login, request: Request, auth: Parts) -> dict[str, Any]:
    """A session for the right password; the same answer, as slow, for a wrong one and for an unknown e-mail."""
    client = known_client(auth, body.client_id)
    await login_failures.refuse_after_many(auth, request, body.email)
    known = await auth.users.credentials(body.email)
    if not await auth.passwords.matches(known[1] if known else None, body.password) or known is None:
        await login_failures.count(auth, request, body.email)
        raise Problem(401, "invalid_credentials", "e-mail or password is wrong")
    wish = Wish(
        client=client,
        origin="password",
        metadata=body.metadata,
        device=body.device,
        fingerprint=opaque.fingerprint(body.fingerprint) if body.fingerprint is not None else None,
    )
    return auth.access.response(await auth.sessions.create(known[0].id, wish))


@known.post("/auth/refresh", response_model=TokenResponse)
async def refresh(body: Refresh, request: Request, auth: Parts) -> dict[str, Any]:
    """The next pair of tokens of the same session; the refresh token is spent.

    With an ``Idempotency-Key`` the request may be sent again under it where its answer was lost.
    """
    return await _refreshed(request, auth, body.refresh_token)


def _retry_key(request: Request) -> str | None:
    """What makes two requests one; one that anybody could guess is none."""
    key = request.headers.get("idempotency-key", "")
    return key if _SHORTEST_KEY <= len(key) <= _LONGEST_KEY else None


@known.post("/auth/logout", status_code=204)
async def logout(caller: SignedIn, auth: Parts) -> None:
    """End the session: its refresh tokens, its access tokens, its sockets."""
    await auth.sessions.revoke(caller.session.id, "logout")


routers = (router, forms, known, known_forms)
