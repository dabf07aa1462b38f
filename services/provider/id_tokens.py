"""The provider's signing key, its JWKS, and ID tokens (OpenID Connect Core §2)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from services.provider.faults import IdTokenFault, spoiled
from services.provider.registry import Grant, User

ALGORITHM = "RS256"
LIFETIME = 300
LOGOUT_LIFETIME = 120
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Signer:
    """Signs ID tokens with a key made for this process."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._key = _new_key()
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        self.kid = hashlib.sha256(public["n"].encode()).hexdigest()[:16]
        self.jwks: dict[str, Any] = {
            "keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM, "key_ops": ["verify"]}]
        }

    def id_token(self, grant: Grant, access_token: str, fault: IdTokenFault | None) -> str:
        """The signed ID token of a grant, spoiled as ``fault`` says."""
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": grant.user.sub,
            "aud": grant.request.client_id,
            "iat": now,
            "exp": now + LIFETIME,
            "auth_time": int(grant.authenticated_at),
            "sid": grant.sid,
            "at_hash": _left_half_hash(access_token),
            **({"nonce": grant.request.nonce} if grant.request.nonce else {}),
            **profile_claims(grant.user, grant.request.scopes),
        }
        signature = fault.signature if fault else None
        key = _new_key() if signature == "foreign_key" else self._key
        token = jwt.encode(spoiled(claims, fault, now), key, algorithm=ALGORITHM, headers={"kid": self.kid})
        return _with_broken_signature(token) if signature == "broken" else token

    def logout_token(
        self,
        client_id: str,
        sub: str,
        sid: str,
        changes: Mapping[str, Any] = MappingProxyType({}),
        header: Mapping[str, Any] = MappingProxyType({}),
        key: str = "own",
    ) -> str:
        """A logout token (Back-Channel Logout §2.4); ``changes`` replace claims, or leave out what they name as None.

        ``key`` is ``own``, ``foreign``, or ``none`` for a token without a signature.
        """
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": sub,
            "aud": client_id,
            "iat": now,
            "exp": now + LOGOUT_LIFETIME,
            "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
            "sid": sid,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"typ": "logout+jwt", "kid": self.kid, **header}
        if key == "none":
            return jwt.encode(claims, "", algorithm="none", headers=headers)
        return jwt.encode(claims, _new_key() if key == "foreign" else self._key, algorithm=ALGORITHM, headers=headers)


def profile_claims(user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
    """What the granted scopes tell of the user (OpenID Connect Core §5.4)."""
    email = {"email": user.email, "email_verified": user.email_verified} if "email" in scopes else {}
    return email | ({"name": user.name} if "profile" in scopes else {})


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _left_half_hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _with_broken_signature(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
