"""Logout tokens of the provider, judged by OpenID Connect Back-Channel Logout 1.0 §2.6, and what they end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.auth.database import Connection
from services.auth.session_manager import SessionManager
from services.common.instants import now

EVENT = "http://schemas.openid.net/event/backchannel-logout"
REASON = "provider_logout"
LEEWAY = 2
_LONGEST_TEXT = 255
# A token that could be presented for longer than this is none that a provider sends.
_LONGEST_LIFE = 86400


class BadLogoutToken(Exception):  # noqa: N818 - says what it is
    """A logout token that must not end anything; the message is for whoever sent it."""


@dataclass(frozen=True)
class LogoutToken:
    """Whom a good token signs out: the sessions of ``subject``, or those of one session at the provider."""

    id: str
    expires_at: datetime
    subject: str | None
    sid: str | None


def read(header: Mapping[str, Any], claims: Mapping[str, Any], issuer: str, client_id: str) -> LogoutToken:
    """The token of these claims, whose signature is the provider's; raises ``BadLogoutToken``."""
    kind = header.get("typ")
    if kind is not None and str(kind).lower().removeprefix("application/") not in ("logout+jwt", "jwt"):
        raise BadLogoutToken("the token is of another type")
    if claims.get("iss") != issuer:
        raise BadLogoutToken("iss is not the provider")
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise BadLogoutToken("aud is another application")
    if "nonce" in claims:
        raise BadLogoutToken("nonce must not be there: this is an ID token")
    issued, expires = _instant(claims, "iat"), _instant(claims, "exp")
    moment = time.time()
    if issued > moment + LEEWAY or expires <= moment - LEEWAY or expires - issued > _LONGEST_LIFE:
        raise BadLogoutToken("the token is not valid at this time")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise BadLogoutToken("events does not name back-channel logout")
    token_id, subject, sid = (_text(claims, name) for name in ("jti", "sub", "sid"))
    if token_id is None:
        raise BadLogoutToken("jti is missing")
    if subject is None and sid is None:
        raise BadLogoutToken("neither sub nor sid is there")
    return LogoutToken(token_id, datetime.fromtimestamp(expires + LEEWAY, UTC), subject, sid)


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise BadLogoutToken(f"{name} is not an instant")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or "\0" in value:
        raise BadLogoutToken(f"{name} is not a text of 1 to {_LONGEST_TEXT} characters")
    return value


async def end_sessions(sessions: SessionManager, token: LogoutToken) -> int:
    """End the sessions that the token means; how many lived. Raises ``BadLogoutToken`` where it was taken before."""
    async with sessions.database.transaction() as connection:
        if not await _is_first(connection, token):
            raise BadLogoutToken("jti was there before")
        ended = await sessions.end_of_provider(connection, token.subject, token.sid, REASON)
    await sessions.forget(ended)
    return len(ended)


async def _is_first(connection: Connection, token: LogoutToken) -> bool:
    await connection.execute("DELETE FROM logout_tokens WHERE expires_at < LEAST(%s, clock_timestamp())", (now(),))
    cursor = await connection.execute(
        "INSERT INTO logout_tokens (jti, expires_at) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING jti",
        (token.id, token.expires_at),
    )
    return await cursor.fetchone() is not None
