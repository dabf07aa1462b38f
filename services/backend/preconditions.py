"""Conditional writes (RFC 9110 §13.1.1) and repeatable ones, read from their headers."""

from __future__ import annotations

import re

from services.common.problems import Problem

_ETAG = re.compile(r'"(\d{1,18})"')
MAX_KEY = 255


def etag(version: int) -> str:
    """The strong validator of a version."""
    return f'"{version}"'


def wanted_version(if_match: str | None) -> int:
    """The version that ``If-Match`` names, -1 for one that never was; raises 428 without the header."""
    if if_match is None:
        raise Problem(428, "precondition_required", "send If-Match with the ETag that the change is based on")
    found = _ETAG.fullmatch(if_match.strip())
    return int(found[1]) if found else -1


def idempotency_key(value: str | None) -> str | None:
    """The key, without the quotes it may have; raises 400 for one that cannot be kept."""
    if value is None:
        return None
    key = value.strip().strip('"')
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Problem(400, "invalid_request", f"Idempotency-Key has not 1 to {MAX_KEY} printable characters")
    return key
