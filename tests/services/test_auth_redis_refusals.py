"""A Redis that answers but refuses what it is told, and one whose list of a user's sessions is none (M08.2, M13.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from tests.services.auth_api import Api, auth_environment
from tests.services.servers import MakeDatabase, MakeRedis, Service, StartService, wait_until


@dataclass
class Setting:
    """An auth service with a Redis of its own."""

    service: Service
    api: Api
    store: Any

    def refuse_writes(self, refuse: bool) -> None:
        """As a primary without replicas does that was told not to write without any."""
        self.store.config_set("min-replicas-to-write", int(refuse))

    def wait_until_redis_is_trusted(self) -> None:
        token = self.api.make_session()["session_token"]
        wait_until(lambda: self.api.validate(token)["source"] == "redis", "Redis is trusted")

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self.service.log().splitlines())
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def setting(start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis) -> Iterator[Setting]:
    url = make_redis().url
    service = start_service("auth", auth_environment(make_database("auth", migrate="auth"), url))
    with redis.Redis.from_url(url, decode_responses=True) as store:
        yield Setting(service, Api(service.url), store)


def test_what_redis_refuses_to_forget_is_not_asked_of_it(setting: Setting) -> None:
    made = setting.api.make_session()
    setting.refuse_writes(True)
    setting.api.admin("POST", f"/admin/sessions/{made['session']['session_id']}/revoke", json={})
    assert setting.api.validate(made["session_token"])["reason"] == "revoked"
    setting.refuse_writes(False)
    setting.wait_until_redis_is_trusted()
    assert setting.api.validate(made["session_token"])["reason"] == "revoked"
    assert not setting.store.exists(f"session:{made['session']['session_id']}")


def test_a_token_is_replaced_even_where_redis_refuses_to_hear_of_it(setting: Setting) -> None:
    made = setting.api.make_session()
    setting.refuse_writes(True)
    body = {"session_token": made["session_token"]}
    token = setting.api.admin("POST", "/admin/sessions/refresh", json=body).json()["session_token"]
    assert setting.api.validate(made["session_token"])["reason"] == "not_found"
    assert setting.api.validate(token)["valid"]
    setting.refuse_writes(False)
    setting.wait_until_redis_is_trusted()
    assert setting.api.validate(made["session_token"])["reason"] == "not_found"
    assert setting.api.validate(token)["valid"]


def test_a_list_that_is_none_is_put_aside_by_whoever_meets_it(setting: Setting) -> None:
    made, other = setting.api.make_session(), setting.api.make_session()
    ids = [(one["session"]["session_id"], one["session"]["user_id"]) for one in (made, other)]
    for _, user_id in ids:
        setting.store.set(f"user:{user_id}:sessions", "no list")
    setting.api.admin("POST", f"/admin/sessions/{ids[0][0]}/revoke", json={})
    setting.api.admin("POST", f"/admin/sessions/{ids[1][0]}/activity")
    assert not setting.store.exists(f"user:{ids[0][1]}:sessions")
    assert setting.store.zrange(f"user:{ids[1][1]}:sessions", 0, -1) == [ids[1][0]]
    for _, user_id in ids:
        assert setting.store.get(f"quarantine:user:{user_id}:sessions") == "no list"
        assert 0 < setting.store.ttl(f"quarantine:user:{user_id}:sessions") <= 86400
    assert [line["user_id"] for line in setting.logged("session_list_quarantined")] == [user_id for _, user_id in ids]
    assert setting.api.validate(made["session_token"])["reason"] == "revoked"
    assert setting.api.validate(other["session_token"])["source"] == "redis"


def test_a_list_that_is_none_does_not_keep_redis_from_being_trusted(setting: Setting) -> None:
    made = setting.api.make_session()["session"]
    setting.refuse_writes(True)
    setting.api.admin("POST", f"/admin/sessions/{made['session_id']}/revoke", json={})
    setting.refuse_writes(False)
    setting.store.set(f"user:{made['user_id']}:sessions", "no list")
    setting.service.kill()
    setting.service.start()
    setting.wait_until_redis_is_trusted()
