"""The backend over HTTP: tokens, conversations, messages, preferences, user sync."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
import redis
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.common.instants import now, rfc3339
from tests.services.backend_kit import KeyServer, Person, Replicas, start_replicas, tab
from tests.services.servers import SERVICE_TOKEN, MakeDatabase, Servers, StartService, wait_until


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def replicas(
    servers: Servers, make_database: MakeDatabase, start_module_service: StartService, keys: KeyServer
) -> Replicas:
    """Two replicas."""
    database = make_database("rest", migrate="backend")
    return start_replicas(start_module_service, database, servers.redis_url, keys, EVENT_RESEND="0.5")


@pytest.fixture
def ada(replicas: Replicas) -> Person:
    return replicas.person()


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


# Identity


def test_me_names_the_token_s_user_on_every_replica(replicas: Replicas, ada: Person) -> None:
    for replica in (0, 1):
        body = replicas.call(ada, "GET", "/api/me", replica=replica).json()
        assert (body["id"], body["email"], body["plan"], body["status"]) == (ada.id, ada.email, "standard", "active")
        assert body["session"]["id"] == ada.session_id
        assert (body["session_check"], body["served_by"]) == ("live", f"backend-{replica + 1}")


def test_without_a_token_there_is_a_bare_challenge(replicas: Replicas) -> None:
    answer = httpx.get(f"{replicas.url}/api/me")
    assert code(answer) == (401, "token_missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="lockstep"'


def test_a_session_that_neither_redis_nor_auth_can_speak_for_is_taken_from_its_token(replicas: Replicas) -> None:
    person = replicas.person(live=False)
    assert replicas.call(person, "GET", "/api/me").json()["session_check"] == "jwt-only"


@pytest.mark.parametrize("document", ["{", "[]", '{"user_id": "someone-else", "status": "active"}'])
def test_a_session_entry_that_does_not_fit_is_not_live(replicas: Replicas, document: str) -> None:
    person = replicas.person(live=False)
    with redis.Redis.from_url(replicas.redis_url) as client:
        client.set(f"session:{person.session_id}", document, ex=60)
    assert replicas.call(person, "GET", "/api/me").json()["session_check"] == "jwt-only"


def test_a_user_whom_nobody_has_announced_needs_auth(replicas: Replicas) -> None:
    stranger = Person(replicas.keys)
    replicas.make_live(stranger)
    assert code(replicas.call(stranger, "GET", "/api/me")) == (503, "auth_unavailable")


def test_an_unknown_key_is_refused_and_costs_auth_one_question_a_second(replicas: Replicas, ada: Person) -> None:
    other = KeyServer()
    other.kid = "unknown"
    try:
        before = len(replicas.keys.requests)
        forged = Person(other, id=ada.id, session_id=ada.session_id)
        answers = [replicas.call(forged, "GET", "/api/me") for _ in range(20)]
        assert {code(answer) for answer in answers} == {(401, "token_invalid")}
        assert len(replicas.keys.requests) - before <= 8
    finally:
        other.close()


def test_a_rotated_key_is_found_at_once(
    servers: Servers, make_database: MakeDatabase, start_service: StartService
) -> None:
    keys = KeyServer()
    try:
        one = start_replicas(
            start_service, make_database("rotated", migrate="backend"), servers.redis_url, keys, count=1
        )
        person = one.person()
        assert one.call(person, "GET", "/api/me").status_code == 200
        keys.kid = "next"
        assert one.call(person, "GET", "/api/me").status_code == 200
    finally:
        keys.close()


# Conversations and messages


def test_conversations_are_one_s_own(replicas: Replicas, ada: Person) -> None:
    own = [replicas.conversation(ada) for _ in range(3)]
    foreign = replicas.conversation(replicas.person())
    page = replicas.call(ada, "GET", "/api/conversations?limit=2").json()
    rest = replicas.call(ada, "GET", f"/api/conversations?limit=2&after={page['next']}").json()
    assert [one["id"] for one in page["conversations"] + rest["conversations"]] == own
    assert rest["next"] is None
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/messages")):
        assert code(replicas.call(ada, method, f"/api/conversations/{foreign}{path}")) == (404, "not_found")
    answer = replicas.call(ada, "POST", f"/api/conversations/{foreign}/messages", json={"body": "x"})
    assert code(answer) == (404, "not_found")


def test_a_rename_needs_the_version_it_is_based_on(replicas: Replicas, ada: Person) -> None:
    path = f"/api/conversations/{replicas.conversation(ada)}"
    etag = replicas.call(ada, "GET", path).headers["etag"]
    assert code(replicas.call(ada, "PATCH", path, json={"title": "B"})) == (428, "precondition_required")
    first = replicas.call(ada, "PATCH", path, json={"title": "B"}, headers={"If-Match": etag})
    assert (first.status_code, first.json()["title"]) == (200, "B")
    late = replicas.call(ada, "PATCH", path, json={"title": "C"}, headers={"If-Match": etag})
    assert code(late) == (412, "version_conflict")
    assert late.json()["current"]["title"] == "B"
    assert late.headers["etag"] == first.headers["etag"]


def test_a_deleted_conversation_is_gone_with_its_messages(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    replicas.call(ada, "POST", f"/api/conversations/{conversation}/messages", json={"body": "x"})
    assert replicas.call(ada, "DELETE", f"/api/conversations/{conversation}").status_code == 204
    assert code(replicas.call(ada, "GET", f"/api/conversations/{conversation}")) == (404, "not_found")
    assert replicas.execute("SELECT count(*) FROM messages WHERE conversation_id = %s", conversation) == [(0,)]


def test_a_repeated_key_makes_one_conversation(replicas: Replicas, ada: Person) -> None:
    headers = {"Idempotency-Key": "once"}
    first = replicas.call(ada, "POST", "/api/conversations", json={"title": "A"}, headers=headers)
    again = replicas.call(ada, "POST", "/api/conversations", json={"title": "A"}, headers=headers, replica=1)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other = replicas.call(ada, "POST", "/api/conversations", json={"title": "B"}, headers=headers)
    assert code(other) == (409, "idempotency_conflict")


def test_a_repeated_key_makes_one_message(replicas: Replicas, ada: Person) -> None:
    path = f"/api/conversations/{replicas.conversation(ada)}/messages"
    headers = {"Idempotency-Key": "k"}
    first = replicas.call(ada, "POST", path, json={"body": "A"}, headers=headers)
    again = replicas.call(ada, "POST", path, json={"body": "A"}, headers=headers, replica=1)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    clash = {"body": "B", "client_msg_id": "other"}
    assert code(replicas.call(ada, "POST", path, json=clash, headers=headers)) == (409, "idempotency_conflict")
    assert [one["body"] for one in replicas.call(ada, "GET", path).json()["messages"]] == ["A"]


def test_parallel_writers_get_gapless_seqs(replicas: Replicas, ada: Person) -> None:
    path = f"/api/conversations/{replicas.conversation(ada)}/messages"

    def post(number: int) -> int:
        return int(replicas.call(ada, "POST", path, json={"body": str(number)}, replica=number % 2).json()["seq"])

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(post, range(60))) == list(range(1, 61))
    listed = replicas.call(ada, "GET", f"{path}?after=10&limit=20").json()
    assert [one["seq"] for one in listed["messages"]] == list(range(11, 31))
    assert listed["last_seq"] == 60


@pytest.mark.parametrize(
    ("method", "path", "arguments"),
    [
        ("POST", "/api/conversations", {"content": b"{"}),
        ("POST", "/api/conversations", {"json": {}}),
        ("POST", "/api/conversations", {"json": {"title": "nul \0"}}),
        ("POST", "/api/conversations", {"content": rb'{"title": "\ud800"}'}),
        ("POST", "/api/conversations", {"json": {"title": "x" * 201}}),
        ("GET", "/api/conversations?limit=0", {}),
        ("GET", "/api/conversations?after=x", {}),
        ("PUT", "/api/preferences", {"content": b"[]", "headers": {"If-Match": '"0"'}}),
        ("PUT", "/api/preferences", {"content": rb'{"a": "\u0000"}', "headers": {"If-Match": '"0"'}}),
        ("PUT", "/api/preferences", {"content": rb'{"a": "\ud800"}', "headers": {"If-Match": '"0"'}}),
    ],
)
def test_bad_input_is_a_problem_and_no_defect(
    replicas: Replicas, ada: Person, method: str, path: str, arguments: dict[str, Any]
) -> None:
    assert code(replicas.call(ada, method, path, **arguments)) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["x", "..", "00000000-0000-0000-0000-000000000000"])
def test_an_id_that_names_nothing_is_not_found(replicas: Replicas, ada: Person, name: str) -> None:
    assert replicas.call(ada, "GET", f"/api/conversations/{name}/messages").status_code == 404


# Preferences


def test_of_two_writers_the_first_wins_and_the_other_is_told(replicas: Replicas, ada: Person) -> None:
    before = replicas.call(ada, "GET", "/api/preferences")
    assert (before.json(), before.headers["etag"]) == ({}, '"0"')
    assert code(replicas.call(ada, "PUT", "/api/preferences", json={"a": 1})) == (428, "precondition_required")

    def put(number: int) -> httpx.Response:
        return replicas.call(
            ada, "PUT", "/api/preferences", json={"by": number}, headers={"If-Match": '"0"'}, replica=number % 2
        )

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(put, range(6)))
    winners = [answer for answer in answers if answer.status_code == 200]
    assert len(winners) == 1
    for loser in answers:
        if loser is not winners[0]:
            assert code(loser) == (412, "version_conflict")
            assert (loser.json()["current"], loser.headers["etag"]) == (winners[0].json(), '"1"')
    assert replicas.call(ada, "GET", "/api/preferences", replica=1).json() == winners[0].json()


# User sync


def test_only_a_newer_version_changes_a_user(replicas: Replicas, ada: Person) -> None:
    event = str(uuid.uuid4())
    newer = ada.record(version=3, name="Newer")
    assert replicas.sync("user.updated", newer, event_id=event) == {"applied": [event], "stale": []}
    assert replicas.sync("user.updated", newer, event_id=event, replica=1) == {"applied": [], "stale": [event]}
    assert replicas.sync("user.updated", ada.record(version=2, name="Late"))["applied"] == []
    assert replicas.call(ada, "GET", "/api/me").json()["name"] == "Newer"


def test_a_deleted_user_leaves_nothing_and_does_not_come_back(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    replicas.call(ada, "POST", f"/api/conversations/{conversation}/messages", json={"body": "x"})
    replicas.sync("user.deleted", ada.record(version=5))
    assert replicas.sync("user.updated", ada.record(version=6))["applied"] == []
    for table, column in (("userbase", "id"), ("conversations", "user_id"), ("notifications", "user_id")):
        assert replicas.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", ada.id) == [(0,)]
    assert replicas.execute("SELECT count(*) FROM messages WHERE conversation_id = %s", conversation) == [(0,)]
    assert code(replicas.call(ada, "GET", "/api/me")) == (401, "session_revoked")


def test_a_batch_is_applied_in_its_order_whatever_it_holds(replicas: Replicas) -> None:
    people = [Person(replicas.keys) for _ in range(50)]
    events = [{"id": f"c{n}", "type": "user.created", "data": one.record()} for n, one in enumerate(people)]
    events += [{"id": f"u{n}", "type": "user.updated", "data": one.record(version=2)} for n, one in enumerate(people)]
    events += [{"id": "d", "type": "user.deleted", "data": people[0].record(version=3)}]
    events += [{"id": "late", "type": "user.updated", "data": people[0].record(version=4)}]
    events += [{"id": "strange", "type": "user.promoted", "data": {}}]
    answer = replicas.internal("/internal/sync", {"events": events}).json()
    assert answer["stale"] == ["late", "strange"]
    assert len(answer["applied"]) == 101
    ids = [one.id for one in people]
    assert replicas.execute("SELECT count(*), min(version) FROM userbase WHERE id = ANY(%s::uuid[])", ids) == [(49, 2)]


@pytest.mark.parametrize(
    "body", [{}, {"events": 7}, {"events": [{}]}, {"events": [{"id": "x", "type": "user.created", "data": {}}]}]
)
def test_a_malformed_batch_changes_nothing(replicas: Replicas, body: Any) -> None:
    assert code(replicas.internal("/internal/sync", body)) == (400, "invalid_request")


def test_internal_endpoints_need_the_service_credential(replicas: Replicas, ada: Person) -> None:
    for path in ("/internal/sync", "/internal/notifications"):
        assert httpx.post(replicas.url + path, json={}).status_code == 401
        assert replicas.call(ada, "POST", path, json={}).status_code == 401
    assert SERVICE_TOKEN not in replicas.services[0].log()


# Session events and state


def notify(replicas: Replicas, person: Person, priority: int, body: Any, replica: int = 0) -> str:
    new = {"user_id": person.id, "priority": priority, "body": body}
    answer = replicas.internal("/internal/notifications", new, replica=replica)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["event_id"])


def test_what_waited_comes_urgent_first_and_only_until_acknowledged(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        client_id = one.client_id
    for priority, body in ((1, "a"), (9, "b"), (5, "c"), (9, "d")):
        notify(replicas, ada, priority, body)
    waiting = replicas.call(ada, "GET", "/api/notifications").json()["notifications"]
    assert [one["data"]["body"] for one in waiting] == ["b", "d", "c", "a"]
    with tab(replicas, ada, client_id=client_id, replica=1) as back:
        back.ask("resume", "resumed", client_id=client_id, positions={})
        events = [back.wait("event")["payload"] for _ in range(4)]
        assert [event["data"]["body"] for event in events] == ["b", "d", "c", "a"]
        for event in events[:2]:
            back.send("event.ack", event_id=event["event_id"])
        again = [back.wait("event")["payload"]["data"]["body"] for _ in range(2)]
        assert again == ["c", "a"]
        for event in events[2:]:
            back.send("event.ack", event_id=event["event_id"])
        back.nothing_more()
        assert_acked(replicas, ada, client_id, 4)
    with tab(replicas, ada, client_id=client_id) as once_more:
        once_more.ask("resume", "resumed", client_id=client_id, positions={})
        marker = notify(replicas, ada, 0, "marker")
        assert once_more.wait("event")["payload"]["event_id"] == marker


def assert_acked(replicas: Replicas, person: Person, client_id: str, count: int) -> None:
    query = "SELECT count(*) FROM notification_acks WHERE client_id = %s"
    wait_until(lambda: replicas.execute(query, client_id) == [(count,)], f"{count} acknowledgements are stored")


def test_a_change_is_told_to_every_socket_of_the_user_and_to_no_other(replicas: Replicas, ada: Person) -> None:
    with (
        tab(replicas, ada) as here,
        tab(replicas, ada, replica=1) as there,
        tab(replicas, replicas.person()) as other,
    ):
        replicas.sync("user.updated", ada.record(version=2, name="Lovelace"))
        conversation = replicas.conversation(ada)
        replicas.call(ada, "PUT", "/api/preferences", json={"dark": True}, headers={"If-Match": '"0"'}, replica=1)
        for one in (here, there):
            found = {
                frame["payload"]["kind"]: frame["payload"]["data"] for frame in (one.wait("event") for _ in range(3))
            }
            assert found["user.updated"]["name"] == "Lovelace"
            assert found["conversations.updated"]["conversation"]["id"] == conversation
            assert found["preferences.updated"] == {"version": 1, "preferences": {"dark": True}}
            assert one.ask("whoami", "me")["name"] == "Lovelace"
        assert other.nothing_more() == []


def test_a_state_document_is_versioned_and_its_loser_is_told(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        assert one.ask("state.get", "state") == {"version": 0, "document": {}, "damaged": False}
        assert one.ask("state.update", "state.updated", base_version=0, document={"thread": "t"}) == {"version": 1}
        conflict = one.ask("state.update", "state.conflict", base_version=0, document={"thread": "u"})
        assert conflict == {"version": 1, "document": {"thread": "t"}}
        client_id = one.client_id
    with tab(replicas, ada, client_id=client_id, replica=1) as back:
        assert back.ask("state.get", "state") == {"version": 1, "document": {"thread": "t"}, "damaged": False}
    with tab(replicas, ada) as another:
        assert another.ask("state.get", "state")["version"] == 0


@pytest.mark.parametrize("damage", ["document = 'garbage'", 'document = \'{"thread": "other"}\'', "checksum = ''"])
def test_a_damaged_state_is_reported_and_starts_clean(replicas: Replicas, ada: Person, damage: str) -> None:
    with tab(replicas, ada) as one:
        one.ask("state.update", "state.updated", base_version=0, document={"thread": "t"})
        replicas.execute(f"UPDATE session_state SET {damage} WHERE client_id = %s", one.client_id)
        assert one.ask("state.get", "state") == {"version": 1, "document": {}, "damaged": True}
        assert one.ask("state.update", "state.updated", base_version=1, document={"new": 1}) == {"version": 2}
        assert one.ask("state.get", "state") == {"version": 2, "document": {"new": 1}, "damaged": False}


# What is published


def test_capabilities_need_no_token_and_name_the_close_codes(replicas: Replicas) -> None:
    body = httpx.get(f"{replicas.url}/api/capabilities").json()
    assert body["close_codes"]["replaced"] == 4009
    assert body["limits"]["max_replay"] == 10_000


def test_the_openapi_description_names_every_public_endpoint(replicas: Replicas) -> None:
    document = httpx.get(f"{replicas.url}/openapi.json").json()
    assert {"/api/me", "/api/conversations", "/api/preferences", "/api/notifications"} <= set(document["paths"])
    assert "HTTPValidationError" not in json.dumps(document)


def test_no_token_is_logged(replicas: Replicas, ada: Person) -> None:
    token = ada.token()
    httpx.get(f"{replicas.url}/api/me", headers={"Authorization": f"Bearer {token}", "X-Test-Id": "logged"})
    wait_until(lambda: '"test_id": "logged"' in replicas.services[0].log(), "the request is logged under its test")
    assert token.rsplit(".", 1)[1] not in replicas.services[0].log()
    assert rfc3339(now())[:13] in replicas.services[0].log()


# Quotas


@pytest.fixture(scope="module")
def limited(
    servers: Servers, make_database: MakeDatabase, start_module_service: StartService, keys: KeyServer
) -> Replicas:
    """Two replicas that let a user do ten things in a window."""
    database = make_database("limited", migrate="backend")
    return start_replicas(start_module_service, database, servers.redis_url, keys, RATE_LIMIT="10", RATE_WINDOW="30")


def test_a_quota_is_shared_by_replicas_and_counts_down(limited: Replicas) -> None:
    person, other = limited.person(), limited.person()
    answers = [limited.call(person, "GET", "/api/me", replica=number % 2) for number in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
        f"r={max(0, 9 - n)}" for n in range(11)
    ]
    assert answers[0].headers["ratelimit-policy"] == '"user";q=10;w=30'
    assert code(answers[-1]) == (429, "rate_limited")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 30
    assert limited.call(other, "GET", "/api/me").status_code == 200
    with pytest.raises(InvalidStatus) as refusal, tab(limited, person):
        pass
    assert refusal.value.response.status_code == 429
    assert "Retry-After" in refusal.value.response.headers


def test_a_socket_is_warned_then_refused_then_closed(limited: Replicas) -> None:
    person = limited.person()
    conversation = limited.conversation(person)
    with tab(limited, person) as one:
        with suppress(ConnectionClosed):
            for number in range(200):
                one.send("message.send", conversation_id=conversation, client_msg_id=str(number), body="x")
        assert one.close_code() == 4029
        kinds = [frame["type"] for frame in one.seen]
        assert kinds.index("warning") < kinds.index("error")
        assert {frame["payload"]["code"] for frame in one.seen if frame["type"] == "error"} == {"rate_limited"}
    # What was taken in before the close is stored, acknowledged or not, and nothing that came after it.
    last_seq = "SELECT last_seq FROM conversations WHERE id = %s"
    wait_until(lambda: limited.execute(last_seq, conversation)[0][0] >= 1, "the first messages are stored")
    assert limited.execute(last_seq, conversation)[0][0] <= 10


def test_more_events_than_one_reading_holds_all_come_at_once_and_in_order(replicas: Replicas, ada: Person) -> None:
    client_id = str(uuid.uuid4())
    with tab(replicas, ada, client_id=client_id):
        pass
    replicas.execute(
        "INSERT INTO notifications (event_id, user_id, kind, priority, data, created_at)"
        " SELECT gen_random_uuid(), %s, 'notification', n %% 10, jsonb_build_object('body', n),"
        " now() - interval '1 hour'"
        " FROM generate_series(1, 1201) n ORDER BY n",
        ada.id,
    )
    replicas.execute("UPDATE socket_clients SET created_at = now() - interval '1 day' WHERE client_id = %s", client_id)
    with tab(replicas, ada, client_id=client_id) as back:
        back.ask("resume", "resumed", client_id=client_id, positions={})
        came = [back.wait("event")["payload"] for _ in range(1201)]
    order = [(-event["priority"], event["data"]["body"]) for event in came]
    assert order == sorted(order)


MOST = (1 << 63) - 1
SEALED = (
    "UPDATE session_state SET version = %s, document = %s, checksum = encode(sha256(convert_to("
    "concat_ws(E'\\n', user_id, client_id, %s::bigint, %s::text), 'UTF8')), 'hex') WHERE client_id = %s RETURNING 1"
)


@pytest.mark.parametrize(
    ("version", "document", "told"),
    [(-1, "{}", 0), (0, "{}", 0), (MOST, "{}", 0), (1, "[1]", 1), (1, '{"a":"' + "x" * (48 << 10) + '"}', 1)],
    ids=["negative", "zero", "the last number", "a list", "too long"],
)
def test_a_state_that_nobody_can_have_written_starts_clean(
    replicas: Replicas, ada: Person, version: int, document: str, told: int
) -> None:
    with tab(replicas, ada) as one:
        one.ask("state.update", "state.updated", base_version=0, document={"a": 1})
        replicas.execute(SEALED, version, document, version, document, one.client_id)
        assert one.ask("state.get", "state") == {"version": told, "document": {}, "damaged": True}
        assert one.ask("state.update", "state.updated", base_version=told, document={"b": 2}) == {"version": told + 1}
        assert one.ask("state.get", "state") == {"version": told + 1, "document": {"b": 2}, "damaged": False}


def test_a_base_version_that_has_no_successor_is_a_conflict(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        conflict = one.ask("state.update", "state.conflict", base_version=MOST, document={})
        assert conflict == {"version": 0, "document": {}}
