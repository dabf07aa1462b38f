"""ChatLibrary: what a client says next, and its keywords at a real server, good and bad."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ChatLibrary import ChatLibrary
from ChatLibrary.report import ChatReport, flaws, only_late
from ChatLibrary.state import ChatState
from lockstep.dialect import Dialect, Line, Speaker, find, load, loads

from tests.libraries.chat_server import ChatServer, chat_server
from tests.libraries.conftest import Stack
from tests.libraries.inner import INNER, run_inner

TOKEN = "k4Wz-8vQ_hTn2RbX6mLc0"
SLOW = frozenset({1006, 4008, 4010})
WELL = ChatReport(1, 3, 3, 0, {}, (), (), (), (), (), ())


DIALECT = """dialect: 1
endpoints: {api: {url: http://api:1, socket: ws://api:1/ws}}
socket:
  authentication: none
  greeting: {when: {do: hello}}
  out:
    subscribe: {send: {do: join, room: "{room}"}, answer: {do: joined}}
    send: {send: {do: say, text: "{text}"}}
  in:
    message: {when: {do: said}, read: {text: text, id: number}}
    snapshot: {when: {do: joined}, each: texts, read: {text: .text, id: .number}}
  resume: subscription
"""


def begun(state: ChatState, dialect: Dialect | None = None) -> ChatState:
    """The state with a new connection, in the words of a dialect (the reference platform's)."""
    state.begin(Line(Speaker(dialect or load(find("embedded")), {}), client=state.client_id))
    return state


def heard(state: ChatState, kind: str, call: Any = None, **payload: Any) -> list[Any]:
    """What the client sends upon a frame."""
    return [json.loads(frame) for frame in state.hear({"type": kind, "id": call, "payload": payload})]


def welcomed(state: ChatState) -> Any:
    (asked,) = heard(state, "welcome", client_id=state.client_id, user_id="u", session_id="s")
    return asked


def joined_one() -> ChatState:
    state = begun(ChatState("ann", "tab-1", "room"))
    heard(state, "subscribed", welcomed(state)["id"], epoch="e", head=2)
    return state


def say(state: ChatState, text: str) -> Any:
    (sent,) = state.say(text)
    return json.loads(sent)


def test_a_new_client_subscribes_and_holds_the_head() -> None:
    fresh = begun(ChatState("ann", "tab-1", "room"))
    assert str(fresh).endswith("not connected: waits for greeting (type = welcome)")
    assert welcomed(fresh)["type"] == "subscribe"
    assert not fresh.ready
    joined = joined_one()
    assert (joined.ready, joined.epoch, joined.held) == (True, "e", 2)


def test_a_returning_client_resumes_where_it_was_and_sends_again() -> None:
    joined = joined_one()
    first = say(joined, "one")
    joined.lose()
    assert joined.say("two") == []
    resume = welcomed(begun(joined))
    assert resume["type"] == "resume"
    assert resume["payload"] == {"client_id": "tab-1", "positions": {"room": {"epoch": "e", "seq": 2}}}
    again = heard(joined, "resumed", resume["id"], recovered=True, replayed=0, positions={})
    assert [frame["payload"] for frame in again] == [
        first["payload"], {"conversation_id": "room", "client_msg_id": "ann-1", "body": "two"}
    ]  # fmt: skip
    assert joined.resent == 2


def test_a_stream_that_is_not_recovered_goes_on_from_the_head() -> None:
    joined = joined_one()
    joined.lose()
    resume = welcomed(begun(joined))
    (again,) = heard(joined, "resumed", resume["id"], recovered=False, reason="epoch_changed", positions={})
    heard(joined, "subscribed", again["id"], epoch="f", head=9)
    assert (joined.epoch, joined.held, joined.unrecovered) == ("f", 9, ["epoch_changed"])


def test_only_what_comes_in_order_is_held() -> None:
    joined = joined_one()
    for seq in (4, 3, 3):
        heard(joined, "message", seq=seq, client_msg_id=f"x{seq}")
    assert joined.held == 3
    heard(joined, "message.batch", messages=[{"seq": 4, "client_msg_id": "x4"}, {"seq": 5, "client_msg_id": "x5"}])
    assert joined.held == 5


def test_settled_is_acknowledged_given_back_and_answered() -> None:
    joined = joined_one()
    joined.answered = True
    sent = say(joined, "one")
    assert not joined.settled
    heard(joined, "ack", sent["id"], client_msg_id="ann-0", seq=3, epoch="e", duplicate=False)
    assert not joined.settled
    heard(joined, "message", seq=3, client_msg_id="ann-0")
    assert str(joined) == "1 sent, 0 not acknowledged, holds 3 of at least 3, 0 not given back, 1 not answered"
    heard(joined, "message", seq=4, client_msg_id="answer:3")
    assert joined.settled


def test_an_event_is_acknowledged_and_an_error_is_kept() -> None:
    joined = joined_one()
    assert heard(joined, "event", event_id="7")[0]["payload"] == {"event_id": "7"}
    heard(joined, "error", code="unavailable", detail="not now")
    assert joined.errors == ["unavailable: not now"]
    assert joined.joined


def test_a_client_whose_resumption_is_an_error_has_to_try_again() -> None:
    joined = joined_one()
    joined.lose()
    resume = welcomed(begun(joined))
    heard(joined, "error", resume["id"], code="unavailable", detail="not now", retryable=True)
    assert (joined.joined, joined.ready, joined.hopeless) == (False, False, "")


def test_a_snapshot_brings_back_what_was_missed_and_nothing_is_sent_twice_that_has_no_id() -> None:
    dialect = loads(DIALECT)
    state = begun(ChatState("ann", "tab-1", "room"), dialect)
    assert state.hear({"do": "hello"}) == ['{"do":"join","room":"room"}']
    state.hear({"do": "joined", "texts": []})
    assert state.ready
    assert state.say("one") == ['{"do":"say","text":"one"}']
    state.hear({"do": "said", "text": "one", "number": 1})
    assert (state.acked, state.settled) == ({"ann-0": None}, True)
    state.say("two")
    state.lose()
    assert (state.unacked, state.sent) == ({}, 2)
    begun(state, dialect).hear({"do": "hello"})
    assert state.hear({"do": "joined", "texts": [{"text": "one", "number": 1}, {"text": "two", "number": 2}]}) == []
    assert state.received == {"ann-0", "ann-1"}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"closes": {1012: 2}}, []),
        ({"closes": {1006: 1, 1012: 2}}, ["1 sockets closed with 1006"]),
        ({"refusals": ("ann: 503", "bob: 503")}, ["2 handshakes refused, the first: ann: 503"]),
        ({"unrecovered": ("ann: x",)}, ["1 streams not resumed, the first: ann: x"]),
        ({"errors": ("ann: y",)}, ["1 errors, the first: ann: y"]),
        ({"troubles": ("ann: z",)}, ["1 clients gave up, the first: ann: z"]),
    ],
)
def test_every_flaw_is_found(changed: dict[str, Any], found: list[str]) -> None:
    assert flaws(ChatReport(**{**vars(WELL), **changed}), [1012]) == found


def test_a_refused_handshake_is_no_flaw_where_nobody_was_there_to_take_it() -> None:
    report = ChatReport(**{**vars(WELL), "refusals": ("ann: refused",), "errors": ("ann: y",)})
    assert flaws(report, [], refused=True) == ["1 errors, the first: ann: y"]


def test_a_handshake_that_was_refused_for_the_client_s_sake_is_a_flaw_at_any_time() -> None:
    report = ChatReport(**{**vars(WELL), "refusals": ("ann: 503", "bob: 401"), "rejections": ("bob: 401",)})
    assert flaws(report, [], refused=True) == ["1 handshakes refused, the first: bob: 401"]


def test_logs_that_begin_again_excuse_no_other_loss() -> None:
    report = ChatReport(**{**vars(WELL), "unrecovered": ("ann: epoch_changed", "bob: window_passed")})
    assert flaws(report, [], new_log=True) == ["1 streams not resumed, the first: bob: window_passed"]
    assert flaws(report, []) == ["2 streams not resumed, the first: ann: epoch_changed"]


@pytest.mark.parametrize(
    ("changed", "late"),
    [
        ({"refusals": ("ann: the handshake got no answer within 30 s",)}, True),
        (
            {"errors": ("ann: unavailable: database does not answer",), "closes": {1012: 3, 4010: 1, 4008: 1, 1006: 1}},
            True,
        ),
        ({"refusals": ("ann: the handshake was refused with 503 Service Unavailable",)}, True),
        ({"refusals": ("ann: the handshake was refused with 401 Unauthorized",)}, False),
        ({"errors": ("ann: not_found: no such conversation",)}, False),
        ({"closes": {1011: 1}}, False),
        ({"unrecovered": ("ann: c",)}, False),
        ({"troubles": ("ann: the socket was closed with 4009",)}, False),
    ],
)
def test_what_is_only_late_is_told_from_what_is_wrong(changed: dict[str, Any], late: bool) -> None:
    assert only_late(ChatReport(**{**vars(WELL), **changed, "slow": SLOW}), [1012]) is late


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def test_keywords_from_outside(server: ChatServer, tmp_path: Path) -> None:
    run = run_inner(INNER / "chat", tmp_path, variables={"URL": server.url}, CHAT_TOKEN=TOKEN)
    run.all_as_declared()
    assert server.subprotocols == {"chat.v1"}
    for log in server.logs.values():
        assert len({message["client_msg_id"] for message in log}) == len(log)


def test_clients_live_through_a_restart_of_a_real_backend(stack: Stack) -> None:
    from DataFactory import DataFactory
    from lockstep import target

    target.set_current(stack.descriptor)
    library, factory, backend = ChatLibrary(), DataFactory(seed="chat"), stack.services["backend-1"]
    try:
        users = factory.create_load_users(2)
        rooms = [factory.create_conversation(user).id for user in users]
        library.open_chats(stack.descriptor["backend_socket_urls"][0], [user.access_token for user in users], rooms)
        library.start_chatting(timedelta(milliseconds=50))
        library.wait_until_chats_have_sent(2)
        try:
            backend.stop()
        finally:
            backend.start()
        library.wait_until_chats_have_sent(2)
        library.stop_chatting()
        library.chats_should_settle(timedelta(seconds=30))
        report = library.get_chat_report()
        assert report.closes == {1012: 2}
        assert len(report.absences) == 2
        assert (report.unrecovered, report.errors, report.troubles) == ((), (), ())
        assert report.sent == report.acked
    finally:
        library.close_chats()
        target.set_current(None)
