"""The backend beside the real auth, and without each of its neighbours in turn."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from tests.services.auth_api import Api, auth_environment
from tests.services.backend_kit import KeyServer, Person, Replicas, Tab, start_replicas, tab
from tests.services.servers import (
    MakeDatabase,
    MakePostgres,
    MakeRedis,
    Redis,
    Servers,
    Service,
    StartService,
    free_port,
    migrate,
    wait_until,
)


@dataclass
class Login:
    """A user who signed in at the real auth; it has what ``tab`` and ``Replicas.call`` need of a person."""

    id: str
    session_id: str
    access_token: str
    tokens: dict[str, Any]

    def token(self) -> str:
        """The access token."""
        return self.access_token


@dataclass
class Platform:
    """Auth, two replicas and a Redis that may be killed."""

    auth: Service
    api: Api
    redis: Redis
    replicas: Replicas

    def login(self) -> Login:
        """A new user's first login, known to backend."""
        tokens = self.api.signed_in()
        user_id = tokens["user"]["id"]
        known = "SELECT count(*) FROM userbase WHERE id = %s"
        wait_until(lambda: self.replicas.execute(known, user_id) == [(1,)], "the user has reached backend")
        return Login(user_id, tokens["session_id"], tokens["access_token"], tokens)

    def settled(self, replica: int) -> bool:
        """Whether a replica has all its neighbours and trusts them."""
        health = httpx.get(f"{self.replicas.services[replica].url}/health", timeout=10).json()
        return bool(health["dependencies"] == {"database": "up", "redis": "up"})

    def check(self, login: Login, replica: int = 0) -> httpx.Response:
        """``GET /api/me``."""
        return self.replicas.call(login, "GET", "/api/me", replica=replica)  # type: ignore[arg-type]

    def open(self, login: Login, **more: Any) -> Any:
        """A socket."""
        return tab(self.replicas, login, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shared_platform(make_database: MakeDatabase, start_module_service: StartService) -> Iterator[Platform]:
    redis, auth_port, start_service = Redis(), free_port(), start_module_service
    redis.start()
    keys = KeyServer()
    keys.close()
    replicas = start_replicas(start_service, make_database("main", migrate="backend"), redis.url, keys, count=0)
    env = {"DATABASE_URL": replicas.database_url, "REDIS_URL": redis.url, "AUTH_URL": f"http://127.0.0.1:{auth_port}"}
    for name in ("backend-1", "backend-2"):
        replicas.services.append(start_service("backend", {**env, "INSTANCE": name, "INTROSPECTION_TTL": "0.2"}))
    urls = ",".join(service.url for service in replicas.services)
    auth_env = auth_environment(make_database("auth", migrate="auth"), redis.url, BACKEND_URLS=urls)
    auth = start_service("auth", auth_env, port=auth_port)
    yield Platform(auth, Api(auth.url), redis, replicas)
    redis.kill()


@pytest.fixture
def platform(shared_platform: Platform) -> Iterator[Platform]:
    """The shared platform, healed after the test."""
    yield shared_platform
    if shared_platform.redis.process is None or shared_platform.redis.process.poll() is not None:
        shared_platform.redis.start()
    if shared_platform.auth.process is None or shared_platform.auth.process.poll() is not None:
        shared_platform.auth.start()
    for replica in range(len(shared_platform.replicas.services)):
        wait_until(partial(shared_platform.settled, replica), "every neighbour is back")


def state_of(platform: Platform, state: str, replica: int = 0) -> float:
    return platform.replicas.metric(f'circuit_breaker_state{{name="auth",state="{state}"}}', replica=replica)


def changes_of(platform: Platform, before: str, now: str, replica: int = 0) -> float:
    labels = f'{{before="{before}",name="auth",now="{now}"}}'
    return platform.replicas.metric(f"circuit_breaker_changes_total{labels}", replica=replica)


def test_a_login_at_auth_is_live_on_every_replica_and_on_the_socket(platform: Platform) -> None:
    login = platform.login()
    for replica in (0, 1):
        assert platform.check(login, replica).json()["session_check"] == "live"
        with platform.open(login, replica=replica) as one:
            assert one.welcome["session_check"] == "live"


def test_logout_ends_rest_and_sockets_on_every_replica(platform: Platform) -> None:
    login = platform.login()
    with platform.open(login) as here, platform.open(login, replica=1) as there:
        answer = platform.api.as_user("POST", "/auth/logout", login.tokens)
        assert answer.status_code == 204
        assert here.close_code(within=1.0) == 4003
        assert there.close_code(within=1.0) == 4003
    for replica in (0, 1):
        refused = platform.check(login, replica)
        assert (refused.status_code, refused.json()["code"]) == (401, "session_revoked")


def test_without_redis_auth_is_asked_and_a_revocation_still_closes(platform: Platform) -> None:
    login, other = platform.login(), platform.login()
    with platform.open(login) as here, platform.open(login, replica=1) as there:
        platform.redis.kill()
        assert platform.check(other).json()["session_check"] == "introspected"
        assert platform.api.as_user("POST", "/auth/logout", login.tokens).status_code == 204
        assert here.close_code(within=2.0) == 4003
        assert there.close_code(within=2.0) == 4003
    assert platform.check(login).status_code == 401


def test_without_redis_messages_cross_replicas_in_order(platform: Platform) -> None:
    login = platform.login()
    conversation = platform.replicas.conversation(login)  # type: ignore[arg-type]
    with platform.open(login) as here, platform.open(login, replica=1) as there:
        there.ask("subscribe", "subscribed", conversation_id=conversation)
        platform.redis.kill()
        for number in range(50):
            here.send("message.send", conversation_id=conversation, client_msg_id=str(number), body=str(number))
        assert [message["seq"] for message in there.messages(50)] == list(range(1, 51))
        platform.redis.start()
        here.ask("message.send", "ack", conversation_id=conversation, client_msg_id="after", body="after")
        assert there.messages(1)[0]["body"] == "after"
        assert there.nothing_more() == []


def test_an_auth_outage_leaves_sessions_alone_and_the_breaker_recovers(platform: Platform) -> None:
    login = platform.login()
    with platform.open(login) as one:
        assert state_of(platform, "closed") == 1
        platform.auth.stop()
        assert platform.check(login).json()["session_check"] == "live"
        platform.redis.kill()
        wait_until(lambda: platform.check(login).json()["session_check"] == "jwt-only", "only the token speaks")
        for _ in range(3):
            platform.check(login)
        assert (state_of(platform, "open"), state_of(platform, "closed")) == (1, 0)
        started = time.monotonic()
        assert platform.check(login).json()["session_check"] == "jwt-only"
        assert time.monotonic() - started < 1.0
        assert one.ask("whoami", "me")["id"] == login.id
        platform.auth.start()
        wait_until(lambda: platform.check(login).json()["session_check"] == "introspected", "auth speaks again")
        assert state_of(platform, "closed") == 1
        assert changes_of(platform, "closed", "open") == 1
        assert changes_of(platform, "half-open", "closed") == 1
        assert changes_of(platform, "open", "half-open") == 1 + changes_of(platform, "half-open", "open")


def test_a_user_whose_event_is_late_is_fetched(platform: Platform) -> None:
    login = platform.login()
    platform.replicas.execute("DELETE FROM userbase WHERE id = %s", login.id)
    assert platform.check(login).json()["email"] == login.tokens["user"]["email"]


def test_a_rotated_key_is_good_everywhere_at_once(platform: Platform) -> None:
    platform.login()
    assert platform.api.admin("POST", "/admin/keys/rotate", json={}).status_code in (200, 201)
    login = platform.login()
    for replica in (0, 1):
        assert platform.check(login, replica).status_code == 200


def test_a_replica_starts_without_anyone_and_connects_when_they_come(
    make_postgres: MakePostgres, make_redis: MakeRedis, start_service: StartService
) -> None:
    postgres, redis = make_postgres(), make_redis()
    migrate("backend", postgres.url("postgres"))
    postgres.stop()
    redis.kill()
    keys = KeyServer()
    try:
        one = start_replicas(start_service, postgres.url("postgres"), redis.url, keys, count=1)
        health = httpx.get(f"{one.url}/health").json()
        assert health["dependencies"] == {"database": "down", "redis": "down"}
        person = Person(keys)
        answer = one.call(person, "GET", "/api/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"] == "1"
        postgres.start()
        redis.start()
        wait_until(lambda: health_of(one) == {"database": "up", "redis": "up"}, "both are connected")
        assert one.call(one.person(), "GET", "/api/me").json()["session_check"] == "live"
    finally:
        keys.close()


def health_of(replicas: Replicas) -> dict[str, str]:
    return dict(httpx.get(f"{replicas.url}/health", timeout=10).json()["dependencies"])


def test_a_restarted_database_loses_nothing_and_is_found_again(
    make_postgres: MakePostgres, servers: Servers, start_service: StartService, keys: KeyServer
) -> None:
    postgres = make_postgres()
    migrate("backend", postgres.url("postgres"))
    one = start_replicas(start_service, postgres.url("postgres"), servers.redis_url, keys, count=2)
    person = one.person()
    conversation = one.conversation(person)
    with tab(one, person) as here, tab(one, person, replica=1) as there:
        there.ask("subscribe", "subscribed", conversation_id=conversation)
        here.ask("message.send", "ack", conversation_id=conversation, client_msg_id="0", body="0")
        postgres.stop()
        for number in range(1, 20):
            here.send("message.send", conversation_id=conversation, client_msg_id=str(number), body=str(number))
        postgres.start()
        for number in range(1, 20):
            resend(here, conversation, str(number))
        assert [message["body"] for message in there.messages(20)] == [str(number) for number in range(20)]
    assert one.call(person, "GET", "/api/me").status_code == 200


def resend(one: Tab, conversation: str, name: str) -> None:
    """Send again until it is acknowledged, as a client does."""

    def acknowledged() -> bool:
        frame_id = str(uuid.uuid4())
        one.send("message.send", frame_id, conversation_id=conversation, client_msg_id=name, body=name)
        answer = one.wait(None, where=lambda frame: frame["id"] == frame_id)
        assert answer["type"] == "ack" or answer["payload"]["retryable"], answer
        return bool(answer["type"] == "ack")

    wait_until(acknowledged, f"{name} is acknowledged")


def test_a_dead_replica_s_answer_is_taken_up_by_another(
    make_database: MakeDatabase, servers: Servers, start_service: StartService, keys: KeyServer
) -> None:
    database = make_database("answers", migrate="backend")
    two = start_replicas(start_service, database, servers.redis_url, keys, CHUNK_DELAY="0.1", ANSWER_LEASE="1")
    person = two.person()
    conversation = two.conversation(person, assistant=True)
    body = "Tell me a long story about clocks. " * 15
    with tab(two, person, replica=1) as there:
        there.ask("subscribe", "subscribed", conversation_id=conversation)
        with tab(two, person) as here:
            here.ask("message.send", "ack", conversation_id=conversation, client_msg_id="q", body=body)
            there.wait("message.chunk", where=lambda frame: frame["payload"]["offset"] >= 32)
            two.services[0].kill()
        answer = there.wait("message", where=lambda frame: frame["payload"]["role"] == "assistant")["payload"]
        assert (answer["body"], answer["seq"]) == (f"You said: {body}", 2)
        chunks = [frame["payload"] for frame in there.seen if frame["type"] == "message.chunk"]
        second = [chunk for chunk in chunks if chunk["attempt"] == 2]
        assert {chunk["attempt"] for chunk in chunks} == {1, 2}
        assert second[0]["offset"] == 0
        assert "".join(chunk["text"] for chunk in second) == f"You said: {body}"
        assert [
            frame for frame in there.nothing_more() if frame["type"] == "message" and frame["payload"]["seq"] > 2
        ] == []
    assert two.execute("SELECT count(*) FROM messages WHERE conversation_id = %s", conversation) == [(2,)]


def test_a_terminated_replica_hands_its_answer_over_and_keeps_what_it_took(
    make_database: MakeDatabase, servers: Servers, start_service: StartService, keys: KeyServer
) -> None:
    database = make_database("handover", migrate="backend")
    two = start_replicas(start_service, database, servers.redis_url, keys, CHUNK_DELAY="0.1", ANSWER_LEASE="1")
    person = two.person()
    conversation = two.conversation(person, assistant=True)
    with tab(two, person, replica=1) as there:
        there.ask("subscribe", "subscribed", conversation_id=conversation)
        with tab(two, person) as here:
            here.ask("message.send", "ack", conversation_id=conversation, client_msg_id="q", body="x" * 400)
            there.wait("message.chunk")
            two.services[0].stop()
            assert here.close_code() == 1012
        assert there.wait("message", where=lambda frame: frame["payload"]["seq"] == 2)
    assert two.execute("SELECT count(*) FROM answers") == [(0,)]
