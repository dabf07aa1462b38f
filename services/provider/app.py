"""The stand-in OpenID provider: small, and strict where others let a broken client pass (``docs/protocol.md`` §6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.common import http
from services.provider import authorize, control, logout, token
from services.provider.clients import of_settings
from services.provider.faults import Faults
from services.provider.id_tokens import ALGORITHM, Signer
from services.provider.logout import ProviderSessions
from services.provider.registry import Registry
from services.provider.settings import Settings

_COUNTED = {
    "/.well-known/openid-configuration": "discovery",
    "/jwks": "jwks",
    "/authorize": "authorize",
    "/token": "token",
    "/userinfo": "userinfo",
    "/logout": "logout",
}


class _Counting:
    """ASGI middleware that counts requests by endpoint, the refused ones too."""

    def __init__(self, app: ASGIApp, counts: Counter[str]) -> None:
        self.app = app
        self.counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in _COUNTED:
            self.counts[_COUNTED[scope["path"]]] += 1
        await self.app(scope, receive, send)


def discovery(issuer: str) -> dict[str, Any]:
    """The provider's metadata (OpenID Connect Discovery §3)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "scopes_supported": list(authorize.SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "sid",
            "email",
            "email_verified",
            "name",
        ],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def create_app(settings: Settings) -> FastAPI:
    """The provider; everything it knows is in memory and its key is made here."""

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[None]:
        running.state.ready = True
        yield

    app = http.make_app(lifespan, title="Lockstep provider", openapi_url=None)
    registry, faults, counts = Registry(), Faults(), Counter[str]()
    signer, clients = Signer(settings.provider_url), of_settings(settings)
    sessions = ProviderSessions(clients, signer)
    http.install(app, "provider", settings, {})
    app.add_middleware(_Counting, counts=counts)
    app.include_router(authorize.router(settings, registry, clients, sessions))
    app.include_router(token.router(registry, clients, signer, faults))
    app.include_router(logout.router(clients, sessions))
    app.include_router(control.router(settings, registry, faults, counts))
    app.include_router(control.logout_router(settings, clients, sessions, signer))

    @app.get("/.well-known/openid-configuration")
    async def metadata() -> JSONResponse:
        return JSONResponse(discovery(settings.provider_url), headers={"Cache-Control": "public, max-age=30"})

    @app.get("/jwks")
    async def jwks() -> JSONResponse:
        return JSONResponse(signer.jwks, headers={"Cache-Control": "public, max-age=30"})

    return app
