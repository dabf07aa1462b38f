"""What the world may know: verification keys and server metadata."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from starlette.responses import JSONResponse

from services.auth.routes.caller import Parts
from services.common.json_bodies import Router

router = Router(prefix="/.well-known", tags=["metadata"])


@router.get("/jwks.json")
async def keys(auth: Parts) -> Response:
    """The keys that verify access tokens now (RFC 7517)."""
    return JSONResponse(auth.keys.jwks(), headers={"Cache-Control": "public, max-age=30"})


@router.get("/oauth-authorization-server")
async def metadata(auth: Parts) -> dict[str, Any]:
    """RFC 8414."""
    public = auth.settings.public_url
    return {
        "issuer": auth.settings.issuer,
        "authorization_endpoint": f"{public}/auth/google",
        "token_endpoint": f"{public}/auth/token",
        "revocation_endpoint": f"{public}/auth/revoke",
        "introspection_endpoint": f"{public}/auth/introspect",
        "jwks_uri": f"{public}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": False,
    }
