"""What a session is to be and whether it is good: decisions without any store."""

from __future__ import annotations

import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.auth.clients import Client
from services.auth.records import AtProvider, Session, User
from services.common.problems import Problem

MAX_METADATA = 1 << 20


@dataclass(frozen=True)
class Wish:
    """What a new session is to be; lifetimes in seconds, ``fingerprint`` already hashed."""

    client: Client
    origin: str
    type: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    device: str | None = None
    fingerprint: str | None = None
    idle_ttl: float | None = None
    absolute_ttl: float | None = None
    session_id: str | None = None
    with_token: bool = False
    at_provider: AtProvider | None = None


@dataclass(frozen=True)
class Grant:
    """A session with the secrets that only its holder ever sees."""

    session: Session
    user: User
    refresh_token: str | None = None
    session_token: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome of a validation: ``reason`` is None where the session is valid."""

    reason: str | None
    source: str
    session: Session | None


@dataclass(frozen=True)
class Repeats:
    """For how many seconds a spent refresh token is answered once more with the successor that it was given.

    ``grace`` is for everybody who presents it, ``keyed`` for who shows the key that its first use showed.
    """

    grace: float
    keyed: float

    def allowed(self, used_at: datetime, first_key: bytes | None, key: bytes | None, moment: datetime) -> bool:
        """Whether a use at ``moment`` repeats the first one; keys are hashed."""
        same = first_key is not None and key is not None and hmac.compare_digest(first_key, key)
        limit = max(self.keyed, self.grace) if same else self.grace
        # Before the first use as after it: a clock that was set back makes no window longer than twice the limit.
        return limit > 0 and abs((moment - used_at).total_seconds()) <= limit


def new_session(user: User, wish: Wish, token_hash: bytes | None, moment: datetime) -> Session:
    """The session that ``wish`` describes, starting now."""
    idle = wish.idle_ttl or wish.client.idle_ttl
    end = moment + timedelta(seconds=wish.absolute_ttl or wish.client.absolute_ttl)
    return Session(
        id=wish.session_id or str(uuid.uuid4()),
        user_id=user.id,
        type=wish.type or wish.client.session_type,
        client_id=wish.client.client_id,
        status="active",
        revision=1,
        token_hash=token_hash,
        created_at=moment,
        last_activity=moment,
        idle_ttl=idle,
        idle_expires_at=min(moment + timedelta(seconds=idle), end),
        absolute_expires_at=end,
        access_count=0,
        refresh_count=0,
        device=wish.device,
        metadata=wish.metadata,
        fingerprint=wish.fingerprint,
        roles=user.roles,
        revoked_at=None,
        revoke_reason=None,
        origin=wish.origin,
    )


def kept(metadata: dict[str, Any]) -> dict[str, Any]:
    """``metadata``, where it may be kept; 413 where it is too large, ``ValueError`` where it is no JSON."""
    if len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode()) > MAX_METADATA:
        raise Problem(413, "payload_too_large", f"metadata has at most {MAX_METADATA} bytes")
    return metadata


def refusal(session: Session, moment: datetime, fingerprint: str | None) -> str | None:
    """Why the session is not valid at ``moment`` for the holder of ``fingerprint``; None where it is.

    A session bound to a device needs that device's fingerprint; one that is not bound ignores any.
    """
    status = session.status_at(moment)
    if status != "active":
        return status
    if session.fingerprint and not hmac.compare_digest(session.fingerprint, fingerprint or ""):
        return "fingerprint_mismatch"
    return None


def require_active(session: Session | None, moment: datetime) -> Session:
    if session is None:
        raise Problem(404, "not_found", "there is no such session")
    status = session.status_at(moment)
    if status != "active":
        raise Problem(409, f"session_{status}", f"the session is {status}")
    return session


def surplus(live: list[Session], limit: int) -> list[Session]:
    """Those of ``live``, oldest first, that must go so that one more stays within ``limit``."""
    return live[: max(0, len(live) - limit + 1)]
