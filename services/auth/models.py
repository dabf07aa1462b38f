"""What the endpoints take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.auth.session_policy import kept


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    try:
        return kept(value)
    except (ValueError, RecursionError):
        raise ValueError("metadata is JSON that can be stored") from None


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"),
]
Password = Annotated[str, StringConstraints(min_length=8, max_length=200)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
Metadata = Annotated[dict[str, Any], AfterValidator(_metadata)]
Device = Annotated[str, StringConstraints(max_length=200)]
Fingerprint = Annotated[str, StringConstraints(min_length=1, max_length=4096)] | Metadata
Seconds = Annotated[float, Field(gt=0, le=10 * 365 * 86400, allow_inf_nan=False)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Id = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
SessionType = Literal["WEB", "MOBILE", "API", "SSO"]
Plan = Literal["standard", "bulk"]


class Given(BaseModel):
    """A request body; unknown members are ignored, no type is guessed."""

    model_config = ConfigDict(strict=True)


class SignUp(Given):
    """A new user with a password."""

    email: Email
    password: Password
    name: Name


class Login(Given):
    """A password login; the session is one of ``client_id``'s."""

    email: Annotated[str, StringConstraints(max_length=254)]
    password: Annotated[str, StringConstraints(max_length=200)]
    client_id: str = "web"
    device: Device | None = None
    fingerprint: Fingerprint | None = None
    metadata: Metadata = {}


class Refresh(Given):
    """A refresh token to spend."""

    refresh_token: Secret


class Profile(Given):
    """What a user may change of himself."""

    name: Name | None = None
    email: Email | None = None


class UserChange(Profile):
    """What an operator may change of a user."""

    roles: list[Name] | None = None
    plan: Plan | None = None


class NewPassword(Given):
    """A change of password; the other sessions end unless told otherwise."""

    old: Annotated[str, StringConstraints(max_length=200)]
    new: Password
    logout_others: bool = True


class NewSession(Given):
    """A session made by an operator; lifetimes in seconds."""

    user_id: Id
    type: SessionType
    client_id: str | None = None
    metadata: Metadata = {}
    device: Device | None = None
    fingerprint: Fingerprint | None = None
    idle_ttl: Seconds | None = None
    absolute_ttl: Seconds | None = None


class Validate(Given):
    """A session token to judge."""

    session_token: Secret
    fingerprint: Fingerprint | None = None


class RefreshSession(Given):
    """A session token to replace; ``extend`` starts the idle time again."""

    session_token: Secret
    extend: bool = True


class Revoke(Given):
    """Why a session ends."""

    reason: Reason = "admin"


class RevokeAll(Revoke):
    """Why a user's sessions end, and which one does not."""

    except_session_id: Id | None = None


class Migrate(Given):
    """What a session becomes."""

    type: Literal["SSO"] = "SSO"
    metadata: Metadata | None = None


class Lock(Given):
    """How many seconds a lock may be held."""

    ttl: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Owner(Given):
    """Who holds the lock."""

    owner: Secret


class Batch(Given):
    """Users for load."""

    count: Annotated[int, Field(ge=1, le=1000)]
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    plan: Plan = "bulk"
    client_id: str = "web"
    login: bool = True


class Rotation(Given):
    """For how many seconds the former key still verifies."""

    grace: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] | None = None


class ShortUser(BaseModel):
    """The user of a token response."""

    id: str
    email: str
    name: str


class UserRecord(ShortUser):
    """A user."""

    roles: list[str]
    status: Literal["active", "deactivated"]
    plan: Plan
    version: int
    created_at: str
    updated_at: str


class SignedUp(BaseModel):
    """The new user."""

    user: UserRecord


class TokenResponse(BaseModel):
    """RFC 6749 §5.1, with the session and its user."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    session_id: str
    user: ShortUser


class SessionRecord(BaseModel):
    """A session; ``fingerprint`` is a hash."""

    session_id: str
    user_id: str
    type: SessionType
    client_id: str
    status: Literal["active", "expired", "revoked"]
    created_at: str
    last_activity: str
    idle_expires_at: str
    absolute_expires_at: str
    expires_at: str
    access_count: int
    refresh_count: int
    device: str | None
    metadata: dict[str, Any]
    fingerprint: str | None
    roles: list[str]
    revoked_at: str | None
    revoke_reason: str | None
    origin: str


class OwnSession(SessionRecord):
    """A session of one's own; ``current`` is the one that asks."""

    current: bool


class OwnSessions(BaseModel):
    """All active sessions of a user, oldest first."""

    sessions: list[OwnSession]


class Sessions(BaseModel):
    """Sessions of a user, oldest first."""

    sessions: list[SessionRecord]


class Revoked(BaseModel):
    """How many sessions ended now."""

    revoked: int


class SessionGrant(BaseModel):
    """A session made or moved by an operator, with its secrets."""

    session: SessionRecord
    session_token: str
    access_token: str
    refresh_token: str


class RefreshedSession(BaseModel):
    """A session with its new token."""

    session: SessionRecord
    session_token: str


class Validation(BaseModel):
    """The verdict on a session token, and which store gave it."""

    valid: bool
    reason: Literal["not_found", "expired", "revoked", "fingerprint_mismatch", "malformed"] | None
    source: Literal["redis", "database"]
    session: SessionRecord | None
