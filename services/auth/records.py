"""Users and sessions as data: read from a row, written to JSON, judged against a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.common.instants import parse_rfc3339, rfc3339


class MalformedSession(ValueError):  # noqa: N818 - says what it is
    """Stored session data that cannot be what auth wrote."""


@dataclass(frozen=True)
class User:
    """One row of ``auth_users`` without its password."""

    id: str
    email: str
    name: str
    roles: tuple[str, ...]
    status: str
    plan: str
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any], prefix: str = "") -> User:
        """The user of a row whose columns are those of ``auth_users``, each behind ``prefix``."""
        return cls(
            id=str(row[f"{prefix}id"]),
            email=row[f"{prefix}email"],
            name=row[f"{prefix}name"],
            roles=tuple(row[f"{prefix}roles"]),
            status=row[f"{prefix}status"],
            plan=row[f"{prefix}plan"],
            version=row[f"{prefix}version"],
            created_at=row[f"{prefix}created_at"],
            updated_at=row[f"{prefix}updated_at"],
        )

    def record(self) -> dict[str, Any]:
        """The user as every endpoint and every sync event shows it."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "roles": list(self.roles),
            "status": self.status,
            "plan": self.plan,
            "version": self.version,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        }


@dataclass(frozen=True)
class AtProvider:
    """By which login at the provider a session was made: its subject, and its own session where it has one."""

    subject: str
    sid: str | None


@dataclass(frozen=True)
class Session:
    """One row of ``sessions``; ``idle_ttl`` in seconds, ``fingerprint`` and ``token_hash`` are hashes."""

    id: str
    user_id: str
    type: str
    client_id: str
    status: str
    revision: int
    token_hash: bytes | None
    created_at: datetime
    last_activity: datetime
    idle_ttl: float
    idle_expires_at: datetime
    absolute_expires_at: datetime
    access_count: int
    refresh_count: int
    device: str | None
    metadata: dict[str, Any]
    fingerprint: str | None
    roles: tuple[str, ...]
    revoked_at: datetime | None
    revoke_reason: str | None
    origin: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Session:
        """The session of a row of ``sessions``."""
        values = {name: row[name] for name in cls.__dataclass_fields__}
        values["id"], values["user_id"] = str(row["id"]), str(row["user_id"])
        values["roles"] = tuple(row["roles"])
        values["token_hash"] = bytes(row["token_hash"]) if row["token_hash"] is not None else None
        return cls(**values)

    @property
    def expires_at(self) -> datetime:
        """The earlier of idle and absolute expiry."""
        return min(self.idle_expires_at, self.absolute_expires_at)

    def status_at(self, moment: datetime) -> str:
        """``active``, ``expired`` or ``revoked``; an expiry counts from its moment, whether it was swept or not."""
        return "expired" if self.status == "active" and self.expires_at <= moment else self.status

    def idle_expiry_after(self, activity: datetime) -> datetime:
        """Where an activity moves the idle expiry to: never past the absolute one."""
        return min(activity + timedelta(seconds=self.idle_ttl), self.absolute_expires_at)

    def record(self, moment: datetime) -> dict[str, Any]:
        """The session record of §2.5."""
        return {
            "session_id": self.id,
            "user_id": self.user_id,
            "type": self.type,
            "client_id": self.client_id,
            "status": self.status_at(moment),
            "created_at": rfc3339(self.created_at),
            "last_activity": rfc3339(self.last_activity),
            "idle_expires_at": rfc3339(self.idle_expires_at),
            "absolute_expires_at": rfc3339(self.absolute_expires_at),
            "expires_at": rfc3339(self.expires_at),
            "access_count": self.access_count,
            "refresh_count": self.refresh_count,
            "device": self.device,
            "metadata": self.metadata,
            "fingerprint": self.fingerprint,
            "roles": list(self.roles),
            "revoked_at": rfc3339(self.revoked_at) if self.revoked_at else None,
            "revoke_reason": self.revoke_reason,
            "origin": self.origin,
        }

    def document(self) -> str:
        """The JSON document kept in Redis: the record, led by its revision, with what validation needs beside it."""
        return json.dumps(
            {
                "revision": self.revision,
                **self.record(self.last_activity),
                "idle_ttl": self.idle_ttl,
                "token_hash": self.token_hash.hex() if self.token_hash else None,
            }
        )

    @classmethod
    def from_document(cls, session_id: str, text: str) -> Session:
        """The session of a Redis document; ``MalformedSession`` unless it is a whole document of that very session."""
        try:
            return cls._parsed(session_id, json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise MalformedSession(type(error).__name__) from None

    @classmethod
    def _parsed(cls, session_id: str, data: dict[str, Any]) -> Session:
        if data["session_id"] != session_id or not isinstance(data["metadata"], dict) or data["status"] != "active":
            raise ValueError("not this session's document")
        return cls(
            id=session_id,
            user_id=_text(data["user_id"]),
            type=_text(data["type"]),
            client_id=_text(data["client_id"]),
            status="active",
            revision=int(data["revision"]),
            token_hash=bytes.fromhex(data["token_hash"]) if data["token_hash"] else None,
            created_at=parse_rfc3339(data["created_at"]),
            last_activity=parse_rfc3339(data["last_activity"]),
            idle_ttl=float(data["idle_ttl"]),
            idle_expires_at=parse_rfc3339(data["idle_expires_at"]),
            absolute_expires_at=parse_rfc3339(data["absolute_expires_at"]),
            access_count=int(data["access_count"]),
            refresh_count=int(data["refresh_count"]),
            device=data["device"],
            metadata=data["metadata"],
            fingerprint=data["fingerprint"],
            roles=tuple(_text(role) for role in data["roles"]),
            revoked_at=None,
            revoke_reason=None,
            origin=_text(data["origin"]),
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
