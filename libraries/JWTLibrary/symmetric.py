"""Symmetric keys: a secret that signs and verifies with HMAC and SHA-2 (RFC 7518 §3.2)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lockstep import masking
from lockstep.applicability import present
from robot.api.types import Secret

Text: TypeAlias = str | Secret
LENGTHS: Mapping[str, int] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The algorithms, and the bytes that a secret must have at least (RFC 7518 §3.2)."""

_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


@dataclass(frozen=True)
class SecretKey:
    """A secret and its algorithm; neither its text nor its representation shows the secret."""

    secret: bytes = field(repr=False)
    algorithm: str = "HS256"

    def sign(self, message: bytes) -> bytes:
        """The MAC of ``message``."""
        return hmac.digest(self.secret, message, _HASHES[self.algorithm])

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is the MAC of ``message``; compared in constant time."""
        return hmac.compare_digest(self.sign(message), signature)


def secret_key(source: Text | bytes, algorithm: str = "HS256") -> SecretKey:
    """The key of a secret, a text (its UTF-8 is the key) or bytes; it is masked from here on.

    Raises ``ValueError`` for an algorithm without secrets, an empty secret and a PEM, none of which it shows.
    """
    source = present(source)
    if algorithm not in LENGTHS:
        raise ValueError(f"algorithm '{algorithm}' has no secret; {', '.join(LENGTHS)} have one (RFC 7518 §3.2)")
    secret = source if isinstance(source, bytes) else masking.reveal(source).encode()
    if not secret:
        raise ValueError("the secret is empty")
    if b"-----BEGIN" in secret:
        raise ValueError("the secret is a PEM, which belongs to a key pair: give it as key=")
    masking.register(secret.decode(errors="replace"))
    return SecretKey(secret, algorithm)
