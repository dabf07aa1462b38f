"""How the tests of auth start it and speak to it."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from tests.services.servers import SERVICE_TOKEN, MakeDatabase, Servers, Service, StartService

PUBLIC_URL = "https://127.0.0.1:8443"
PASSWORD = "correct horse battery"


def auth_environment(database_url: str, redis_url: str, **more: str) -> dict[str, str]:
    """The environment of an auth service; ``more`` overrides."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PROVIDER_URL": "http://127.0.0.1:9",
        "PROVIDER_CLIENT_ID": "lockstep",
        "PROVIDER_CLIENT_SECRET": "provider-secret-of-the-tests",
        "KEY_SECRET": "key-secret-of-the-tests",
        "PUBLIC_URL": PUBLIC_URL,
        **more,
    }


def start_auth(start: StartService, servers: Servers, make_database: MakeDatabase, **more: str) -> Service:
    """An auth service on a database of its own and the shared Redis."""
    return start("auth", auth_environment(make_database("auth", migrate="auth"), servers.redis_url, **more))


class Api:
    """A user agent that speaks to one auth service."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=10, trust_env=False, verify=False)

    def sign_up(self, email: str | None = None, name: str = "Ada") -> dict[str, Any]:
        """A new user with the password of the tests."""
        body = {"email": email or f"{uuid.uuid4()}@example.test", "password": PASSWORD, "name": name}
        answer = self.http.post("/auth/signup", json=body)
        assert answer.status_code == 201, answer.text
        user: dict[str, Any] = answer.json()["user"]
        return user

    def login(self, email: str, **more: Any) -> dict[str, Any]:
        """The token response of a password login."""
        answer = self.http.post("/auth/login", json={"email": email, "password": PASSWORD, **more})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def signed_in(self, **more: Any) -> dict[str, Any]:
        """The token response of a new user's first login."""
        return self.login(self.sign_up()["email"], **more)

    def as_user(self, method: str, path: str, tokens: dict[str, Any], **arguments: Any) -> httpx.Response:
        """A request with the access token of ``tokens``."""
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.http.request(method, path, headers=headers, **arguments)

    def admin(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A request with the service credential."""
        headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        return self.http.request(method, path, headers=headers, **arguments)

    def batch(self, count: int, **more: Any) -> list[dict[str, Any]]:
        """Signed-in users without passwords, which cost no argon2."""
        answer = self.admin("POST", "/admin/users/batch", json={"count": count, "prefix": "load", **more})
        assert answer.status_code == 200, answer.text
        users: list[dict[str, Any]] = answer.json()["users"]
        return users

    def make_session(self, user_id: str | None = None, kind: str = "WEB", **more: Any) -> dict[str, Any]:
        """A session made by the service credential, for a new user where none is named."""
        user_id = user_id or self.batch(1, login=False)[0]["id"]
        answer = self.admin("POST", "/admin/sessions", json={"user_id": user_id, "type": kind, **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def validate(self, session_token: str, **more: Any) -> dict[str, Any]:
        """The verdict on a session token."""
        answer = self.admin("POST", "/admin/sessions/validate", json={"session_token": session_token, **more})
        assert answer.status_code == 200, answer.text
        verdict: dict[str, Any] = answer.json()
        return verdict

    def session(self, session_id: str) -> dict[str, Any]:
        """The record of a session."""
        answer = self.admin("GET", f"/admin/sessions/{session_id}")
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    def events(self, session_id: str) -> list[str]:
        """The kinds of a session's audit rows, oldest first."""
        return [event["type"] for event in self.admin("GET", f"/admin/sessions/{session_id}/events").json()["events"]]
