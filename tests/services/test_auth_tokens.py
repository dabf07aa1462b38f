"""Tokens of auth over HTTP: sign-up, login, refresh, logout, revocation, introspection, keys."""

from __future__ import annotations

import concurrent.futures
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from tests.services.auth_api import PASSWORD, PUBLIC_URL, Api
from tests.services.servers import SERVICE_TOKEN, Service, wait_until


def test_a_login_gives_what_rfc_9068_says(api: Api) -> None:
    user = api.sign_up()
    tokens = api.login(user["email"].upper())
    assert tokens["user"] == {"id": user["id"], "email": user["email"], "name": "Ada"}
    jwks = api.http.get("/.well-known/jwks.json").json()
    header = jwt.get_unverified_header(tokens["access_token"])
    assert (header["alg"], header["typ"], header["kid"]) == ("ES256", "at+jwt", jwks["keys"][0]["kid"])
    claims = jwt.decode(
        tokens["access_token"], jwt.PyJWK(jwks["keys"][0]), ["ES256"], audience="lockstep-api", issuer=PUBLIC_URL
    )
    assert claims["sub"] == user["id"]
    assert claims["sid"] == tokens["session_id"]
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 300
    assert (claims["email"], claims["roles"], claims["client_id"], claims["plan"]) == (
        user["email"],
        ["user"],
        "web",
        "standard",
    )


def test_private_key_members_are_not_published(api: Api) -> None:
    for key in api.http.get("/.well-known/jwks.json").json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_taken_email_is_refused_in_any_case_of_letters(api: Api) -> None:
    user = api.sign_up()
    body = {"email": user["email"].upper(), "password": PASSWORD, "name": "Eve"}
    answer = api.http.post("/auth/signup", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


def test_wrong_password_and_unknown_email_are_answered_alike(api: Api) -> None:
    email = api.sign_up()["email"]
    wrong = api.http.post("/auth/login", json={"email": email, "password": "not the password"})
    unknown = api.http.post("/auth/login", json={"email": "nobody@example.test", "password": "not the password"})
    assert wrong.status_code == unknown.status_code == 401
    bodies = [{**answer.json(), "request_id": None} for answer in (wrong, unknown)]
    assert bodies[0] == bodies[1]
    assert bodies[0]["code"] == "invalid_credentials"


def test_kiosk_tokens_are_short_lived_and_say_when_they_have_expired(api: Api) -> None:
    tokens = api.signed_in(client_id="kiosk")
    assert tokens["expires_in"] == 3
    expiry = jwt.decode(tokens["access_token"], options={"verify_signature": False})["exp"]
    assert api.as_user("GET", "/users/me", tokens).status_code == 200
    while time.time() <= expiry:
        time.sleep(0.05)
    answer = api.as_user("GET", "/users/me", tokens)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="lockstep", error="invalid_token"')


def test_the_partner_audience_is_refused_here_but_introspected(api: Api) -> None:
    tokens = api.signed_in(client_id="partner")
    answer = api.as_user("GET", "/users/me", tokens)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    told = api.admin("POST", "/auth/introspect", data={"token": tokens["access_token"]}).json()
    assert (told["active"], told["aud"]) == (True, "partner-api")


def test_no_token_is_challenged_without_an_error_code(api: Api) -> None:
    answer = api.http.get("/users/me")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="lockstep"')


def test_refresh_rotates_and_keeps_session_and_identity(api: Api) -> None:
    first = api.signed_in()
    second = api.http.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    assert (second["session_id"], second["user"]) == (first["session_id"], first["user"])
    assert second["refresh_token"] != first["refresh_token"]
    assert api.as_user("GET", "/users/me", first).status_code == 200
    assert api.as_user("GET", "/users/me", second).status_code == 200
    assert api.session(first["session_id"])["refresh_count"] == 1


def test_the_refresh_grant_of_the_token_endpoint_is_the_same(api: Api) -> None:
    tokens = api.signed_in()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "web"}
    answer = api.http.post("/auth/token", data=form)
    assert answer.json()["session_id"] == tokens["session_id"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refresh_token_of_another_client_is_refused(api: Api) -> None:
    tokens = api.signed_in()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "mobile"}
    answer = api.http.post("/auth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_reuse_of_a_spent_refresh_token_ends_the_family(api: Api) -> None:
    first = api.signed_in()
    second = api.http.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    reuse = api.http.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert (reuse.status_code, reuse.json()["code"]) == (400, "invalid_grant")
    heir = api.http.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert (heir.status_code, heir.json()["code"]) == (400, "invalid_grant")
    answer = api.as_user("GET", "/users/me", second)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_revoked")
    assert api.session(first["session_id"])["revoke_reason"] == "refresh_reuse"


def test_of_two_parallel_refreshes_one_wins_and_the_family_ends(api: Api) -> None:
    tokens = api.signed_in()

    def refresh(_: int) -> httpx.Response:
        return api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(refresh, range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert api.session(tokens["session_id"])["status"] == "revoked"


def test_logout_ends_access_refresh_and_introspection(api: Api) -> None:
    tokens = api.signed_in()
    other = api.login(tokens["user"]["email"])
    assert api.as_user("POST", "/auth/logout", tokens).status_code == 204
    answer = api.as_user("GET", "/users/me", tokens)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_revoked")
    assert api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 400
    told = api.admin("POST", "/auth/introspect", data={"token": tokens["access_token"]})
    assert told.json() == {"active": False}
    assert api.as_user("GET", "/users/me", other).status_code == 200


def test_logout_verifies_the_token_first(api: Api) -> None:
    tokens = api.signed_in()
    head, body, signature = tokens["access_token"].split(".")
    forged = {"access_token": f"{head}.{body}.{signature[::-1]}"}
    assert api.as_user("POST", "/auth/logout", forged).status_code == 401
    assert api.as_user("GET", "/users/me", tokens).status_code == 200


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revocation_ends_the_session_of_either_token(api: Api, kind: str) -> None:
    tokens = api.signed_in()
    assert api.http.post("/auth/revoke", data={"token": tokens[kind]}).status_code == 200
    assert api.as_user("GET", "/users/me", tokens).json()["code"] == "session_revoked"


@pytest.mark.parametrize("garbage", ["x", "a.b.c", "..", "é", "A" * 9000])
def test_revocation_of_garbage_is_fine(api: Api, garbage: str) -> None:
    assert api.http.post("/auth/revoke", data={"token": garbage}).status_code == 200


def test_introspection_needs_the_service_credential(api: Api) -> None:
    tokens = api.signed_in()
    for headers in ({}, {"Authorization": f"Bearer {tokens['access_token']}"}):
        answer = api.http.post("/auth/introspect", data={"token": tokens["access_token"]}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert "WWW-Authenticate" in answer.headers


def test_introspection_tells_the_claims_and_knows_no_refresh_token(api: Api) -> None:
    tokens = api.signed_in()
    told = api.admin("POST", "/auth/introspect", data={"token": tokens["access_token"]}).json()
    assert told["active"] is True
    assert (told["sub"], told["sid"]) == (tokens["user"]["id"], tokens["session_id"])
    for garbage in (tokens["refresh_token"], "garbage"):
        assert api.admin("POST", "/auth/introspect", data={"token": garbage}).json() == {"active": False}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_request"),
        (
            {
                "grant_type": "authorization_code",
                "code": "x",
                "redirect_uri": "y",
                "client_id": "web",
                "code_verifier": "z",
            },
            "invalid_grant",
        ),
        ([("grant_type", "refresh_token"), ("grant_type", "refresh_token")], "invalid_request"),
    ],
)
def test_bad_token_requests_get_the_oauth_error(api: Api, form: Any, error: str) -> None:
    if isinstance(form, list):
        body = "&".join(f"{name}={value}" for name, value in form)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = api.http.post("/auth/token", content=body, headers=headers)
    else:
        answer = api.http.post("/auth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


def test_spent_stays_spent_and_keys_stay_after_a_restart(api: Api, service: Service) -> None:
    first = api.signed_in()
    second = api.http.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    keys = api.http.get("/.well-known/jwks.json").json()
    service.kill()
    service.start()
    assert api.http.get("/.well-known/jwks.json").json() == keys
    assert api.as_user("GET", "/users/me", second).status_code == 200
    assert api.http.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}).status_code == 400
    assert api.session(first["session_id"])["revoke_reason"] == "refresh_reuse"


def test_a_rotated_key_verifies_within_its_grace_only(api: Api) -> None:
    old = api.signed_in()
    kid = api.admin("POST", "/admin/keys/rotate", json={"grace": 60}).json()["kid"]
    new = api.login(old["user"]["email"])
    assert jwt.get_unverified_header(new["access_token"])["kid"] == kid
    assert api.as_user("GET", "/users/me", old).status_code == 200
    assert len(api.http.get("/.well-known/jwks.json").json()["keys"]) >= 2
    last = api.admin("POST", "/admin/keys/rotate", json={"grace": 0}).json()["kid"]
    answer = api.as_user("GET", "/users/me", new)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    published = [key["kid"] for key in api.http.get("/.well-known/jwks.json").json()["keys"]]
    assert last in published
    assert kid not in published


def test_no_secret_is_logged(api: Api, service: Service) -> None:
    tokens = api.signed_in()
    api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    api.as_user("POST", "/auth/logout", tokens)
    for secret in (tokens["access_token"], tokens["refresh_token"], PASSWORD):
        assert secret not in service.log()


def test_who_hangs_up_in_the_middle_of_a_request_is_no_error_of_the_service(service: Service) -> None:
    place = urlsplit(service.url)
    with socket.create_connection((place.hostname, place.port)) as line:
        head = "POST /auth/introspect HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        line.sendall(f"{head}Authorization: Bearer {SERVICE_TOKEN}\r\nContent-Length: 100\r\n\r\ntoken=".encode())

    def told() -> str | None:
        lines = service.log_file.read_text("utf-8").splitlines()
        return next((line for line in lines if "unhandled" in line or '"status": 499' in line), None)

    assert "unhandled" not in (wait_until(told, "what the log says of it") or "")
