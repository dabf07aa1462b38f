"""What the provider remembers, in memory: users, authorization requests, codes, access tokens."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

REQUEST_TTL = 600.0
CODE_TTL = 60.0
ACCESS_TOKEN_TTL = 300.0


@dataclass(frozen=True)
class User:
    """An account at the provider; ``sub`` never changes."""

    sub: str
    email: str
    name: str
    email_verified: bool = True


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked request to ``/authorize``, waiting for the user's decision."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None
    code_challenge: str
    expires_at: float


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    request: AuthorizationRequest
    user: User
    authenticated_at: float
    expires_at: float
    sid: str


@dataclass(frozen=True)
class AccessToken:
    """What an access token for ``/userinfo`` stands for."""

    sub: str
    scopes: tuple[str, ...]
    expires_at: float


@dataclass
class Registry:
    """The provider's memory; every secret handed out has 256 random bits."""

    users: dict[str, User] = field(default_factory=dict)
    _requests: dict[str, AuthorizationRequest] = field(default_factory=dict)
    _codes: dict[str, Grant] = field(default_factory=dict)
    _spent: dict[str, tuple[float, str | None]] = field(default_factory=dict)
    _access: dict[str, AccessToken] = field(default_factory=dict)

    def put_user(self, user: User) -> bool:
        """Add or replace; True if the user is new. The latest of two users with one e-mail is found by it."""
        new = self.users.pop(user.sub, None) is None
        self.users[user.sub] = user
        return new

    def user_by_email(self, email: str) -> User | None:
        """The user who signs in with ``email``, written in any case."""
        wanted = email.strip().casefold()
        return next((user for user in reversed(self.users.values()) if user.email.casefold() == wanted), None)

    def add_request(self, request: AuthorizationRequest) -> str:
        """Keep ``request`` for the form; the id to send along with it."""
        self._forget_expired()
        request_id = secrets.token_urlsafe(32)
        self._requests[request_id] = request
        return request_id

    def request(self, request_id: str) -> AuthorizationRequest | None:
        """The request that still waits for a decision."""
        request = self._requests.get(request_id)
        return request if request and request.expires_at > time.time() else None

    def decide(self, request_id: str) -> None:
        """The request has its decision: a form works once."""
        self._requests.pop(request_id, None)

    def add_code(self, request: AuthorizationRequest, user: User, sid: str) -> str:
        """A new single-use code for ``user``, who has this session at the provider."""
        now = time.time()
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(request, user, now, now + CODE_TTL, sid)
        return code

    def grant(self, code: str) -> Grant | None:
        """What ``code`` stands for, without spending it; expired ones included until they are forgotten."""
        return self._codes.get(code)

    def spend_code(self, code: str) -> Grant | None:
        """What a fresh code stands for; a second use ends the access token made from it (RFC 6749 §4.1.2)."""
        grant = self._codes.pop(code, None)
        if grant is None:
            _, access_token = self._spent.pop(code, (0.0, None))
            self._access.pop(access_token or "", None)
            return None
        self._spent[code] = (time.time() + ACCESS_TOKEN_TTL, None)
        return grant if grant.expires_at > time.time() else None

    def add_access_token(self, code: str, grant: Grant) -> str:
        """An access token that ends when ``code`` is used again."""
        token = secrets.token_urlsafe(32)
        expires_at = time.time() + ACCESS_TOKEN_TTL
        self._access[token] = AccessToken(grant.user.sub, grant.request.scopes, expires_at)
        self._spent[code] = (expires_at, token)
        return token

    def access_token(self, token: str) -> AccessToken | None:
        """What a live access token stands for."""
        access = self._access.get(token)
        return access if access and access.expires_at > time.time() else None

    def _forget_expired(self) -> None:
        now = time.time()
        self._requests = {key: value for key, value in self._requests.items() if value.expires_at > now}
        self._codes = {key: value for key, value in self._codes.items() if value.expires_at > now}
        self._access = {key: value for key, value in self._access.items() if value.expires_at > now}
        self._spent = {key: value for key, value in self._spent.items() if value[0] > now}
