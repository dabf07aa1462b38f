"""Quotas of auth: exact, declared in header fields, shared through Redis, and there without it."""

from __future__ import annotations

import re

import httpx
import pytest

from services.common.quotas import Standing, headers
from tests.services.auth_api import PASSWORD, Api, auth_environment
from tests.services.servers import FRONTEND_CREDENTIAL, MakeDatabase, MakeRedis, StartService, wait_until


@pytest.mark.parametrize("redis_is_up", [True, False])
def test_exactly_the_quota_passes_and_the_fields_count_down(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis, redis_is_up: bool
) -> None:
    store, limits = make_redis(), {"RATE_LIMIT_BULK": "3", "RATE_WINDOW": "5"}
    api = Api(start_service("auth", auth_environment(make_database("auth", "auth"), store.url, **limits)).url)
    user, other = api.batch(2)
    if not redis_is_up:
        store.kill()
        wait_until(lambda: api.http.get("/health").json()["dependencies"]["redis"] == "down", "the loss is noticed")
    answers = [api.as_user("GET", "/users/me", user) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [re.sub(r";t=\d", "", answer.headers["RateLimit"]) for answer in answers] == [
        f'"user";r={left}' for left in (2, 1, 0, 0, 0)
    ]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"user";q=3;w=5'}
    refused = answers[-1]
    assert (refused.json()["code"], refused.headers["content-type"]) == ("rate_limited", "application/problem+json")
    reset = int(refused.headers["RateLimit"].rpartition("t=")[2])
    assert 1 <= reset <= int(refused.headers["Retry-After"]) <= 5
    assert api.as_user("GET", "/users/me", other).status_code == 200
    wait_until(lambda: api.as_user("GET", "/users/me", user).status_code == 200, "the quota is there again")


def test_an_address_is_the_peers_unless_frontend_says_whose_it_is(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    limits = {"ADDRESS_RATE_LIMIT": "2", "RATE_WINDOW": "60"}
    environment = auth_environment(make_database("auth", "auth"), make_redis().url, **limits)
    api = Api(start_service("auth", environment).url)

    def ask(**fields: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return api.http.get("/users/me", headers=named)

    assert [ask(X_Forwarded_For=f"10.0.0.{number}").status_code for number in range(3)] == [401, 401, 429]
    known = {"X_Frontend_Credential": FRONTEND_CREDENTIAL}
    through = [ask(X_Forwarded_For="10.9.9.9, 10.0.0.7", **known).status_code for _ in range(3)]
    assert through == [401, 401, 429]
    assert ask(X_Forwarded_For="10.9.9.9", **known).status_code == 401
    assert ask(X_Forwarded_For="10.0.0.8", X_Frontend_Credential="wrong").status_code == 429
    assert api.http.get("/health").status_code == 200
    assert api.admin("GET", "/admin/outbox").status_code == 200


def test_failed_logins_are_throttled_for_known_and_unknown_accounts_alike(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    limits = {"LOGIN_FAILURE_LIMIT": "2", "ADDRESS_LOGIN_FAILURE_LIMIT": "2", "RATE_WINDOW": "60"}
    environment = auth_environment(make_database("auth", "auth"), make_redis().url, **limits)
    api = Api(start_service("auth", environment).url)
    email = api.sign_up()["email"]

    def fail(address: str, account: str) -> int:
        fields = {"X-Frontend-Credential": FRONTEND_CREDENTIAL, "X-Forwarded-For": address}
        body = {"email": account, "password": "wrong"}
        return api.http.post("/auth/login", json=body, headers=fields).status_code

    assert [fail(f"10.0.0.{number}", email) for number in range(3)] == [401, 401, 429]
    assert [fail(f"10.0.1.{number}", "nobody@example.test") for number in range(3)] == [401, 401, 429]
    assert [fail("10.0.2.1", f"{number}@example.test") for number in range(3)] == [401, 401, 429]
    right = api.http.post("/auth/login", json={"email": email, "password": PASSWORD})
    assert (right.status_code, right.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(right.headers["Retry-After"]) <= 60
    assert fail("10.0.3.1", "other@example.test") == 401


def test_the_fields_of_two_quotas_stand_in_one_list() -> None:
    spent = [Standing("address", 10, 60, 3, 59.2), Standing("user", 2, 60, 3, 1.5)]
    assert headers(spent) == {
        "RateLimit-Policy": '"address";q=10;w=60, "user";q=2;w=60',
        "RateLimit": '"address";r=7;t=60, "user";r=0;t=2',
        "Retry-After": "2",
    }


def test_a_refusal_waits_for_the_quota_too_that_it_has_just_used_up() -> None:
    spent = [Standing("address", 10, 60, 10, 9.5), Standing("user", 2, 60, 3, 1.5)]
    assert headers(spent)["Retry-After"] == "10"
    assert "Retry-After" not in headers(spent[:1])
