"""Compact JWS (RFC 7515) piece by piece, without a verdict: to read tokens, and to write wrong ones."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jwt.algorithms import get_default_algorithms

from JWTLibrary.symmetric import SecretKey
from JWTLibrary.symmetric import Text as Text

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
SigningKey: TypeAlias = PrivateKey | SecretKey


@dataclass(frozen=True)
class Token:
    """A token taken apart; nothing in it has been verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signature: bytes
    raw_header: str
    raw_claims: str
    raw_signature: str


def read(text: str) -> Token:
    """``text`` taken apart; raises ``ValueError`` that says which part cannot be read."""
    parts = text.strip().split(".")
    if len(parts) != 3:
        raise ValueError(f"not a JWT: it has {len(parts)} segments instead of 3")
    header, claims = (_json_object(part, name) for part, name in zip(parts, ("header", "payload"), strict=False))
    return Token(header, claims, decode(parts[2], "signature"), *parts)


def _json_object(segment: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(decode(segment, name))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a JWT: its {name} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"not a JWT: its {name} is no JSON object")  # noqa: TRY004  (a value, not a Python type)
    return value


def read_strictly(text: str) -> Token:
    """``text`` taken apart as a verifier does; raises ``ValueError`` where two readers could understand it differently.

    Each part is base64url without padding or anything else (RFC 7515 §2); header and claims are
    JSON in UTF-8 without a byte order mark, no name is there twice (RFC 7515 §4, RFC 7519 §4), and numbers are finite.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise ValueError(f"not a JWT: it has {len(parts)} segments instead of 3")
    header, claims, signature = (
        _decode_strictly(part, name) for part, name in zip(parts, ("header", "payload", "signature"), strict=True)
    )
    return Token(_object_strictly(header, "header"), _object_strictly(claims, "payload"), signature, *parts)


def spelt_otherwise(token: Token) -> bool:
    """Whether a part has bits that say nothing and are not zero: another text for the same token (RFC 4648 §3.5)."""
    parts = (token.raw_header, token.raw_claims, token.raw_signature)
    return any(encode(decode(part)) != part for part in parts)


def _decode_strictly(segment: str, name: str) -> bytes:
    raw = decode(segment.rstrip("="), name)
    if segment.endswith("="):
        raise ValueError(f"not a JWT: its {name} is padded with '=' (RFC 7515 §2)")
    return raw


def _object_strictly(raw: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise ValueError(f"not a JWT: its {name} is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a JWT: its {name} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"not a JWT: its {name} is no JSON object")  # noqa: TRY004  (a value, not a Python type)
    return value


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that can be used")
    return number


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(segment: str, name: str = "segment") -> bytes:
    """The bytes of a base64url ``segment``; raises ``ValueError`` that names the part."""
    try:
        return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not a JWT: its {name} is not base64url: {error}") from None


def to_json(value: Mapping[str, Any]) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def signed(header: Mapping[str, Any], payload: bytes, key: SigningKey) -> str:
    """A token over exactly these bytes of ``payload``, honestly signed; the algorithm is that of ``key``."""
    return signed_bytes(to_json({"alg": algorithm_of(key), **header}), payload, key)


def signed_bytes(header: bytes, payload: bytes, key: SigningKey) -> str:
    """`signed`, over exactly these bytes of the header, too."""
    message = f"{encode(header)}.{encode(payload)}"
    if isinstance(key, SecretKey):
        return f"{message}.{encode(key.sign(message.encode()))}"
    signature = get_default_algorithms()[algorithm_of(key)].sign(message.encode(), key)
    return f"{message}.{encode(signature)}"


def algorithm_of(key: SigningKey) -> str:
    """The JWS algorithm (RFC 7518 §3.1) that fits ``key``."""
    if isinstance(key, SecretKey):
        return key.algorithm
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    try:
        return {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}[key.curve.name]
    except KeyError:
        raise ValueError(f"no JWS algorithm for a key on curve {key.curve.name}") from None


def load_private_key(pem: bytes) -> PrivateKey:
    """An EC or RSA key from PEM; raises ``ValueError`` for anything else."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"the signing key cannot be read as PEM: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError(f"a signing key must be EC or RSA, not {type(key).__name__}")  # noqa: TRY004
    return key


def public_pem(key: PrivateKey) -> bytes:
    """The public half of ``key``, as services publish it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_jwk(key: PrivateKey, kid: str) -> dict[str, Any]:
    """The public half of ``key`` as a JWK (RFC 7517)."""
    algorithm = get_default_algorithms()[algorithm_of(key)]
    entries = dict(algorithm.to_jwk(key.public_key(), as_dict=True))
    return {**entries, "kid": kid, "use": "sig", "alg": algorithm_of(key)}


def was_signed_by(text: str, key: SigningKey) -> bool:
    """Whether the signature of ``text`` is from ``key``; its claims are not looked at."""
    if isinstance(key, SecretKey):
        token = read(text)
        message = f"{token.raw_header}.{token.raw_claims}".encode()
        return token.header.get("alg") == key.algorithm and key.signed(message, token.signature)
    try:
        jwt.PyJWS().decode(text, key.public_key(), algorithms=[algorithm_of(key)])
    except jwt.PyJWTError:
        return False
    return True
