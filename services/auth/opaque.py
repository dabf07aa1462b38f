"""Opaque secrets (refresh and session tokens, codes, states): 256 random bits, of which only the SHA-256 is kept."""

from __future__ import annotations

import hashlib
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


def fingerprint(device: str | dict[str, Any]) -> str:
    """The hash that stands for a device fingerprint: the same for the same traits in any order."""
    return hashlib.sha256(json.dumps(device, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
