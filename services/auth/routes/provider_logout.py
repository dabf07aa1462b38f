"""Sign-out at the provider: it tells auth (back-channel), or the user is sent there (RP-initiated)."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request, Response

from services.auth import logout_tokens
from services.auth.logout_tokens import BadLogoutToken
from services.auth.provider import ProviderAway, ProviderRefused
from services.auth.routes import oauth
from services.auth.routes.caller import Parts, SignedIn, limited_by_address
from services.auth.routes.oauth import OAuthRoute
from services.common import logs, problems
from services.common.json_bodies import Router

forms = Router(tags=["login"], route_class=OAuthRoute, dependencies=[Depends(limited_by_address)])
known = Router(tags=["login"])


@forms.post(
    "/auth/backchannel-logout",
    response_class=Response,
    responses={200: {"description": "what the token means has ended"}, **oauth.errors(400)},
    openapi_extra=oauth.form_schema("logout_token"),
)
async def back_channel(request: Request, auth: Parts) -> Response:
    """OpenID Connect Back-Channel Logout 1.0: the provider ends the sessions that were made by a login there."""
    [text] = oauth.required(await oauth.form(request), "logout_token")
    try:
        token = await auth.provider.logout_token(text)
        ended = await logout_tokens.end_sessions(auth.sessions, token)
    except (BadLogoutToken, ProviderRefused) as error:
        logs.logger().info("logout_token_refused", code="invalid_request", reason=str(error))
        raise oauth.refused("invalid_request", str(error)) from None
    except ProviderAway:
        raise problems.unavailable("provider") from None
    logs.logger().info("signed_out_at_provider", ended=ended)
    return Response(status_code=200)


@known.post("/auth/logout/provider")
async def logout(caller: SignedIn, auth: Parts) -> dict[str, Any]:
    """End the session, and say where the browser is sent to sign out at the provider too; null where it is not."""
    session = caller.session
    at_provider = await auth.sessions.at_provider(session.id)
    await auth.sessions.revoke(session.id, "logout")
    url = None
    if at_provider is not None:
        try:
            url = await auth.provider.end_session_url(at_provider.sid)
        except (ProviderAway, ProviderRefused) as error:
            # The session here has ended all the same.
            logs.logger().warning("provider_away", error=str(error))
    return {"end_session_url": url}


routers = (forms, known)
