"""The socket of a real replica, on real PostgreSQL and Redis."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from websockets import Origin, Subprotocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import connect

from services.backend import frames
from tests.services.backend_kit import ISSUER, KeyServer, Person, Replicas, Tab, start_replicas, tab
from tests.services.servers import MakeDatabase, Servers, StartService, wait_until

TCP_CLOSED = 7


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
    database = make_database("socket", migrate="backend")
    return start_replicas(start_module_service, database, servers.redis_url, keys, EVENT_RESEND="1", MAX_REPLAY="2000")


@pytest.fixture
def ada(replicas: Replicas) -> Person:
    return replicas.person()


def test_the_first_frame_is_the_welcome(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        assert one.welcome["user_id"] == ada.id
        assert one.welcome["session_id"] == ada.session_id
        assert one.welcome["session_check"] == "live"
        assert one.welcome["served_by"] == "backend-1"
        assert one.welcome["protocol"] == 1
        assert str(uuid.UUID(one.client_id)) == one.client_id


def test_a_message_is_acknowledged_and_comes_to_its_sender(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as one:
        ack = one.ask("message.send", "ack", conversation_id=conversation, client_msg_id="a", body="Hello")
        assert (ack["seq"], ack["duplicate"]) == (1, False)
        message = one.messages(1)[0]
        assert (message["seq"], message["body"], message["sender"]) == (1, "Hello", ada.id)
        stored = replicas.execute("SELECT seq, body FROM messages WHERE conversation_id = %s", conversation)
        assert stored == [(1, "Hello")]


def test_what_a_commit_reads_does_not_grow_with_the_log(
    servers: Servers, make_database: MakeDatabase, start_service: StartService, keys: KeyServer
) -> None:
    count = 60
    database = make_database("log", migrate="backend")
    one = start_replicas(start_service, database, servers.redis_url, keys, count=1)
    with tab(one, person := one.person()) as socket:
        conversations = [one.conversation(person) for _ in range(6)]
        for number in range(count):
            name = conversations[number % 6]
            socket.ask("message.send", "ack", conversation_id=name, client_msg_id=f"{number}", body="Hello")
    # PostgreSQL counts a connection's reads at its end.
    one.services[0].stop()
    read = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY(%s)"
    names = ["messages", "conversations"]
    stored = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'messages'"
    wait_until(lambda: one.execute(stored) == [(count,)], "the statistics hold all messages")
    assert dict(one.execute(read, names)) == dict.fromkeys(names, 0), "rows read by scans of the whole table"


def test_a_burst_is_acknowledged_in_order(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as one:
        for number in range(300):
            one.send(
                "message.send", str(number), conversation_id=conversation, client_msg_id=str(number), body=str(number)
            )
        acks = [one.wait("ack") for _ in range(300)]
        assert [int(ack["id"]) for ack in acks] == list(range(300))
        assert [ack["payload"]["seq"] for ack in acks] == list(range(1, 301))
        assert [message["seq"] for message in one.messages(300)] == list(range(1, 301))


def test_a_message_reaches_the_other_replica_in_order(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as here, tab(replicas, ada, replica=1) as there:
        there.ask("subscribe", "subscribed", conversation_id=conversation)
        for number in range(100):
            here.send("message.send", conversation_id=conversation, client_msg_id=str(number), body=str(number))
        assert [message["seq"] for message in there.messages(100)] == list(range(1, 101))
        assert here.messages(100)[-1]["body"] == "99"


def test_resume_replays_what_was_missed_once(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as away:
        away.ask("subscribe", "subscribed", conversation_id=conversation)
        away.drop()
    with tab(replicas, ada) as other:
        for number in range(1200):
            other.send("message.send", conversation_id=conversation, client_msg_id=str(number), body=str(number))
        epoch = [other.wait("ack") for _ in range(1200)][-1]["payload"]["epoch"]
        with tab(replicas, ada, replica=1) as back:
            positions = {conversation: {"epoch": epoch, "seq": 0}}
            resumed = back.ask("resume", "resumed", client_id=away.client_id, positions=positions)
            assert resumed == {
                "client_id": away.client_id,
                "recovered": True,
                "reason": None,
                "replayed": 1200,
                "positions": {conversation: {"epoch": epoch, "seq": 1200}},
            }
            assert [message["seq"] for message in back.messages(1200)] == list(range(1, 1201))
            other.send("message.send", conversation_id=conversation, client_msg_id="live", body="live")
            assert back.messages(1)[0]["seq"] == 1201
            assert back.nothing_more() == []


def test_an_assistant_answers_in_chunks_and_with_one_message(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada, assistant=True)
    body = "How do clocks agree?"
    with tab(replicas, ada) as one:
        one.ask("message.send", "ack", conversation_id=conversation, client_msg_id="q", body=body)
        answer = one.wait("message", where=lambda frame: frame["payload"]["role"] == "assistant")["payload"]
        assert (answer["body"], answer["seq"], answer["client_msg_id"]) == (f"You said: {body}", 2, "answer:1")
        chunks = [frame["payload"] for frame in one.seen if frame["type"] == "message.chunk"]
        assert "".join(chunk["text"] for chunk in chunks) == f"You said: {body}"
        assert [chunk["offset"] for chunk in chunks] == [0, 16]
        assert [chunk["done"] for chunk in chunks] == [False, True]
    assert replicas.execute("SELECT count(*) FROM answers WHERE conversation_id = %s", conversation) == [(0,)]


def test_three_invalid_frames_close(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        for text in ("{", "[]", json.dumps({"type": 7})):
            one.connection.send(text)
        assert one.close_code() == 1008
        assert [frame["payload"]["code"] for frame in one.seen] == ["invalid_frame"] * 3


# Handshake


def refused(url: str, **arguments: Any) -> Response:
    with pytest.raises(InvalidStatus) as refusal, connect(url, proxy=None, **arguments):
        pass
    return refusal.value.response


def test_without_a_token_the_handshake_is_challenged(replicas: Replicas) -> None:
    answer = refused(replicas.socket_url())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="lockstep"'
    assert json.loads(answer.body or b"")["code"] == "token_missing"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"lives": -1}, "token_expired"),
        ({"aud": "partner-api"}, "token_invalid"),
        ({"iss": "https://evil.example"}, "token_invalid"),
        ({"sid": None}, "token_invalid"),
        ({"exp": 1e300}, "token_invalid"),
    ],
)
def test_a_bad_token_is_refused_before_the_socket_opens(
    replicas: Replicas, ada: Person, claims: dict[str, Any], code: str
) -> None:
    token = ada.token(**claims)
    answer = refused(replicas.socket_url(), additional_headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, json.loads(answer.body or b"")["code"]) == (401, code)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_token_in_the_query_is_refused_and_not_logged(replicas: Replicas, ada: Person) -> None:
    token = ada.token()
    assert refused(f"{replicas.socket_url()}?access_token={token}").status_code == 400
    assert token not in replicas.services[0].log()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://127.0.0.1:84430", "http://127.0.0.1:8443"])
def test_a_foreign_origin_is_refused(replicas: Replicas, ada: Person, origin: str) -> None:
    headers = {"Authorization": f"Bearer {ada.token()}"}
    answer = refused(replicas.socket_url(), additional_headers=headers, origin=Origin(origin))
    assert (answer.status_code, json.loads(answer.body or b"")["code"]) == (403, "origin_not_allowed")


def test_the_own_origin_and_a_token_as_subprotocol_are_taken(replicas: Replicas, ada: Person) -> None:
    offered = [Subprotocol("chat.v1"), Subprotocol(f"bearer.{ada.token()}")]
    with connect(replicas.socket_url(), subprotocols=offered, origin=Origin(ISSUER), proxy=None) as connection:
        assert connection.subprotocol == "chat.v1"
        assert Tab(connection).welcome["user_id"] == ada.id


# Frames


def test_whoami_names_the_token_s_user(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        answer = one.ask("whoami", "me")
        assert (answer["id"], answer["email"], answer["session_id"]) == (ada.id, ada.email, ada.session_id)
        assert (answer["client_id"], answer["served_by"]) == (one.client_id, "backend-1")


def test_a_retry_gets_the_first_seq_and_another_body_an_error(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    message = {"conversation_id": conversation, "client_msg_id": "once"}
    with tab(replicas, ada) as one, tab(replicas, ada, replica=1) as other:
        first = one.ask("message.send", "ack", body="Hello", **message)
        again = other.ask("message.send", "ack", body="Hello", **message)
        assert again == {**first, "duplicate": True}
        assert other.ask("message.send", "error", body="Bye", **message)["code"] == "client_msg_id_conflict"
    assert replicas.execute("SELECT count(*) FROM messages WHERE conversation_id = %s", conversation) == [(1,)]


def test_a_foreign_conversation_is_not_found_whatever_is_asked(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(replicas.person())
    with tab(replicas, ada) as one:
        assert one.ask("subscribe", "error", conversation_id=conversation)["code"] == "not_found"
        send = {"conversation_id": conversation, "client_msg_id": "x", "body": "x", "sender": "someone"}
        assert one.ask("message.send", "error", **send)["code"] == "not_found"
        positions = {conversation: {"epoch": "x", "seq": 0}}
        with tab(replicas, ada, client_id=one.client_id) as back:
            answer = back.ask("resume", "resumed", client_id=one.client_id, positions=positions)
            assert (answer["recovered"], answer["reason"], answer["positions"]) == (False, "not_found", {})
    assert replicas.execute("SELECT count(*) FROM messages WHERE conversation_id = %s", conversation) == [(0,)]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("message.send", {"conversation_id": "x", "client_msg_id": "a", "body": "b"}),
        ("message.send", {"conversation_id": str(uuid.uuid4()), "client_msg_id": "", "body": "b"}),
        ("message.send", {"conversation_id": str(uuid.uuid4()), "client_msg_id": "a" * 65, "body": "b"}),
        ("message.send", {"conversation_id": str(uuid.uuid4()), "client_msg_id": "a", "body": "nul \0"}),
        ("message.send", {"conversation_id": str(uuid.uuid4()), "client_msg_id": "a", "body": "\ud800"}),
        ("message.send", {"conversation_id": str(uuid.uuid4()), "client_msg_id": "a", "body": "x" * 16385}),
        ("resume", {"client_id": str(uuid.uuid4()), "positions": {"x": {"epoch": "a", "seq": 1}}}),
        ("resume", {"client_id": str(uuid.uuid4()), "positions": {str(uuid.uuid4()): {"epoch": "a", "seq": -1}}}),
        ("state.update", {"base_version": True, "document": {}}),
        ("event.ack", {"event_id": 5}),
        ("reauth", {}),
    ],
)
def test_a_malformed_payload_is_an_invalid_frame_and_the_socket_lives(
    replicas: Replicas, ada: Person, kind: str, payload: dict[str, Any]
) -> None:
    with tab(replicas, ada) as one:
        assert one.ask(kind, "error", **payload)["code"] == "invalid_frame"
        assert one.ask("ping", "pong", here=1) == {"here": 1}


def test_an_unknown_type_is_an_error(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        assert one.ask("dance", "error")["code"] == "unknown_type"


def test_frames_that_the_layer_below_refuses_close_with_their_codes(replicas: Replicas, ada: Person) -> None:
    for size in (64 * 1024 + 1, 1 << 20):
        with tab(replicas, ada) as one:
            with suppress(ConnectionClosed):
                one.connection.send("x" * size)
            assert one.close_code() == 1009
    with tab(replicas, ada) as one:
        one.connection.send(b"\xff\xfe", text=True)
        assert one.close_code() == 1007
    with tab(replicas, ada) as one:
        one.connection.send(b"binary")
        assert one.close_code() == 1003


# Resume


def said(one: Tab, conversation: str, count: int, prefix: str = "m") -> str:
    """Send ``count`` messages; the epoch."""
    for number in range(count):
        name = f"{prefix}{number}"
        one.send("message.send", conversation_id=conversation, client_msg_id=name, body=name)
    return str([one.wait("ack") for _ in range(count)][-1]["payload"]["epoch"])


@pytest.mark.parametrize(
    ("seq", "epoch", "reason"),
    [(0, "other", "epoch_changed"), (4, None, "ahead_of_log"), (frames.MAX_SEQ, None, "ahead_of_log"), (2, None, None)],
)
def test_a_position_is_resumed_or_declared_lost(
    replicas: Replicas, ada: Person, seq: int, epoch: str | None, reason: str | None
) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as one:
        true_epoch = said(one, conversation, 3)
        client_id = one.client_id
    with tab(replicas, ada, client_id=client_id) as back:
        positions = {conversation: {"epoch": epoch or true_epoch, "seq": seq}}
        answer = back.ask("resume", "resumed", client_id=client_id, positions=positions)
        assert (answer["recovered"], answer["reason"], answer["replayed"]) == (
            reason is None,
            reason,
            0 if reason else 1,
        )
        assert answer["positions"] == {conversation: {"epoch": true_epoch, "seq": 3}}
        replayed = [frame for frame in back.nothing_more() if frame["type"].startswith("message")]
        assert len(replayed) == (0 if reason else 1)


def test_an_unknown_client_is_not_resumed(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        answer = one.ask("resume", "resumed", client_id=str(uuid.uuid4()), positions={})
        assert (answer["recovered"], answer["reason"]) == (False, "unknown_client")


def test_another_user_s_client_is_unknown(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, replicas.person()) as other, tab(replicas, ada) as one:
        answer = one.ask("resume", "resumed", client_id=other.client_id, positions={})
        assert (answer["recovered"], answer["reason"]) == (False, "unknown_client")
        assert other.nothing_more() == []


def test_a_log_that_was_cut_is_never_replayed_in_part(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as one:
        epoch = said(one, conversation, 5)
        client_id = one.client_id
    replicas.execute("DELETE FROM messages WHERE conversation_id = %s AND seq = 2", conversation)
    with tab(replicas, ada, client_id=client_id) as back:
        positions = {conversation: {"epoch": epoch, "seq": 0}}
        answer = back.ask("resume", "resumed", client_id=client_id, positions=positions)
        assert (answer["recovered"], answer["reason"], answer["replayed"]) == (False, "epoch_changed", 0)


def test_more_than_the_published_replay_is_refused(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as one:
        epoch = said(one, conversation, 2001)
        client_id = one.client_id
    with tab(replicas, ada, client_id=client_id) as back:
        positions = {conversation: {"epoch": epoch, "seq": 0}}
        answer = back.ask("resume", "resumed", client_id=client_id, positions=positions)
        assert (answer["recovered"], answer["reason"], answer["replayed"]) == (False, "too_many_missed", 0)


def test_a_client_that_was_away_too_long_is_told(replicas: Replicas, ada: Person) -> None:
    client_id = str(uuid.uuid4())
    seen = "SELECT last_seen FROM socket_clients WHERE client_id = %s"
    with tab(replicas, ada, client_id=client_id):
        opened = replicas.execute(seen, client_id)
    wait_until(lambda: replicas.execute(seen, client_id) > opened, "its leaving is written down")
    replicas.execute(
        "UPDATE socket_clients SET last_seen = now() - interval '25 hours' WHERE client_id = %s", client_id
    )
    with tab(replicas, ada, client_id=client_id) as back:
        answer = back.ask("resume", "resumed", client_id=client_id, positions={})
        assert (answer["recovered"], answer["reason"]) == (False, "window_passed")


def test_messages_that_come_during_a_resume_are_neither_lost_nor_doubled(replicas: Replicas, ada: Person) -> None:
    conversation = replicas.conversation(ada)
    with tab(replicas, ada) as one:
        epoch = said(one, conversation, 500, "before")
        client_id = str(uuid.uuid4())
        with tab(replicas, ada, client_id=client_id):
            pass
        with tab(replicas, ada, replica=1, client_id=client_id) as back:
            positions = {conversation: {"epoch": epoch, "seq": 0}}
            back.send("resume", client_id=client_id, positions=positions)
            said(one, conversation, 500, "during")
            assert [message["seq"] for message in back.messages(1000)] == list(range(1, 1001))
            assert [frame["type"] for frame in back.nothing_more()] == ["resumed"]


@pytest.mark.parametrize("replica", [0, 1])
def test_a_replay_that_is_overtaken_catches_up(replicas: Replicas, ada: Person, replica: int) -> None:
    conversation = replicas.conversation(ada)
    client_id = str(uuid.uuid4())
    with tab(replicas, ada, client_id=client_id):
        pass
    with tab(replicas, ada) as one:
        for number in range(1600):
            one.send("message.send", conversation_id=conversation, client_msg_id=str(number), body="x" * 6000)
        epoch = [one.wait("ack") for _ in range(1600)][-1]["payload"]["epoch"]
        # A socket this narrow holds the replay up between two pages until it is read.
        with tab(
            replicas, ada, replica=replica, client_id=client_id, max_queue=1, sock=narrow(replicas, replica)
        ) as back:
            positions = {conversation: {"epoch": epoch, "seq": 0}}
            taken = replicas.metric("socket_frames_received_total", replica=replica)
            back.send("resume", client_id=client_id, positions=positions)
            wait_until(
                lambda: replicas.metric("socket_frames_received_total", replica=replica) > taken, "the resume has begun"
            )
            said(one, conversation, 20, "overtaking")
            assert [message["seq"] for message in back.messages(1620)] == list(range(1, 1621))
            assert back.wait("resumed")["payload"]["positions"] == {conversation: {"epoch": epoch, "seq": 1620}}
            assert back.nothing_more() == []


def narrow(replicas: Replicas, replica: int) -> socket.socket:
    """A connection to a replica that takes in little before it is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.connect(("127.0.0.1", replicas.services[replica].port))
    return connection


@pytest.mark.parametrize("replica", [0, 1])
def test_the_newest_socket_of_a_client_wins(replicas: Replicas, ada: Person, replica: int) -> None:
    with tab(replicas, ada) as old:
        with tab(replicas, ada, replica=replica, client_id=old.client_id) as new:
            assert old.close_code(within=1.0) == 4009
            assert new.ask("ping", "pong") == {}
        with tab(replicas, ada, replica=replica) as first, tab(replicas, ada) as second:
            second.ask("resume", "resumed", client_id=first.client_id, positions={})
            assert first.close_code(within=1.0) == 4009
            assert second.ask("whoami", "me")["client_id"] == first.client_id


# Ends


def test_an_expired_token_closes_its_socket(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada, token=ada.token(lives=1.0)) as one:
        assert one.close_code(within=2.0) == 4001


def test_reauth_extends_a_socket_of_the_same_session_only(replicas: Replicas, ada: Person) -> None:
    other = replicas.person()
    with tab(replicas, ada, token=ada.token(lives=1.5)) as one:
        assert one.ask("reauth", "error", token=other.token())["code"] == "token_invalid"
        assert one.ask("reauth", "error", token=ada.token(sid=str(uuid.uuid4())))["code"] == "token_invalid"
        assert one.ask("reauth", "error", token="garbage")["code"] == "token_invalid"
        assert (
            one.ask("reauth", "reauthenticated", token=ada.token(lives=3.0))["expires_at"] > one.welcome["expires_at"]
        )
        started = time.monotonic()
        assert one.close_code(within=4.0) == 4001
        assert time.monotonic() - started > 2.0


@pytest.mark.parametrize("replica", [0, 1])
def test_a_revocation_closes_the_session_s_sockets_and_no_others(replicas: Replicas, ada: Person, replica: int) -> None:
    spared = Person(replicas.keys, id=ada.id)
    replicas.make_live(spared)
    with tab(replicas, ada) as one, tab(replicas, spared) as other:
        data = {"sid": ada.session_id, "user_id": ada.id, "reason": "logout", "expires_at": "2999-01-01T00:00:00Z"}
        replicas.sync("session.revoked", data, replica=replica)
        assert one.close_code(within=1.0) == 4003
        assert other.ask("ping", "pong") == {}
    answer = refused(replicas.socket_url(), additional_headers={"Authorization": f"Bearer {ada.token()}"})
    assert json.loads(answer.body or b"")["code"] == "session_revoked"


def test_a_revocation_that_only_redis_knows_closes_too(replicas: Replicas, ada: Person) -> None:
    with tab(replicas, ada) as one:
        with redis.Redis.from_url(replicas.redis_url) as client:
            client.set(f"session:revoked:{ada.session_id}", "logout", ex=60)
        assert one.close_code(within=1.0) == 4003


@pytest.mark.parametrize(("kind", "status"), [("user.deactivated", "disabled"), ("user.deleted", "deleted")])
def test_a_user_who_is_gone_loses_his_sockets(replicas: Replicas, ada: Person, kind: str, status: str) -> None:
    with tab(replicas, ada) as one, tab(replicas, ada, replica=1) as other:
        replicas.sync(kind, ada.record(version=2, status=status))
        assert one.close_code(within=1.0) == 4003
        assert other.close_code(within=1.0) == 4003


def test_a_slow_consumer_is_closed_and_can_resume(
    servers: Servers, make_database: MakeDatabase, start_service: StartService, keys: KeyServer
) -> None:
    database = make_database("slow", migrate="backend")
    small = start_replicas(
        start_service, database, servers.redis_url, keys, count=1, SOCKET_QUEUE="50", CLOSE_GRACE="120"
    )
    ada = small.person()
    conversation = small.conversation(ada)
    body = "x" * 16000
    with tab(small, ada, max_queue=1, sock=narrow(small, 0)) as slow:
        epoch = slow.ask("subscribe", "subscribed", conversation_id=conversation)["epoch"]
        client_id = slow.client_id
        with tab(small, ada) as fast:
            for start in range(0, 400, 20):
                for number in range(start, start + 20):
                    fast.send("message.send", conversation_id=conversation, client_msg_id=str(number), body=body)
                for _ in range(20):
                    fast.wait("ack")
        assert small.metric('socket_closes_total{code="4008"}') == 1, "counted before the client has taken the close"
        assert slow.close_code(within=8.0) == 4008
        got = [frame["payload"]["seq"] for frame in slow.seen if frame["type"] == "message"]
        assert got == list(range(1, len(got) + 1))
        assert len(got) < 400
    with tab(small, ada, client_id=client_id) as back:
        positions = {conversation: {"epoch": epoch, "seq": len(got)}}
        back.send("resume", client_id=client_id, positions=positions)
        assert [message["seq"] for message in back.messages(400 - len(got))] == list(range(len(got) + 1, 401))


def is_reset(connection: socket.socket) -> bool:
    """Whether the peer has ended the connection by a reset, whether anybody reads from it or not."""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == bytes([TCP_CLOSED])
    except OSError:
        return True


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="Linux tells the state of a connection")
def test_a_peer_that_never_reads_again_costs_no_connection(
    servers: Servers, make_database: MakeDatabase, start_service: StartService, keys: KeyServer
) -> None:
    database = make_database("never", migrate="backend")
    small = start_replicas(
        start_service, database, servers.redis_url, keys, count=1, SOCKET_QUEUE="50", CLOSE_GRACE="0.5"
    )
    ada = small.person()
    conversation = small.conversation(ada)
    connection = narrow(small, 0)
    with tab(small, ada) as fast, tab(small, ada, max_queue=1, sock=connection) as silent:
        silent.ask("subscribe", "subscribed", conversation_id=conversation)
        for number in range(400):
            fast.send("message.send", conversation_id=conversation, client_msg_id=str(number), body="x" * 16000)
            fast.wait("ack")
        wait_until(lambda: small.metric("sockets_open") == 1, "the silent socket is given up")
        wait_until(lambda: is_reset(connection), "its connection is ended")


def test_a_terminated_replica_says_1012_and_ends(
    servers: Servers, make_database: MakeDatabase, start_service: StartService, keys: KeyServer
) -> None:
    database = make_database("terminated", migrate="backend")
    one = start_replicas(start_service, database, servers.redis_url, keys, count=1)
    with tab(one, one.person()) as open_tab:
        assert one.services[0].stop() in (0, -15)
        assert open_tab.close_code() == 1012
    assert "Traceback" not in one.services[0].log()
