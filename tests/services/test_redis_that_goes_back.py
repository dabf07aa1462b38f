"""A Redis that becomes a copy of an older one while auth is connected to it, as in a fail-over."""

from __future__ import annotations

from typing import Any

import redis

from tests.services.auth_api import Api, auth_environment
from tests.services.servers import MakeDatabase, MakeRedis, Redis, StartService, wait_until


def follow(replica: Redis, primary: Redis) -> None:
    """``replica`` holds what ``primary`` holds, and is nobody's replica afterwards."""
    with redis.Redis.from_url(replica.url, decode_responses=True) as client:
        client.config_set("repl-diskless-load", "swapdb")
        client.replicaof("127.0.0.1", primary.port)
        wait_until(lambda: client.info("replication").get("master_link_status") == "up", "the copy is complete")
        client.replicaof("no", "one")


def test_an_older_copy_that_takes_over_revives_no_session(
    start_service: StartService, make_database: MakeDatabase, make_redis: MakeRedis
) -> None:
    store, older = make_redis(), make_redis()
    api = Api(start_service("auth", auth_environment(make_database("auth", migrate="auth"), store.url)).url)
    ended, kept = api.make_session(), api.make_session()
    follow(older, store)
    revoked = api.admin("POST", f"/admin/sessions/{ended['session']['session_id']}/revoke", json={})
    assert revoked.status_code == 200
    with redis.Redis.from_url(store.url, decode_responses=True) as client:
        # Without a file: the next Redis of the tests would begin with it.
        client.config_set("repl-diskless-load", "swapdb")
        client.replicaof("127.0.0.1", older.port)
        answers: list[Any] = []

        def is_copy() -> bool:
            answers.append(api.validate(ended["session_token"])["reason"])
            return bool(client.info("replication").get("master_link_status") == "up")

        wait_until(is_copy, "the older copy has taken over")
        answers.append(api.validate(ended["session_token"])["reason"])
        client.replicaof("no", "one")
    wait_until(lambda: api.validate(kept["session_token"])["source"] == "redis", "Redis is trusted again")
    answers.append(api.validate(ended["session_token"])["reason"])
    assert set(answers) == {"revoked"}
    assert api.validate(kept["session_token"])["valid"]
