"""Strict verification of a token by a JWKS, with nothing taken from the token that could weaken it (RFC 8725)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import jwt
import requests
from lockstep.applicability import present
from lockstep.waiting import shorten

from JWTLibrary import tokens
from JWTLibrary.symmetric import LENGTHS, SecretKey, Text, secret_key

Jwks: TypeAlias = Mapping[str, Any] | str
TIMEOUT = 10.0
REASONS: Mapping[type[Exception], str] = {
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "it is from another issuer",
    jwt.InvalidSignatureError: "its signature does not match",
    jwt.MissingRequiredClaimError: "a required claim is missing",
}
# The end of the year 9999, the last that RFC 3339 can write.
_LATEST = 253_402_300_799
_TIMES = ("exp", "nbf", "iat")
_TEXTS = ("iss", "sub", "jti")
# What RFC 9068 §2.2 demands of an access token; iss and aud are judged where they are given.
_REQUIRED = ("exp", "sub", "jti", "iat")


class RefusedError(Exception):
    """The token is not valid; the text says why, as "it …"."""


@dataclass(frozen=True)
class Expectation:
    """What a valid token looks like; ``None`` is not checked. ``leeway`` (seconds) is for ``nbf`` and ``iat``."""

    issuer: str | None = None
    audience: str | None = None
    algorithms: Sequence[str] = ("ES256",)
    type: str | None = None
    leeway: float = 2.0

    def __post_init__(self) -> None:
        present(self.issuer)
        present(self.audience)


def load_jwks(source: str | Path | Mapping[str, Any], ca_file: str | None = None) -> list[dict[str, Any]]:
    """The keys of a JWKS: an ``http(s)`` URL, a file, JSON text or the decoded document.

    Raises ``ValueError`` when it is none, ``requests.RequestException`` when the URL does not answer with 200.
    """
    document: Any = present(source)
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        answer = requests.get(source, timeout=TIMEOUT, verify=ca_file or True, allow_redirects=False)
        answer.raise_for_status()
        document = answer.json()
    elif isinstance(source, str) and source.lstrip().startswith("{"):
        document = json.loads(source)
    elif isinstance(source, str | Path):
        document = json.loads(_content(Path(source)))
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list):
        raise ValueError("not a JWKS: it has no list 'keys' (RFC 7517 §5)")  # noqa: TRY004
    return [dict(key) for key in keys]


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        # The path is not shown: it might be a secret that was given in the wrong place.
        raise ValueError(
            f"the file of the JWKS cannot be read: {error.strerror}; a secret is given as secret="
        ) from None


def load_secret(source: Text | bytes, algorithms: Sequence[str]) -> list[SecretKey]:
    """A secret, as the key of each of these ``algorithms``; raises ``ValueError`` where one of them has none."""
    if wrong := [algorithm for algorithm in algorithms if algorithm not in LENGTHS]:
        raise ValueError(f"a secret verifies {', '.join(LENGTHS)} (RFC 7518 §3.2), not {', '.join(wrong)}")
    return [secret_key(source, algorithm) for algorithm in algorithms]


def verify(text: str, keys: Sequence[Mapping[str, Any]] | Sequence[SecretKey], expected: Expectation) -> dict[str, Any]:
    """The claims of a valid token, judged by the keys of a JWKS or by a secret; raises ``RefusedError``."""
    try:
        token = tokens.read_strictly(text)
    except ValueError as error:
        raise RefusedError(str(error).replace("not a JWT: ", "it is not a JWT: ")) from None
    header = token.header
    if wrong := [name for name in ("alg", "typ", "kid") if name in header and not isinstance(header[name], str)]:
        raise RefusedError(f"its {wrong[0]} is no text: {shown(header[wrong[0]])} (RFC 7515 §4.1)")
    if header.get("alg") not in expected.algorithms:
        raise RefusedError(f"its algorithm {header.get('alg')!r} is not one of {', '.join(expected.algorithms)}")
    found_type = str(header.get("typ", "")).lower().removeprefix("application/")
    if expected.type is not None and found_type != expected.type.lower():
        raise RefusedError(f"its type is {header.get('typ')!r} instead of {expected.type!r}")
    if "crit" in header:
        raise RefusedError("it has critical header parameters")
    secrets = [key for key in keys if isinstance(key, SecretKey)]
    if secrets:
        # By hand: PyJWT warns of short secrets, and which secret a platform has is not the verifier's to judge.
        if not any(tokens.was_signed_by(text, key) for key in secrets):
            raise RefusedError("its signature does not match: it was signed by another secret, or changed")
    else:
        _check_signature(text, _key([key for key in keys if isinstance(key, Mapping)], header.get("kid")), expected)
    if tokens.spelt_otherwise(token):
        raise RefusedError("it has another spelling of its signed text or signature (RFC 4648 §3.5)")
    _check_forms(token.claims, found_type)
    _check_values(text, expected)
    _check_expiry(token.claims["exp"])
    return token.claims


def _key(keys: Sequence[Mapping[str, Any]], kid: object) -> jwt.PyJWK:
    named = [key for key in keys if kid is not None and key.get("kid") == kid]
    if len(named) != 1:
        known = ", ".join(str(key.get("kid")) for key in keys)
        raise RefusedError(f"its kid {kid!r} names no key of the JWKS (which has: {known or 'none'})")
    try:
        return jwt.PyJWK(dict(named[0]))
    except jwt.PyJWTError:
        # Without its words, which show the whole key.
        raise ValueError(f"the key {kid!r} of the JWKS cannot be used: kty {named[0].get('kty')!r}") from None


def _check_signature(text: str, key: jwt.PyJWK, expected: Expectation) -> None:
    try:
        jwt.PyJWS().decode(text, key, algorithms=list(expected.algorithms))
    except jwt.PyJWTError as error:
        raise _refused(error) from None


def _check_forms(claims: Mapping[str, Any], found_type: str) -> None:
    """That each registered claim is there where it must be, and of the type that it must have (RFC 7519 §4.1)."""
    for name in _TEXTS:
        if name in claims and not isinstance(claims[name], str):
            raise RefusedError(f"its {name} is no text: {shown(claims[name])}")
    audience = claims.get("aud", "")
    if not (
        isinstance(audience, str) or (isinstance(audience, list) and all(isinstance(one, str) for one in audience))
    ):
        raise RefusedError(f"its aud is neither a text nor a list of texts: {shown(audience)}")
    for name in _TIMES:
        if name in claims and not is_time(claims[name]):
            raise RefusedError(f"its {name} is no number of seconds: {shown(claims[name])}")
    required = _REQUIRED if found_type == "at+jwt" else ("exp",)
    if missing := [name for name in required if name not in claims]:
        raise RefusedError(f'a required claim is missing: Token is missing the "{missing[0]}" claim')


def is_time(value: object) -> TypeGuard[int | float]:
    """Whether ``value`` is a NumericDate (RFC 7519 §2) that a calendar has: JSON's true is none, nor are 400 digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LATEST <= value <= _LATEST


def shown(value: object) -> str:
    """``value`` for a message, shortened; an integer may have more digits than Python writes."""
    try:
        return shorten(repr(value), 60)
    except ValueError:
        return "a number of thousands of digits"


def _check_values(text: str, expected: Expectation) -> None:
    try:
        # Leeway is for clocks that run ahead, not for tokens that live longer: exp is judged without it.
        jwt.decode(
            text,
            issuer=expected.issuer,
            audience=expected.audience,
            leeway=expected.leeway,
            options={
                "verify_signature": False,
                "verify_exp": False,
                "verify_nbf": True,
                "verify_iat": True,
                "verify_iss": True,
                "verify_sub": True,
                "verify_jti": True,
                "verify_aud": expected.audience is not None,
            },
        )
    except jwt.PyJWTError as error:
        raise _refused(error) from None


def _refused(error: jwt.PyJWTError) -> RefusedError:
    reason = next((words for kind, words in REASONS.items() if isinstance(error, kind)), "it cannot be verified")
    return RefusedError(f"{reason}: {error}")


def _check_expiry(expiry: float) -> None:
    if (ago := time.time() - expiry) >= 0:
        raise RefusedError(f"it has expired: {ago:.1f} s ago")
