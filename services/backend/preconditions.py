"""Conditional writes (RFC 9110 §13.1.1) and repeatable ones, read from their headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Header

from services.common import etags
from services.common.problems import Problem

IfMatch = Annotated[list[str] | None, Header()]
_VERSION = re.compile(r"0|[1-9][0-9]{0,17}")
MAX_KEY = 255


def etag(version: int) -> str:
    """The strong validator of a version."""
    return f'"{version}"'


def wanted_versions(if_match: Sequence[str] | None) -> list[int] | None:
    """The versions that the lines of ``If-Match`` name, None for any; raises 428 without them, 400 for what is no list.

    Weak tags name none (RFC 9110 §13.1.1), nor do those that no version was ever shown as.
    """
    if if_match is None:
        raise Problem(428, "precondition_required", "send If-Match with the ETag that the change is based on")
    try:
        tags = etags.parse(if_match)
    except ValueError:
        raise Problem(400, "invalid_request", "If-Match is neither * nor a list of entity tags") from None
    if tags is None:
        return None
    return [int(tag.text) for tag in tags if not tag.weak and _VERSION.fullmatch(tag.text)]


def idempotency_key(value: str | None) -> str | None:
    """The key, without the quotes it may have; raises 400 for one that cannot be kept."""
    if value is None:
        return None
    key = value.strip().strip('"')
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Problem(400, "invalid_request", f"Idempotency-Key has not 1 to {MAX_KEY} printable characters")
    return key
