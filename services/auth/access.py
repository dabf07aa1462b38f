"""Access tokens of auth: how they are made (RFC 9068), and how auth itself verifies them."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt

from services.auth.clients import Client
from services.auth.records import Session, User
from services.auth.session_policy import Grant
from services.auth.signing_keys import KeyStore
from services.common import access_tokens
from services.common.access_tokens import AccessToken
from services.common.instants import now
from services.common.problems import Problem


class AccessTokens:
    """Makes and verifies access tokens of all clients."""

    def __init__(self, keys: KeyStore, issuer: str, audience: str, clients: Mapping[str, Client]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clients = clients

    def issue(self, session: Session, user: User) -> tuple[str, int]:
        """``(token, seconds it lives)``: no token outlives what its session has left."""
        client = self._clients[session.client_id]
        issued = int(time.time())
        expires = min(issued + client.access_ttl, math.ceil(session.expires_at.timestamp()))
        key = self._keys.signing()
        claims = {
            "iss": self._issuer,
            "aud": client.audience,
            "sub": user.id,
            "sid": session.id,
            "jti": str(uuid.uuid4()),
            "iat": issued,
            "nbf": issued,
            "exp": expires,
            "email": user.email,
            "roles": list(user.roles),
            "client_id": client.client_id,
            "plan": user.plan,
        }
        token = jwt.encode(claims, key.private, access_tokens.ALGORITHM, {"typ": access_tokens.TYPE, "kid": key.kid})
        return token, expires - issued

    def response(self, grant: Grant) -> dict[str, Any]:
        """The token response of §2.2."""
        token, lifetime = self.issue(grant.session, grant.user)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "refresh_token": grant.refresh_token,
            "refresh_expires_in": max(0, int((grant.session.expires_at - now()).total_seconds())),
            "session_id": grant.session.id,
            "user": {"id": grant.user.id, "email": grant.user.email, "name": grant.user.name},
        }

    async def verify(self, token: str) -> AccessToken:
        """The claims of a token for this API; raises the 401 that says what is wrong with it."""
        return await access_tokens.verify(token, self._keys.find, issuer=self._issuer, audience=self._audience)

    async def verify_any(self, token: str) -> tuple[AccessToken, str] | None:
        """The claims and the audience of a token for any registered audience, or None for one that is not good."""
        for audience in sorted({client.audience for client in self._clients.values()}):
            try:
                return await access_tokens.verify(
                    token, self._keys.find, issuer=self._issuer, audience=audience
                ), audience
            except Problem as problem:
                if problem.status != 401:
                    raise
        return None
