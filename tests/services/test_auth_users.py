"""Users of auth over HTTP, and input that is not as it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.auth_api import PASSWORD, Api
from tests.services.servers import SERVICE_TOKEN, Service, wait_until

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def api(service: Service) -> Iterator[Api]:
    api = Api(service.url)
    yield api
    api.http.close()


def test_a_change_makes_a_new_version_and_none_makes_none(api: Api) -> None:
    tokens = api.signed_in()
    before = api.as_user("GET", "/users/me", tokens).json()
    changed = api.as_user("PATCH", "/users/me", tokens, json={"name": "Grace", "email": "g@example.test"}).json()
    assert (changed["name"], changed["email"], changed["version"]) == ("Grace", "g@example.test", before["version"] + 1)
    same = api.as_user("PATCH", "/users/me", tokens, json={"name": "Grace"}).json()
    assert same == changed
    other = api.sign_up()
    taken = api.as_user("PATCH", "/users/me", tokens, json={"email": other["email"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")


def test_a_refreshed_token_carries_the_changed_identity(api: Api) -> None:
    tokens = api.signed_in()
    api.admin("PATCH", f"/admin/users/{tokens['user']['id']}", json={"roles": ["user", "admin"], "plan": "bulk"})
    fresh = api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).json()
    told = api.admin("POST", "/auth/introspect", data={"token": fresh["access_token"]}).json()
    assert (told["roles"], told["plan"]) == (["user", "admin"], "bulk")


def test_a_new_password_ends_the_other_sessions(api: Api) -> None:
    tokens = api.signed_in()
    email = tokens["user"]["email"]
    other = api.login(email)
    wrong = api.as_user("POST", "/users/me/password", tokens, json={"old": "wrong one", "new": "another password"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "invalid_credentials")
    body = {"old": PASSWORD, "new": "another password"}
    assert api.as_user("POST", "/users/me/password", tokens, json=body).status_code == 204
    assert api.as_user("GET", "/users/me", tokens).status_code == 200
    assert api.as_user("GET", "/users/me", other).json()["code"] == "session_revoked"
    assert api.http.post("/auth/login", json={"email": email, "password": PASSWORD}).status_code == 401
    assert api.http.post("/auth/login", json={"email": email, "password": "another password"}).status_code == 200


def test_a_deactivated_user_is_out_until_activated(api: Api) -> None:
    tokens = api.signed_in()
    email, user_id = tokens["user"]["email"], tokens["user"]["id"]
    assert api.as_user("POST", "/users/me/deactivate", tokens).status_code == 204
    assert api.as_user("GET", "/users/me", tokens).json()["code"] == "session_revoked"
    assert api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 400
    refused = api.http.post("/auth/login", json={"email": email, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (403, "account_disabled")
    made = api.admin("POST", "/admin/sessions", json={"user_id": user_id, "type": "WEB"})
    assert (made.status_code, made.json()["code"]) == (403, "account_disabled")
    assert api.admin("POST", f"/admin/users/{user_id}/activate").json()["status"] == "active"
    assert api.login(email)["user"]["id"] == user_id


def test_a_deleted_user_leaves_only_the_audit_trail(api: Api) -> None:
    tokens = api.signed_in()
    assert api.as_user("DELETE", "/users/me", tokens).status_code == 204
    assert api.as_user("GET", "/users/me", tokens).json()["code"] == "session_revoked"
    assert api.admin("GET", f"/admin/users/{tokens['user']['id']}").status_code == 404
    body = {"email": tokens["user"]["email"], "password": PASSWORD}
    assert api.http.post("/auth/login", json=body).json()["code"] == "invalid_credentials"
    assert api.admin("POST", "/auth/introspect", data={"token": tokens["access_token"]}).json() == {"active": False}
    assert api.events(tokens["session_id"]) == ["created", "revoked"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/admin/users/{NOBODY}"),
        ("PATCH", f"/admin/users/{NOBODY}"),
        ("POST", f"/admin/users/{NOBODY}/deactivate"),
        ("DELETE", f"/admin/users/{NOBODY}"),
        ("GET", f"/admin/sessions/{NOBODY}"),
        ("POST", f"/admin/sessions/{NOBODY}/revoke"),
    ],
)
def test_what_is_not_there_is_not_found(api: Api, method: str, path: str) -> None:
    answer = api.admin(method, path, json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong-token-of-nobody"}, {"Authorization": "Basic x"}]
)
def test_admin_needs_the_service_credential(api: Api, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/admin/outbox"), ("POST", "/admin/users/batch"), ("POST", "/admin/keys/rotate")):
        answer = api.http.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="lockstep"')


def test_a_user_token_is_no_service_credential(api: Api) -> None:
    assert api.as_user("GET", "/admin/outbox", api.batch(1)[0]).status_code == 401


def test_the_description_names_every_endpoint_and_no_422(api: Api) -> None:
    paths = api.http.get("/openapi.json").json()["paths"]
    assert {"/auth/google", "/auth/token", "/users/me", "/auth/sessions", "/admin/sessions/validate"} <= set(paths)
    for operations in paths.values():
        for operation in operations.values():
            assert "422" not in operation["responses"]
            assert "default" in operation["responses"]


def test_errors_are_problems_with_the_request_id(api: Api) -> None:
    answer = api.http.get("/users/me", headers={"X-Request-Id": "my-id"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == "my-id"
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "request_id"}


def test_the_test_id_is_in_the_log(api: Api, service: Service) -> None:
    api.http.get("/users/me", headers={b"X-Test-Id": "Suite.Test é 1".encode("latin-1")})

    def logged() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in service.log().splitlines()]
        return [line for line in lines if line["test_id"] == "Suite.Test ? 1"]

    [line] = wait_until(logged, "the request is in the log")
    assert (line["event"], line["path"], line["status"]) == ("request", "/users/me", 401)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/auth/login", 405, "method_not_allowed"),
        ("GET", "/auth/token", 405, "method_not_allowed"),
        ("GET", "/admin/sessions/not-a-uuid", 400, "invalid_request"),
    ],
)
def test_unknown_paths_and_methods(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = api.admin(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_body_over_the_limit_is_refused_declared_or_not(api: Api) -> None:
    big = b'{"email": "' + b"a" * (1 << 21) + b'"}'

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(big), 1 << 16):
            yield big[start : start + (1 << 16)]

    headers = {"Content-Type": "application/json"}
    for content in (big, chunks()):
        answer = api.http.post("/auth/signup", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


BODIES: list[Any] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"email": NaN}',
    b'{"x": ' + b"9" * 5000 + b"}",
    {},
    {"email": None},
]
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    10**30,
    "",
    " ",
    "x" * 10_000,
    "\x00",
    "a\x00@b",
    "\ud800",
    "☃@☃",
    "' OR 1=1 --",
    [],
    [[]],
    {},
    {"a": {"b": "\x00"}},
    {"a": "\ud800"},
    {"a": float("nan")},
    {"a": 10**400},
    NOBODY,
]
FIELDS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/auth/signup"): {"email": "x@example.test", "password": PASSWORD, "name": "X"},
    ("POST", "/auth/login"): {
        "email": "x@example.test",
        "password": "x",
        "client_id": "web",
        "device": "d",
        "fingerprint": "f",
        "metadata": {},
    },
    ("POST", "/auth/refresh"): {"refresh_token": "x"},
    ("PATCH", "/users/me"): {"name": "X", "email": "y@example.test"},
    ("POST", "/users/me/password"): {"old": "x", "new": "x", "logout_others": True},
    ("POST", "/admin/sessions"): {
        "user_id": NOBODY,
        "type": "WEB",
        "client_id": "web",
        "metadata": {},
        "device": "x",
        "fingerprint": "x",
        "idle_ttl": 1,
        "absolute_ttl": 1,
    },
    ("POST", "/admin/sessions/validate"): {"session_token": "x", "fingerprint": "x"},
    ("POST", "/admin/sessions/refresh"): {"session_token": "x", "extend": True},
    ("POST", f"/admin/sessions/{NOBODY}/revoke"): {"reason": "x"},
    ("POST", f"/admin/sessions/{NOBODY}/migrate"): {"type": "SSO", "metadata": {}},
    ("POST", f"/admin/users/{NOBODY}/sessions/revoke"): {"reason": "x", "except_session_id": NOBODY},
    ("POST", "/admin/locks/x"): {"ttl": 0.01},
    ("DELETE", "/admin/locks/x"): {"owner": "x"},
    ("POST", "/admin/users/batch"): {"count": 1, "prefix": "x", "plan": "bulk", "client_id": "web", "login": True},
    ("POST", "/admin/keys/rotate"): {"grace": 1},
}


def spoiled() -> Iterator[tuple[str, str, bytes]]:
    for (method, path), fields in FIELDS.items():
        for body in BODIES:
            yield method, path, body if isinstance(body, bytes) else json.dumps(body).encode()
        for name in fields:
            for value in VALUES:
                yield method, path, json.dumps({**fields, name: value}).encode()


def test_no_input_is_a_server_error(api: Api, service: Service) -> None:
    user = api.batch(1)[0]
    for method, path, body in spoiled():
        token = SERVICE_TOKEN if path.startswith("/admin") else user["access_token"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        answer = api.http.request(method, path, content=body, headers=headers)
        assert answer.status_code < 500, (method, path, body[:200], answer.text)
    assert "Traceback" not in service.log()
    assert api.as_user("GET", "/users/me", user).status_code == 200


@pytest.mark.parametrize("path", ["/auth/token", "/auth/revoke", "/auth/introspect"])
def test_no_form_is_a_server_error(api: Api, path: str) -> None:
    for body in (b"", b"&&&", b"token=%ff", b"token=%00", b"=", b"a" * 100_000, b"a=1&" * 1000, b"{}"):
        for kind in ("application/x-www-form-urlencoded", "application/json", "multipart/form-data"):
            headers = {"Content-Type": kind, "Authorization": f"Bearer {SERVICE_TOKEN}"}
            answer = api.http.post(path, content=body, headers=headers)
            assert answer.status_code < 500, (path, body[:50], kind, answer.text)
