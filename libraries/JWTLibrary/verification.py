"""Strict verification of a token by a JWKS, with nothing taken from the token that could weaken it (RFC 8725)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import jwt
import requests
from lockstep.applicability import present

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
        header = tokens.read(text).header
    except ValueError as error:
        raise RefusedError(str(error).replace("not a JWT: ", "it is not a JWT: ")) from None
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
        return _claims(text, None, expected)
    return _claims(text, _key([key for key in keys if isinstance(key, Mapping)], header.get("kid")), expected)


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


def _claims(text: str, key: jwt.PyJWK | None, expected: Expectation) -> dict[str, Any]:
    """The claims, judged; without a ``key`` the signature has been verified."""
    try:
        # Leeway is for clocks that run ahead, not for tokens that live longer: exp is judged without it.
        claims: dict[str, Any] = jwt.decode(
            text,
            key or "",
            algorithms=list(expected.algorithms),
            issuer=expected.issuer,
            audience=expected.audience,
            leeway=expected.leeway,
            options={
                "require": ["exp"],
                "verify_signature": key is not None,
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
        reason = next((words for kind, words in REASONS.items() if isinstance(error, kind)), "it cannot be verified")
        raise RefusedError(f"{reason}: {error}") from None
    _check_expiry(claims["exp"])
    return claims


def _check_expiry(expiry: object) -> None:
    if isinstance(expiry, bool) or not isinstance(expiry, int | float):
        raise RefusedError(f"its exp is no number: {expiry!r}")
    if (ago := time.time() - expiry) >= 0:
        raise RefusedError(f"it has expired: {ago:.1f} s ago")
