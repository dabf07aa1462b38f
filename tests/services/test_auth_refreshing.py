"""Refresh tokens: strict where nothing else is said, one successor where a use is repeated (protocol §2.3)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.auth import opaque
from services.auth.session_policy import Repeats
from tests.services.auth_api import Api, auth_environment
from tests.services.servers import MakeDatabase, Servers, Service, StartService, wait_until

KEY = {"Idempotency-Key": "0123456789abcdef0123456789abcdef"}


@pytest.fixture
def two(start_service: StartService, servers: Servers, make_database: MakeDatabase) -> tuple[Api, Api]:
    """Two processes of auth on one database, with a grace of two seconds."""
    environment = auth_environment(make_database("auth", migrate="auth"), servers.redis_url, REFRESH_GRACE="2")
    return Api(start_service("auth", environment).url), Api(start_service("auth", environment).url)


def refresh(api: Api, tokens: dict[str, Any], **headers: str) -> httpx.Response:
    return api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}, headers=headers)


def refreshed(api: Api, tokens: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = refresh(api, tokens, **headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def how_it_ended(api: Api, tokens: dict[str, Any]) -> str | None:
    reason: str | None = api.session(tokens["session_id"])["revoke_reason"]
    return reason


def test_without_a_word_a_second_use_ends_the_family(api: Api) -> None:
    first = api.signed_in()
    refreshed(api, first)
    assert refresh(api, first).status_code == 400
    assert how_it_ended(api, first) == "refresh_reuse"


def test_a_repeated_request_has_the_same_answer(api: Api, service: Service) -> None:
    first = api.signed_in()
    second = refreshed(api, first, **KEY)
    assert refreshed(api, first, **KEY)["refresh_token"] == second["refresh_token"]
    service.kill()
    service.start()
    again = refreshed(api, first, **KEY)
    assert again["refresh_token"] == second["refresh_token"]
    assert api.as_user("GET", "/users/me", again).status_code == 200
    third = refreshed(api, second)
    assert third["refresh_token"] not in (first["refresh_token"], second["refresh_token"])
    assert how_it_ended(api, first) is None


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "another-key-of-somebody"}, {"Idempotency-Key": "short"}])
def test_another_request_is_reuse(api: Api, key: dict[str, str]) -> None:
    first = api.signed_in()
    refreshed(api, first, **KEY)
    assert refresh(api, first, **key).status_code == 400
    assert how_it_ended(api, first) == "refresh_reuse"


def test_a_key_that_is_too_short_makes_no_request_repeatable(api: Api) -> None:
    first = api.signed_in()
    refreshed(api, first, **{"Idempotency-Key": "short"})
    assert refresh(api, first, **{"Idempotency-Key": "short"}).status_code == 400


def test_who_repeats_after_the_successor_was_used_comes_too_late(api: Api) -> None:
    first = api.signed_in()
    second = refreshed(api, first, **KEY)
    refreshed(api, second, **KEY)
    assert refresh(api, first, **KEY).status_code == 400
    assert how_it_ended(api, first) == "refresh_reuse"


def test_a_session_that_has_ended_repeats_nothing(api: Api) -> None:
    first = api.signed_in()
    second = refreshed(api, first, **KEY)
    assert api.as_user("POST", "/auth/logout", second).status_code == 204
    assert refresh(api, first, **KEY).status_code == 400
    assert how_it_ended(api, first) == "logout"


def test_another_clients_attempt_spends_nothing(api: Api) -> None:
    tokens = api.signed_in()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert api.http.post("/auth/token", data={**form, "client_id": "mobile"}).status_code == 400
    assert api.http.post("/auth/token", data={**form, "client_id": "web"}).status_code == 200


def test_within_the_grace_there_is_one_successor_at_every_process(two: tuple[Api, Api]) -> None:
    one, other = two
    first = one.signed_in()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: refresh(two[number % 2], first), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    second = refreshed(other, answers[0].json())
    assert how_it_ended(one, first) is None
    assert refresh(one, first).status_code == 400, "a third token is there"
    assert refresh(one, second).status_code == 400
    assert how_it_ended(one, first) == "refresh_reuse"


def test_after_the_grace_the_family_ends(two: tuple[Api, Api]) -> None:
    one, other = two
    first = one.signed_in()
    refreshed(one, first)
    over = time.monotonic() + 2.1
    wait_until(lambda: time.monotonic() > over, "the end of the grace")
    assert refresh(other, first).status_code == 400
    assert how_it_ended(one, first) == "refresh_reuse"


@pytest.mark.parametrize(
    ("grace", "keyed", "age", "key", "allowed"),
    [
        (0, 60, 0, None, False),
        (0, 60, -0.01, None, False),
        (0, 60, 59, b"k", True),
        (0, 60, 61, b"k", False),
        (0, 0, 0, b"k", False),
        (0, 60, 1, b"x", False),
        (5, 60, 5, None, True),
        (5, 60, 5.1, None, False),
        (5, 60, 5.1, b"x", False),
        (90, 60, 89, b"k", True),
    ],
)
def test_what_may_be_repeated(grace: float, keyed: float, age: float, key: bytes | None, allowed: bool) -> None:
    used = datetime(2026, 1, 1, tzinfo=UTC)
    assert Repeats(grace, keyed).allowed(used, b"k", key, used + timedelta(seconds=age)) is allowed
    assert not Repeats(0, keyed).allowed(used, None, key, used + timedelta(seconds=age))


def test_a_seal_opens_with_its_token_alone() -> None:
    token, other, successor = opaque.new(), opaque.new(), opaque.new()
    seal = opaque.sealed(successor, token)
    assert opaque.unsealed(seal, token) == successor
    assert opaque.unsealed(seal, other) != successor
    assert successor.encode() not in seal
