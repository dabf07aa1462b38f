"""Opaque secrets (refresh and session tokens, codes, states): 256 random bits, of which only the SHA-256 is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any


def new() -> str:
    """A fresh secret, 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored in its place."""
    return hashlib.sha256(secret.encode()).digest()


def hex_digest(secret: str) -> str:
    """``digest`` as text, for Redis keys."""
    return digest(secret).hex()


def sealed(secret: str, opener: str) -> bytes:
    """``secret`` such that only who has ``opener``, of which the hash alone is kept as well, can read it.

    Both are random, and an opener seals one secret: a pad that is used once.
    """
    return _combined(base64.urlsafe_b64decode(f"{secret}="), opener)


def unsealed(seal: bytes, opener: str) -> str:
    """The secret that ``opener`` has sealed."""
    return base64.urlsafe_b64encode(_combined(seal, opener)).rstrip(b"=").decode()


def _combined(data: bytes, opener: str) -> bytes:
    pad = hmac.digest(opener.encode(), b"successor", "sha256")
    return bytes(one ^ other for one, other in zip(data, pad, strict=True))


def fingerprint(device: str | dict[str, Any]) -> str:
    """The hash that stands for a device fingerprint: the same for the same traits in any order."""
    return hashlib.sha256(json.dumps(device, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
