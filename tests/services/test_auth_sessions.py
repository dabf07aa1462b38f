"""The session manager over HTTP, on real Redis and PostgreSQL (requirements M02–M13)."""

from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.services.auth_api import Api, start_auth
from tests.services.servers import MakeDatabase, Servers, Service, StartService, wait_until

LIMIT = 3


@pytest.fixture(scope="module")
def service(start_module_service: StartService, servers: Servers, make_database: MakeDatabase) -> Service:
    return start_auth(start_module_service, servers, make_database, SESSION_LIMIT=str(LIMIT), SESSION_SWEEP="0")


@pytest.fixture(scope="module")
def api(service: Service) -> Iterator[Api]:
    api = Api(service.url)
    yield api
    api.http.close()


@pytest.fixture(scope="module")
def store(servers: Servers) -> Iterator[Any]:
    client = redis.Redis.from_url(servers.redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.mark.parametrize("kind", ["WEB", "MOBILE", "API", "SSO"])
def test_every_type_of_session_is_made_and_valid(api: Api, store: Any, kind: str) -> None:
    made = api.make_session(kind=kind, metadata={"naïve": "☃ 𝄞", "n": [1, {"deep": None}]}, device="phone")
    verdict = api.validate(made["session_token"])
    assert (verdict["valid"], verdict["reason"], verdict["source"]) == (True, None, "redis")
    assert verdict["session"] == made["session"] == api.session(made["session"]["session_id"])
    assert (made["session"]["type"], made["session"]["metadata"]["naïve"]) == (kind, "☃ 𝄞")
    sid, user_id = made["session"]["session_id"], made["session"]["user_id"]
    document = json.loads(store.get(f"session:{sid}"))
    assert {name: document[name] for name in made["session"]} == made["session"]
    assert 1795 <= store.ttl(f"session:{sid}") <= 1800
    assert store.zrange(f"user:{user_id}:sessions", 0, -1) == [sid]
    assert api.events(sid) == ["created"]


def test_nothing_that_is_stored_is_the_token(api: Api, store: Any) -> None:
    made = api.make_session()
    everything = " ".join(store.scan_iter("session:*"))
    everything += store.get(f"session:{made['session']['session_id']}")
    for secret in (made["session_token"], made["refresh_token"], made["access_token"]):
        assert secret not in everything


def test_login_sessions_are_sessions_of_the_manager_too(api: Api, store: Any) -> None:
    tokens = api.signed_in(device="laptop", metadata={"tab": 1}, fingerprint={"screen": "4k", "tz": "UTC"})
    session = api.session(tokens["session_id"])
    assert (session["type"], session["device"], session["metadata"], session["origin"]) == (
        "WEB",
        "laptop",
        {"tab": 1},
        "password",
    )
    assert store.exists(f"session:{tokens['session_id']}")


def test_tokens_and_ids_are_unique(api: Api) -> None:
    users = api.batch(200)
    assert len({user["session_id"] for user in users}) == len({user["refresh_token"] for user in users}) == 200


def test_a_thousand_users_come_signed_in(api: Api, store: Any) -> None:
    users = api.batch(1000)
    assert len({user["email"] for user in users}) == 1000
    last = users[-1]
    assert api.as_user("GET", "/users/me", last).json()["plan"] == "bulk"
    assert store.exists(f"session:{last['session_id']}")


def test_the_oldest_session_goes_at_the_limit(api: Api) -> None:
    user_id = api.batch(1, login=False)[0]["id"]
    made = [api.make_session(user_id) for _ in range(LIMIT + 1)]
    verdicts = [api.validate(one["session_token"]) for one in made]
    assert [verdict["reason"] for verdict in verdicts] == ["revoked"] + [None] * LIMIT
    assert api.session(made[0]["session"]["session_id"])["revoke_reason"] == "limit"
    assert api.as_user("GET", "/users/me", made[0]).json()["code"] == "session_revoked"


def test_twenty_parallel_logins_never_exceed_the_limit(api: Api) -> None:
    user_id = api.batch(1, login=False)[0]["id"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: api.make_session(user_id), range(20)))
    active = api.admin("GET", f"/admin/users/{user_id}/sessions").json()["sessions"]
    newest = sorted((one["session"] for one in made), key=lambda session: str(session["created_at"]))[-LIMIT:]
    assert [one["session_id"] for one in active] == [one["session_id"] for one in newest]
    everything = api.admin("GET", f"/admin/users/{user_id}/sessions", params={"include_expired": True}).json()
    assert [one["revoke_reason"] for one in everything["sessions"]].count("limit") == 20 - LIMIT


def test_an_expired_session_makes_room_without_being_revoked(api: Api) -> None:
    user_id = api.batch(1, login=False)[0]["id"]
    short = api.make_session(user_id, absolute_ttl=0.05)["session"]
    wait_until(lambda: api.session(short["session_id"])["status"] == "expired", "the session has expired")
    for _ in range(LIMIT):
        api.make_session(user_id)
    assert api.events(short["session_id"]) == ["created", "expired"]
    assert len(api.admin("GET", f"/admin/users/{user_id}/sessions").json()["sessions"]) == LIMIT


def test_a_fingerprint_binds(api: Api) -> None:
    bound = api.make_session(fingerprint={"screen": "4k", "tz": "UTC"})["session_token"]
    assert api.validate(bound, fingerprint={"tz": "UTC", "screen": "4k"})["valid"]
    for shown in ({"tz": "UTC", "screen": "hd"}, "4k", {}):
        assert api.validate(bound, fingerprint=shown)["reason"] == "fingerprint_mismatch"
    assert api.validate(bound)["reason"] == "fingerprint_mismatch"
    free = api.make_session()["session_token"]
    assert api.validate(free, fingerprint="anything")["valid"]


def test_a_device_that_states_no_traits_binds_as_well(api: Api) -> None:
    made = api.make_session(fingerprint={})["session_token"]
    assert api.validate(made, fingerprint={})["valid"]
    assert api.validate(made)["reason"] == "fingerprint_mismatch"
    tokens = api.signed_in(fingerprint={})
    assert api.session(tokens["session_id"])["fingerprint"] is not None


def test_an_unknown_token_is_not_found(api: Api) -> None:
    for token in ("x", "☃", "A" * 43, "a" * 8000):
        assert api.validate(token) == {"valid": False, "reason": "not_found", "source": "database", "session": None}


def test_expiry_agrees_in_redis_validation_record_and_token(api: Api, store: Any) -> None:
    made = api.make_session(idle_ttl=1)
    sid = made["session"]["session_id"]
    assert 0 < store.pttl(f"session:{sid}") <= 1000
    verdict = wait_until(lambda: (v := api.validate(made["session_token"]))["reason"] and v, "it expires")
    assert verdict["reason"] == "expired"
    assert api.session(sid)["status"] == "expired"
    assert not store.exists(f"session:{sid}")
    wait_until(lambda: api.as_user("GET", "/users/me", made).status_code == 401, "the bearer is refused")
    answer = api.as_user("GET", "/users/me", made)
    assert answer.json()["code"] in ("token_expired", "session_expired")


def test_activity_extends_idle_and_never_absolute(api: Api, store: Any) -> None:
    made = api.make_session(idle_ttl=100, absolute_ttl=100.05)["session"]
    store.pexpire(f"session:{made['session_id']}", 5000)
    first = api.admin("POST", f"/admin/sessions/{made['session_id']}/activity").json()
    second = api.admin("POST", f"/admin/sessions/{made['session_id']}/activity").json()
    assert (first["access_count"], second["access_count"]) == (1, 2)
    assert made["last_activity"] < first["last_activity"] < second["last_activity"]
    assert made["idle_expires_at"] < second["idle_expires_at"] <= second["absolute_expires_at"]
    assert second["absolute_expires_at"] == made["absolute_expires_at"]
    assert store.pttl(f"session:{made['session_id']}") > 90_000

    def at_its_end() -> bool:
        record = api.admin("POST", f"/admin/sessions/{made['session_id']}/activity").json()
        return bool(record["idle_expires_at"] == made["absolute_expires_at"])

    wait_until(at_its_end, "the absolute expiry bounds the idle one")
    assert at_its_end()


def test_activity_of_what_is_not_active_is_refused(api: Api) -> None:
    made = api.make_session()["session"]["session_id"]
    api.admin("POST", f"/admin/sessions/{made}/revoke", json={"reason": "test"})
    answer = api.admin("POST", f"/admin/sessions/{made}/activity")
    assert (answer.status_code, answer.json()["code"]) == (409, "session_revoked")
    unknown = api.admin("POST", "/admin/sessions/00000000-0000-4000-8000-000000000000/activity")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("extend", [True, False])
def test_refresh_replaces_the_token_at_once(api: Api, store: Any, extend: bool) -> None:
    made = api.make_session()
    body = {"session_token": made["session_token"], "extend": extend}
    answer = api.admin("POST", "/admin/sessions/refresh", json=body).json()
    assert api.validate(made["session_token"])["reason"] == "not_found"
    assert api.validate(answer["session_token"])["valid"]
    assert answer["session"]["refresh_count"] == 1
    assert (answer["session"]["idle_expires_at"] > made["session"]["idle_expires_at"]) is extend
    again = api.admin("POST", "/admin/sessions/refresh", json=body)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert api.events(made["session"]["session_id"]) == ["created", "refreshed"]


def test_an_old_token_stays_dead_though_its_key_comes_back(api: Api, store: Any, service: Service) -> None:
    made = api.make_session()
    [key] = [key for key in store.scan_iter("session:token:*") if store.get(key) == made["session"]["session_id"]]
    api.admin("POST", "/admin/sessions/refresh", json={"session_token": made["session_token"]})
    store.set(key, made["session"]["session_id"])
    assert api.validate(made["session_token"])["reason"] == "not_found"


def test_revocation_reaches_every_view_and_keeps_its_reason(api: Api, store: Any) -> None:
    made = api.make_session()
    sid = made["session"]["session_id"]
    record = api.admin("POST", f"/admin/sessions/{sid}/revoke", json={"reason": "stolen"}).json()
    assert (record["status"], record["revoke_reason"]) == ("revoked", "stolen")
    verdict = api.validate(made["session_token"])
    assert (verdict["valid"], verdict["reason"]) == (False, "revoked")
    assert (store.exists(f"session:{sid}"), store.get(f"session:revoked:{sid}")) == (0, "stolen")
    assert store.zrange(f"user:{record['user_id']}:sessions", 0, -1) == []
    assert api.admin("POST", f"/admin/sessions/{sid}/revoke", json={"reason": "again"}).json() == record
    assert api.events(sid) == ["created", "revoked"]


def test_what_had_expired_is_not_called_revoked_afterwards(api: Api) -> None:
    made = api.make_session(absolute_ttl=0.05)
    sid = made["session"]["session_id"]
    body = {"refresh_token": made["refresh_token"]}
    api.http.post("/auth/refresh", json=body)
    expired = wait_until(lambda: (r := api.session(sid))["status"] == "expired" and r, "the session has expired")
    assert api.admin("POST", f"/admin/sessions/{sid}/revoke").json() == expired
    assert api.http.post("/auth/refresh", json=body).json()["error"] == "invalid_grant"
    assert api.session(sid) == expired


def test_all_sessions_of_a_user_but_one_are_revoked_and_counted(api: Api) -> None:
    user_id = api.batch(1, login=False)[0]["id"]
    made = [api.make_session(user_id) for _ in range(3)]
    keep = made[1]["session"]["session_id"]
    body = {"reason": "test", "except_session_id": keep}
    assert api.admin("POST", f"/admin/users/{user_id}/sessions/revoke", json=body).json() == {"revoked": 2}
    listed = api.admin("GET", f"/admin/users/{user_id}/sessions").json()["sessions"]
    assert [one["session_id"] for one in listed] == [keep]
    assert api.admin("POST", f"/admin/users/{user_id}/sessions/revoke", json={}).json() == {"revoked": 1}
    assert api.admin("POST", f"/admin/users/{user_id}/sessions/revoke", json={}).json() == {"revoked": 0}


def test_own_sessions_are_listed_and_ended_but_not_those_of_others(api: Api) -> None:
    tokens = api.signed_in()
    other = api.login(tokens["user"]["email"])
    stranger = api.signed_in()
    listed = api.as_user("GET", "/auth/sessions", tokens).json()["sessions"]
    assert {(one["session_id"], one["current"]) for one in listed} == {
        (tokens["session_id"], True),
        (other["session_id"], False),
    }
    foreign = api.as_user("DELETE", f"/auth/sessions/{other['session_id']}", stranger)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    assert api.as_user("GET", "/users/me", other).status_code == 200
    assert api.as_user("DELETE", f"/auth/sessions/{other['session_id']}", tokens).status_code == 204
    assert api.as_user("GET", "/users/me", other).status_code == 401
    third = api.login(tokens["user"]["email"])
    assert api.as_user("POST", "/auth/sessions/revoke-others", tokens).json() == {"revoked": 1}
    assert api.as_user("GET", "/users/me", third).status_code == 401
    assert api.as_user("GET", "/users/me", tokens).status_code == 200


def test_cleanup_counts_what_it_really_removed(api: Api, store: Any) -> None:
    api.admin("POST", "/admin/sessions/cleanup")
    made = [api.make_session(absolute_ttl=0.05)["session"] for _ in range(3)]
    live = api.make_session()
    wait_until(lambda: api.session(made[-1]["session_id"])["status"] == "expired", "the last one has expired")
    store.set(f"session:{made[0]['session_id']}", "left over")
    counts = api.admin("POST", "/admin/sessions/cleanup").json()
    assert counts == {"expired": 3, "removed_keys": 1, "errors": 0}
    assert api.admin("POST", "/admin/sessions/cleanup").json() == {"expired": 0, "removed_keys": 0, "errors": 0}
    assert not store.exists(f"user:{made[0]['user_id']}:sessions")
    assert api.validate(live["session_token"])["valid"]
    assert api.events(made[0]["session_id"]) == ["created", "expired"]


def test_analytics_follow_what_happens(api: Api) -> None:
    before = api.admin("GET", "/admin/sessions/analytics").json()
    made = [api.make_session(kind="MOBILE") for _ in range(2)]
    api.admin("POST", f"/admin/sessions/{made[0]['session']['session_id']}/revoke", json={})
    after = api.admin("GET", "/admin/sessions/analytics").json()
    assert after["active"] == before["active"] + 1
    assert after["by_type"]["MOBILE"] == before["by_type"].get("MOBILE", 0) + 1
    assert after["by_status"]["revoked"] == before["by_status"].get("revoked", 0) + 1
    assert after["users"] == before["users"] + 1


def test_a_lock_has_one_owner_and_an_end(api: Api) -> None:
    owner = api.admin("POST", "/admin/locks/job-1", json={"ttl": 60}).json()["owner"]
    held = api.admin("POST", "/admin/locks/job-1", json={"ttl": 60})
    assert (held.status_code, held.json()["code"]) == (409, "locked")
    stranger = api.admin("DELETE", "/admin/locks/job-1", json={"owner": "somebody"})
    assert (stranger.status_code, stranger.json()["code"]) == (409, "not_owner")
    assert api.admin("DELETE", "/admin/locks/job-1", json={"owner": owner}).status_code == 204
    first = api.admin("POST", "/admin/locks/job-1", json={"ttl": 0.1}).json()["owner"]
    taken = wait_until(lambda: api.admin("POST", "/admin/locks/job-1", json={"ttl": 60}).json().get("owner"), "it ends")
    assert api.admin("DELETE", "/admin/locks/job-1", json={"owner": first}).status_code == 409
    assert api.admin("DELETE", "/admin/locks/job-1", json={"owner": taken}).status_code == 204


def test_migration_to_sso_keeps_user_and_data_and_ends_the_old_session(api: Api) -> None:
    old = api.make_session(metadata={"cart": 3}, device="kiosk 7")
    path = f"/admin/sessions/{old['session']['session_id']}/migrate"
    answer = api.admin("POST", path, json={"type": "SSO", "metadata": {"idp": "corp"}})
    assert answer.status_code == 201
    new = answer.json()["session"]
    assert (new["type"], new["user_id"]) == ("SSO", old["session"]["user_id"])
    assert (new["metadata"], new["device"]) == ({"cart": 3, "idp": "corp"}, "kiosk 7")
    assert api.validate(answer.json()["session_token"])["valid"]
    ended = api.validate(old["session_token"])
    assert (ended["reason"], ended["session"]["revoke_reason"]) == ("revoked", "migrated")
    assert api.admin("POST", path, json={"type": "SSO"}).json()["code"] == "session_revoked"
    unknown = api.admin("POST", "/admin/sessions/00000000-0000-4000-8000-000000000000/migrate", json={})
    assert unknown.status_code == 404


@pytest.mark.parametrize("damage", ["not json", "[]", "{}", '{"session_id": "other"}', "null", "\x00", "[" * 5000])
def test_a_damaged_document_is_put_aside_and_the_record_answers(api: Api, store: Any, damage: str) -> None:
    made = api.make_session()
    sid = made["session"]["session_id"]
    store.set(f"session:{sid}", damage)
    verdict = api.validate(made["session_token"])
    assert (verdict["valid"], verdict["source"]) == (True, "database")
    assert store.get(f"quarantine:session:{sid}") == damage
    assert api.validate(made["session_token"])["source"] == "redis"
    assert api.events(sid) == ["created", "quarantined"]


def test_a_document_of_another_session_is_nobodys(api: Api, store: Any) -> None:
    mine, theirs = api.make_session(), api.make_session()
    document = store.get(f"session:{theirs['session']['session_id']}")
    store.set(f"session:{mine['session']['session_id']}", document)
    verdict = api.validate(mine["session_token"])
    assert (verdict["session"]["user_id"], verdict["source"]) == (mine["session"]["user_id"], "database")


def test_a_key_of_another_type_is_no_outage(api: Api, store: Any) -> None:
    made = api.make_session()
    sid = made["session"]["session_id"]
    store.delete(f"session:{sid}")
    store.hset(f"session:{sid}", "field", "value")
    assert api.validate(made["session_token"])["valid"]
    assert api.as_user("GET", "/users/me", made).status_code == 200


def test_a_document_that_is_no_text_is_put_aside_too(api: Api, store: Any) -> None:
    made = api.make_session()
    sid = made["session"]["session_id"]
    store.set(f"session:{sid}", b"\xff\xfe")
    verdict = api.validate(made["session_token"])
    assert (verdict["valid"], verdict["source"]) == (True, "database")
    assert store.exists(f"quarantine:session:{sid}")
    assert api.validate(made["session_token"])["source"] == "redis"
    assert api.events(sid) == ["created", "quarantined"]


def test_a_damaged_document_without_a_record_is_malformed(api: Api, store: Any) -> None:
    made = api.make_session()
    sid, user_id = made["session"]["session_id"], made["session"]["user_id"]
    [key] = [key for key in store.scan_iter("session:token:*") if store.get(key) == sid]
    assert api.admin("DELETE", f"/admin/users/{user_id}").status_code == 204
    store.set(key, sid)
    store.set(f"session:{sid}", "damaged")
    verdict = api.validate(made["session_token"])
    assert (verdict["valid"], verdict["reason"]) == (False, "malformed")


def test_metadata_up_to_a_megabyte_is_kept_and_more_is_refused(api: Api) -> None:
    big = {"text": "é" * 500_000}
    made = api.make_session(metadata=big)
    assert api.validate(made["session_token"])["session"]["metadata"] == big
    user_id = made["session"]["user_id"]
    body = {"user_id": user_id, "type": "WEB", "metadata": {"text": "é" * 525_000}}
    answer = api.admin("POST", "/admin/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_a_flushed_redis_is_filled_again_from_the_record(api: Api, store: Any) -> None:
    made = api.make_session()
    sid = made["session"]["session_id"]
    for key in store.scan_iter("session:*"):
        store.delete(key)
    assert api.validate(made["session_token"])["source"] == "database"
    assert api.validate(made["session_token"])["source"] == "redis"
    assert store.exists(f"session:{sid}")


def test_a_damaged_document_is_reported_too_where_a_bearer_meets_it(api: Api, store: Any) -> None:
    made = api.make_session()
    sid = made["session"]["session_id"]
    store.set(f"session:{sid}", "damaged")
    assert api.as_user("GET", "/users/me", made).status_code == 200
    assert store.get(f"quarantine:session:{sid}") == "damaged"
    assert api.events(sid) == ["created", "quarantined"]


def test_a_migration_makes_no_metadata_that_is_too_large(api: Api) -> None:
    made = api.make_session(metadata={"old": "x" * 600_000})
    path = f"/admin/sessions/{made['session']['session_id']}/migrate"
    answer = api.admin("POST", path, json={"metadata": {"new": "x" * 600_000}})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert api.session(made["session"]["session_id"]) == made["session"]
    assert api.admin("POST", path, json={"metadata": {"old": "x" * 600_000}}).status_code == 201
