"""Strict verification of access tokens (RFC 9068, RFC 8725), the same on every service that takes one."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from jwt.utils import base64url_decode

from services.common import problems

ALGORITHM = "ES256"
TYPE = "at+jwt"
MAX_LENGTH = 8192
LEEWAY = 2.0
REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "exp")
# The end of the year 9999: what an RFC 3339 text can still name.
LAST_INSTANT = 253_402_300_800

# RFC 7515 §2: base64url without padding; other readers of JSON take other spellings for the same.
_COMPACT = re.compile(r"(?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]*")
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_REMEMBERED = 10_000

# What a token can provoke in PyJWT beside its own errors: nested JSON, an infinite iat, a list for a number.
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)

KeyLookup = Callable[[str], Awaitable[EllipticCurvePublicKey | None]]


@dataclass(frozen=True)
class AccessToken:
    """The claims of a verified access token; ``expires_at`` and ``issued_at`` are seconds since the epoch."""

    subject: str
    session_id: str
    token_id: str
    issued_at: float
    expires_at: float
    email: str
    roles: tuple[str, ...]
    client_id: str
    plan: str


@dataclass(frozen=True)
class _Seen:
    key_id: str
    key: EllipticCurvePublicKey
    token: AccessToken


class Verifier:
    """Verifies; a token that comes again, as with each return of its client, costs no second look at its signature.

    What may have changed meanwhile is asked again: whether it has expired, and whether its key is still the one.
    """

    def __init__(self, find_key: KeyLookup, *, issuer: str, audience: str) -> None:
        self._find_key = find_key
        self._issuer = issuer
        self._audience = audience
        self._seen: dict[bytes, _Seen] = {}

    async def verify(self, token: str) -> AccessToken:
        """The claims of ``token``; raises a 401 ``Problem`` that says what is wrong with it."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        seen = self._seen.get(digest)
        if seen is not None and await self._find_key(seen.key_id) == seen.key:
            _check_times(seen.token)
            return seen.token
        seen = await _examine(token, self._find_key, self._issuer, self._audience)
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[digest] = seen
        return seen.token


async def verify(token: str, find_key: KeyLookup, *, issuer: str, audience: str) -> AccessToken:
    """The claims of ``token``; raises a 401 ``Problem`` that says what is wrong with it."""
    return (await _examine(token, find_key, issuer, audience)).token


async def _examine(token: str, find_key: KeyLookup, issuer: str, audience: str) -> _Seen:
    header = _checked_header(token)
    key = await find_key(header["kid"])
    if key is None:
        raise _invalid("the signing key is not known")
    claims = _access_token(_verified_claims(token, key, issuer, audience))
    _check_times(claims)
    return _Seen(header["kid"], key, claims)


def _access_token(claims: dict[str, Any]) -> AccessToken:
    for name in ("sub", "sid"):
        if not isinstance(claims[name], str) or not ID.fullmatch(claims[name]):
            raise _invalid(f"claim {name} is not an id")
    if not isinstance(claims["jti"], str) or not claims["jti"]:
        raise _invalid("claim jti is not a text")
    roles = claims.get("roles") or []
    if not isinstance(roles, list):
        raise _invalid("claim roles is not a list")
    return AccessToken(
        subject=claims["sub"],
        session_id=claims["sid"],
        token_id=claims["jti"],
        issued_at=float(claims["iat"]),
        expires_at=float(claims["exp"]),
        email=str(claims.get("email", "")),
        roles=tuple(str(role) for role in roles),
        client_id=str(claims.get("client_id", "")),
        plan=str(claims.get("plan", "standard")),
    )


def _verified_claims(token: str, key: EllipticCurvePublicKey, issuer: str, audience: str) -> dict[str, Any]:
    try:
        # Leeway is for nbf and iat only: PyJWT's own would stretch exp too.
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": list(REQUIRED), "verify_exp": False, "strict_aud": True},
        )
    except _UNREADABLE as error:
        raise _invalid(_reason(error)) from None
    for name in ("iat", "nbf", "exp"):
        _check_instant(name, claims.get(name, 0))
    return claims


def _checked_header(token: str) -> dict[str, Any]:
    if len(token) > MAX_LENGTH:
        raise _invalid("the token is too long")
    if not _COMPACT.fullmatch(token):
        raise _invalid("the token cannot be read")
    try:
        header = jwt.get_unverified_header(token)
    except _UNREADABLE:
        raise _invalid("the token cannot be read") from None
    if header.get("alg") != ALGORITHM:
        raise _invalid("the algorithm is not allowed")
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        raise _invalid("the token is not an access token")
    if "crit" in header:
        raise _invalid("critical header parameters are not understood")
    _refuse_repeated_members(token)
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise _invalid("the token names no signing key")
    return header


def _refuse_repeated_members(token: str) -> None:
    """RFC 7515 §4 and RFC 7519 §4: names are unique; readers that differ on which one counts can be played against.

    Its JSON is UTF-8 without a mark at its beginning, which ``json`` refuses in a text.
    """
    try:
        for segment in token.split(".")[:2]:
            json.loads(base64url_decode(segment).decode(), object_pairs_hook=_unique)
    except _UNREADABLE:
        raise _invalid("the token cannot be read") from None


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(members)
    if len(document) != len(members):
        raise _invalid("a member stands twice")
    return document


def _check_instant(name: str, value: object) -> None:
    """RFC 7519 §2: a NumericDate is a number; not beyond what a clock can show, before anything is reckoned with it."""
    # Neither "<" nor ">": a NaN is neither.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LAST_INSTANT:
        raise _invalid(f"claim {name} is not an instant")


def _check_times(token: AccessToken) -> None:
    # Also of a token that was good before: a clock that was set back since would let it live so much longer.
    if token.issued_at > time.time() + LEEWAY:
        raise _invalid("the token is not valid yet")
    if token.expires_at <= time.time():
        raise problems.token_refused("token_expired", "the token has expired", token.session_id)


def _reason(error: Exception) -> str:
    reasons: dict[type[Exception], str] = {
        jwt.InvalidSignatureError: "the signature does not match",
        jwt.InvalidAudienceError: "the token is for another audience",
        jwt.InvalidIssuerError: "the token is from another issuer",
        jwt.ImmatureSignatureError: "the token is not valid yet",
        jwt.MissingRequiredClaimError: "a required claim is missing",
    }
    return next((text for kind, text in reasons.items() if isinstance(error, kind)), "the token cannot be read")


def _invalid(detail: str) -> problems.Problem:
    return problems.token_refused("token_invalid", detail)
