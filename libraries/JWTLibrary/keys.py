"""Where signing keys come from: what a keyword was given, the target in use, and what an attacker makes up."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from jwt import PyJWK
from lockstep import masking, target
from lockstep.applicability import present

from JWTLibrary import tokens, verification
from JWTLibrary.symmetric import LENGTHS, SecretKey, secret_key
from JWTLibrary.tokens import PrivateKey, SigningKey, Text, Token
from JWTLibrary.verification import Jwks

_CURVES = {"ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


class AttackerKeys:
    """The keys of an attacker, of each kind that platforms sign with."""

    def __init__(self) -> None:
        self.published = ec.generate_private_key(ec.SECP256R1())
        self.kid = os.urandom(8).hex()
        self._secret = os.urandom(64)

    def like(self, token: Token) -> SigningKey:
        """A key of the kind that signed ``token``, so that nothing but the key is wrong."""
        algorithm = str(token.header.get("alg"))
        if algorithm in LENGTHS:
            return SecretKey(self._secret, algorithm)
        if algorithm in _CURVES:
            return ec.generate_private_key(_CURVES[algorithm]())
        return self._rsa if algorithm.startswith(("RS", "PS")) else self.published

    @cached_property
    def _rsa(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def needed(key: Text | None, secret: Text | bytes | None, algorithm: str | None) -> SigningKey:
    """As `given`; ``ValueError`` where there is none."""
    found = given(key, secret, algorithm)
    if found is None:
        must_be_known(key)
        raise ValueError("no signing key: give key=<PEM or path> or secret=<text>, or use a target that has one")
    return found


def given(key: Text | None, secret: Text | bytes | None, algorithm: str | None = None) -> SigningKey | None:
    """The key that a keyword was given as ``key`` or ``secret``, else that of the target in use, or None.

    Raises ``ValueError`` for both at once, for one that cannot be read, and for an ``algorithm`` that it has not.
    """
    key = present(key)
    if secret is not None:
        if key is not None:
            raise ValueError("a token is signed with a key or with a secret: give key= or secret=, not both")
        return secret_key(secret, algorithm or "HS256")
    found = load(key) if key else _of_target()
    if found is not None and algorithm not in (None, tokens.algorithm_of(found)):
        raise ValueError(f"this key signs with {tokens.algorithm_of(found)}, not {algorithm}")
    return found


def _of_target() -> PrivateKey | None:
    file = target.current().signing_key_file if target.in_use() else None
    return load(file) if file else None


def must_be_known(key: Text | None) -> None:
    """NA where the key was to be that of a target which shows none."""
    if key is None and target.in_use() and target.current().kind == "external":
        target.current().needed("signing_key_file")


def load(source: Text) -> PrivateKey:
    """A private key from PEM or the path of a file; raises ``ValueError`` that does not show it."""
    return tokens.load_private_key(_pem(source))


def default_kid(key: Text | None, secret: Text | bytes | None) -> str | None:
    """The key id of the target in use, where its key is the default."""
    return target.current().signing_kid if key is None and secret is None and target.in_use() else None


def algorithm_for(token: Token, secret: Text | bytes | None) -> str | None:
    """How to sign again what ``token`` says: with a secret by its own algorithm, otherwise by that of the key."""
    algorithm = token.header.get("alg")
    return algorithm if secret is not None and algorithm in LENGTHS else None


def public_pem(
    token: Token, jwks: Jwks | None, public_key: Text | None, key: Text | None, ca_file: str | None
) -> bytes | None:
    """The public half of the key that signed ``token``, from the first that is given; None where nothing is."""
    if public_key is not None:
        try:
            found: Any = load_pem_public_key(_pem(public_key))
        except ValueError as error:
            raise ValueError(f"the public key cannot be read as PEM: {error}") from None
        return _as_pem(found)
    if jwks is None:
        private = given(key, None)
        return tokens.public_pem(private) if private and not isinstance(private, SecretKey) else None
    for entry in verification.load_jwks(jwks, ca_file):
        if entry.get("kid") == token.header.get("kid"):
            return _as_pem(PyJWK(entry).key)
    raise ValueError(f"the JWKS has no key {token.header.get('kid')!r}, which signed the genuine token")


def _as_pem(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _pem(source: Text) -> bytes:
    text = masking.reveal(source)
    if "-----BEGIN" in text:
        masking.register(text)
        return text.encode()
    try:
        return Path(text).read_bytes()
    except (OSError, ValueError) as error:
        # Neither path nor text is shown: it might be a secret that was given in the wrong place.
        reason = getattr(error, "strerror", None) or "no path"
        raise ValueError(f"the signing key cannot be read: {reason}; a symmetric key is given as secret=") from None
