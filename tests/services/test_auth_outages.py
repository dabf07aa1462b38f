"""Auth without Redis, without PostgreSQL, and when they come back (M01, M02.8, M03.5, M13.1)."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import Any

import psycopg
import redis

from services.auth.redis_link import RedisLink
from tests.services import servers as real
from tests.services.auth_api import PASSWORD, Api, auth_environment
from tests.services.servers import MakeDatabase, MakePostgres, MakeRedis, Postgres, Redis, StartService, wait_until


def dependencies(api: Api) -> Any:
    return api.http.get("/health").json()["dependencies"]


def test_it_starts_without_anything_and_finds_what_comes(
    start_service: StartService, make_database: MakeDatabase, make_postgres: MakePostgres
) -> None:
    postgres, store = make_postgres(), Redis()
    real.migrate("auth", postgres.url("postgres"))
    postgres.stop()
    service = start_service("auth", auth_environment(postgres.url("postgres"), store.url))
    api = Api(service.url)
    assert dependencies(api) == {"database": "down", "redis": "down"}
    assert [
        line["missing"] for line in map(json.loads, service.log().splitlines()) if line["event"] == "started_without"
    ] == [["database", "redis"]]
    body = {"email": "ada@example.test", "password": PASSWORD, "name": "Ada"}
    for answer in (api.http.post("/auth/signup", json=body), api.http.get("/.well-known/jwks.json")):
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["Retry-After"] == "1"
    postgres.start()
    wait_until(lambda: dependencies(api)["database"] == "up", "PostgreSQL is found")
    wait_until(lambda: api.http.get("/.well-known/jwks.json").status_code == 200, "keys are published")
    tokens = api.signed_in()
    assert api.as_user("GET", "/users/me", tokens).status_code == 200
    begun = api.http.get("/auth/google", params=_login_request())
    assert (begun.status_code, begun.json()["code"]) == (503, "redis_unavailable")
    try:
        store.start()
        wait_until(lambda: dependencies(api)["redis"] == "up", "Redis is found")
        # It is up at once, and trusted when what changed meanwhile is purged from it.
        wait_until(lambda: api.validate(api.make_session()["session_token"])["source"] == "redis", "Redis is trusted")
    finally:
        store.kill()


def test_one_lost_connection_is_no_outage(start_service: StartService, make_database: MakeDatabase) -> None:
    """Not even that by which auth asks how its database is: an administrator ends it, or a firewall."""
    url = make_database("auth", "auth")
    service = start_service("auth", auth_environment(url, "redis://127.0.0.1:1"))
    api = Api(service.url)
    wait_until(lambda: dependencies(api)["database"] == "up", "PostgreSQL is found")
    with psycopg.connect(url, autocommit=True) as admin:
        probe = "application_name = 'auth-probe' AND datname = current_database()"
        pids = admin.execute(f"SELECT pid FROM pg_stat_activity WHERE {probe}").fetchall()
        ended = admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {probe}").fetchall()
        assert ended == [(True,)]
        renewed = f"SELECT pid FROM pg_stat_activity WHERE {probe}"
        wait_until(lambda: admin.execute(renewed).fetchall() not in (pids, []), "auth asks on a new connection")
    assert not [line for line in map(json.loads, service.log().splitlines()) if line["event"] == "database_down"]


def _login_request() -> dict[str, str]:
    return {
        "client_id": "web",
        "redirect_uri": "https://127.0.0.1:8443/login/callback",
        "state": "s",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }


def test_everything_but_locks_and_the_provider_works_without_redis(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    store = make_redis()
    api = Api(start_service("auth", auth_environment(make_database("auth", migrate="auth"), store.url)).url)
    live, doomed = api.make_session(), api.make_session()
    store.kill()
    assert api.validate(live["session_token"]) == {
        "valid": True,
        "reason": None,
        "source": "database",
        "session": live["session"],
    }
    sid = doomed["session"]["session_id"]
    assert api.admin("POST", f"/admin/sessions/{sid}/revoke", json={}).json()["status"] == "revoked"
    verdict = api.validate(doomed["session_token"])
    assert (verdict["valid"], verdict["reason"], verdict["source"]) == (False, "revoked", "database")
    assert api.as_user("GET", "/users/me", doomed).json()["code"] == "session_revoked"
    tokens = api.signed_in()
    assert api.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 200
    assert api.validate(api.make_session()["session_token"])["valid"]
    assert api.admin("POST", "/admin/sessions/cleanup").status_code == 200
    locked = api.admin("POST", "/admin/locks/job", json={"ttl": 1})
    assert (locked.status_code, locked.json()["code"]) == (503, "redis_unavailable")


def test_cleanup_counts_the_keys_it_could_not_remove(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    store = make_redis()
    api = Api(start_service("auth", auth_environment(make_database("auth", migrate="auth"), store.url)).url)
    made = api.make_session(absolute_ttl=0.1)["session"]
    store.kill()
    wait_until(lambda: api.session(made["session_id"])["status"] == "expired", "it has expired")
    assert api.admin("POST", "/admin/sessions/cleanup").json() == {"expired": 1, "removed_keys": 0, "errors": 1}


def test_a_redis_that_was_unreachable_is_caught_up_before_it_is_trusted(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    """A pause keeps its old contents, as a cut network does: the worst case for a revocation meanwhile."""
    store = make_redis()
    service = start_service("auth", auth_environment(make_database("auth", migrate="auth"), store.url))
    api = Api(service.url)
    revoked, replaced = api.make_session(), api.make_session()
    assert store.process is not None
    store.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        api.admin("POST", f"/admin/sessions/{revoked['session']['session_id']}/revoke", json={})
        assert time.monotonic() - started < 5
        body = {"session_token": replaced["session_token"]}
        token = api.admin("POST", "/admin/sessions/refresh", json=body).json()["session_token"]
    finally:
        store.process.send_signal(signal.SIGCONT)
    wait_until(lambda: dependencies(api)["redis"] == "up", "Redis is back")
    assert api.validate(revoked["session_token"])["reason"] == "revoked"
    assert api.validate(replaced["session_token"])["reason"] == "not_found"
    assert api.validate(token)["valid"]
    client = redis.Redis.from_url(store.url)
    wait_until(lambda: not client.exists(f"session:{revoked['session']['session_id']}"), "the old document is gone")
    client.close()


def test_what_changed_while_redis_was_frozen_is_not_told_as_it_was_before(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    store = make_redis()
    api = Api(start_service("auth", auth_environment(make_database("auth", migrate="auth"), store.url)).url)
    active, rotated = api.make_session(), api.make_session()
    assert store.process is not None
    store.process.send_signal(signal.SIGSTOP)
    try:
        api.validate(active["session_token"])
        api.admin("POST", f"/admin/sessions/{active['session']['session_id']}/activity")
        assert api.http.post("/auth/refresh", json={"refresh_token": rotated["refresh_token"]}).status_code == 200
    finally:
        store.process.send_signal(signal.SIGCONT)
    wait_until(
        lambda: api.admin("POST", "/admin/locks/trusted", json={"ttl": 0.01}).status_code != 503, "Redis is trusted"
    )
    assert api.validate(active["session_token"])["session"]["access_count"] == 1
    assert api.validate(rotated["session_token"])["session"]["refresh_count"] == 1
    assert api.validate(active["session_token"])["source"] == "redis"


def test_what_ends_while_redis_is_being_caught_up_is_caught_up_as_well(make_redis: MakeRedis) -> None:
    """A session may end between the last look for such sessions and the moment at which Redis is trusted."""
    trusted = []

    async def watched() -> None:
        link, looked_twice = RedisLink(make_redis().url), asyncio.Event()

        async def catch_up(_client: object) -> None:
            trusted.append(link.up.is_set())
            if len(trusted) == 2:
                looked_twice.set()

        async def has_heard(_client: object) -> bool:
            return True

        watching = asyncio.create_task(link.watch(catch_up, has_heard))
        await asyncio.wait_for(looked_twice.wait(), 10)
        watching.cancel()

    asyncio.run(watched())
    assert trusted == [False, True]


def test_a_purge_that_was_cut_off_by_a_crash_is_done_at_the_next_start(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    store, database = make_redis(), make_database("auth", migrate="auth")
    service = start_service("auth", auth_environment(database, store.url))
    api = Api(service.url)
    made = api.make_session()
    sid, user_id = made["session"]["session_id"], made["session"]["user_id"]
    service.kill()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE sessions SET status = 'revoked', revoke_reason = 'x' WHERE id = %s", (sid,))
        connection.execute("INSERT INTO cache_purges VALUES (%s, %s, NULL, 'x')", (sid, user_id))
    service.start()
    assert api.validate(made["session_token"])["reason"] == "revoked"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM cache_purges").fetchone() == (0,)


def test_postgres_comes_back_and_nothing_hangs_meanwhile(
    start_service: StartService, make_postgres: MakePostgres, make_redis: MakeRedis
) -> None:
    postgres: Postgres = make_postgres()
    real.migrate("auth", postgres.url("postgres"))
    api = Api(start_service("auth", auth_environment(postgres.url("postgres"), make_redis().url)).url)
    made = api.make_session()
    postgres.stop()
    wait_until(lambda: dependencies(api)["database"] == "down", "the loss is noticed")
    started = time.monotonic()
    answer = api.admin("GET", f"/admin/sessions/{made['session']['session_id']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    oauth = api.http.post("/auth/revoke", data={"token": made["refresh_token"]})
    assert (oauth.status_code, oauth.json()["error"]) == (503, "temporarily_unavailable")
    assert time.monotonic() - started < 5
    assert api.validate(made["session_token"])["source"] == "redis"
    assert api.admin("POST", "/auth/introspect", data={"token": made["access_token"]}).json()["active"] is True
    assert api.http.get("/health").status_code == 200
    postgres.start()
    wait_until(lambda: dependencies(api)["database"] == "up", "it is found again")
    assert api.session(made["session"]["session_id"])["status"] == "active"
    assert api.as_user("GET", "/users/me", made).status_code == 200
