"""Instants: aware UTC datetimes inside, RFC 3339 with microseconds on the wire."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, by this process' own clock: the only clock that a service judges expiry by."""
    return datetime.now(UTC)


def rfc3339(instant: datetime) -> str:
    """``2026-01-31T12:00:00.000000Z``."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_rfc3339(text: str) -> datetime:
    """The instant that ``text`` names; ValueError where it names none, or one without an offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(UTC)


def rfc3339_of_epoch(seconds: float) -> str:
    """The instant of a NumericDate (RFC 7519 §2)."""
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
