"""The parts of WebSocketLibrary that need no socket: journal, matcher, frames, handshake request, load plan."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from WebSocketLibrary import frames
from WebSocketLibrary.connection import Connection
from WebSocketLibrary.errors import ErrorFrames, is_temporary
from WebSocketLibrary.exchange import Exchanged
from WebSocketLibrary.expressions import parsed
from WebSocketLibrary.handshake import Request, TokenPlace, build
from WebSocketLibrary.heartbeat import Heartbeats
from WebSocketLibrary.journal import Direction, Frame, Journal, Opcode
from WebSocketLibrary.load import Collection, Template, plan
from WebSocketLibrary.matching import equal, look_up, matcher
from websockets.frames import Frame as PeerFrame
from websockets.streams import StreamReader

ACK = {"type": "ack", "id": None, "payload": {"seq": 3, "ok": True, "items": [{"id": "7"}], "a.b": 1}}


def frame(body: bytes, opcode: int = Opcode.TEXT, **more: Any) -> Frame:
    """One received frame."""
    return Frame("c", 0, 1.0, 0.5, datetime.now(UTC), Direction.RECEIVED, opcode, body, **more)


def as_frame(document: Any) -> Frame:
    return frame(json.dumps(document).encode())


def test_a_heartbeat_is_in_no_latency() -> None:
    journal = Journal("c")
    for at, sent, heartbeat in ((1.0, True, False), (1.2, False, True), (1.3, True, True), (1.5, False, False)):
        journal.record(Opcode.TEXT, b"{}", sent=sent, heartbeat=heartbeat)
        journal.entries[-1] = (at, *journal.entries[-1][1:])
    assert Exchanged(1, 1.0, [(journal, 0, 4)]).latencies == [0.5]
    assert [(one.heartbeat, one.is_data) for one in journal.frames()] == [(True, False), (False, True)]
    assert [one.elapsed for one in journal.data()] == [journal[3].elapsed]


def test_heartbeats_are_answered_as_described() -> None:
    beats = Heartbeats.described([{"when": "type=ping", "send": "pong"}, {"when": {"text": "2"}, "send": "3"}])
    assert beats is not None
    assert [beats.answer(Opcode.TEXT, body) for body in (b'{"type": "ping"}', b"2", b"22", b'{"type": "x"}')] == [
        b"pong", b"3", None, None,
    ]  # fmt: skip
    assert Heartbeats.described(None) is None
    with pytest.raises(ValueError, match="heartbeat: nothing is described"):
        Heartbeats.described([])


# --- matcher


@pytest.mark.parametrize(
    ("where", "fields", "expected"),
    [
        (None, None, True),
        (None, {"type": "ack"}, True),
        (None, {"type": "nack"}, False),
        (None, {"payload.seq": "3"}, True),
        (None, {"payload.seq": 3}, True),
        (None, {"payload.seq": 4}, False),
        (None, {"payload.seq.deeper": 3}, False),
        (None, {"payload.ok": "true"}, True),
        (None, {"payload.ok": "True"}, True),
        (None, {"payload.ok": 1}, False),
        (None, {"payload.items.0.id": "7"}, True),
        (None, {"payload.items.0.id": 7}, False),
        (None, {"payload.items.1.id": "7"}, False),
        (None, {"payload.a.b": 1}, True),
        (None, {"id": "null"}, True),
        (None, {"id": None}, True),
        (None, {"absent": None}, False),
        (None, {"type": "ack", "payload.seq": 4}, False),
        ({"type": "ack"}, {"payload.seq": 3}, True),
        ("type=ack", None, True),
        ("payload.seq=4", None, False),
        ("type == 'ack' and payload.seq > 2", None, True),
        ("payload.seq > 3", None, False),
        ("payload.items[0].id == '7'", None, True),
        ("payload['items'][0]['id'] == '7'", None, True),
        ("nobody.knows", None, False),
        ("status >= 400 or type == 'ack'", None, True),
        ("type == 'ack' and (status >= 400 or payload.seq == 3)", None, True),
        ("status >= 400 or type == 'nack'", None, False),
        ("re.search('a.k', text)", None, True),
        ("opcode == 'text' and frame.index == 0", None, True),
    ],
)
def test_matching(where: Any, fields: Any, expected: bool) -> None:
    assert matcher(where, fields)(as_frame(ACK)) is expected


def test_frames_that_are_no_json_match_by_text_only() -> None:
    plain = frame(b"hello")
    assert matcher(fields={"text": "hello"})(plain)
    assert not matcher(fields={"type": "hello"})(plain)
    assert not matcher("type == 'ack'")(plain)
    assert matcher("body == b'hello'")(plain)


def test_without_criteria_only_data_frames_match() -> None:
    assert not matcher()(frame(b"", Opcode.PING))
    assert not matcher()(frame(b"half", complete=False))
    assert matcher()(frame(b"", Opcode.BINARY))


@pytest.mark.parametrize("where", ["type ==", "type=ack and x == 1", "a=b or c"])
def test_a_faulty_expression_is_told_at_once(where: str) -> None:
    with pytest.raises(ValueError, match=r"not a Python expression|mixes a path"):
        matcher(where)


def test_an_expression_reaches_nothing_outside() -> None:
    assert not matcher("open('/etc/passwd')")(as_frame(ACK))
    assert not matcher("__import__('os')")(as_frame(ACK))


def test_the_description_names_every_condition() -> None:
    assert matcher("x > 1", {"type": "ack"}).description == "type = 'ack' and [x > 1]"


def test_look_up_says_where_it_failed() -> None:
    with pytest.raises(LookupError):
        look_up({"a": 1}, "b")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_equal_accepts_every_value_as_itself_and_as_its_json(value: Any) -> None:
    assert equal(value, value)
    if not isinstance(value, str):
        assert equal(value, json.dumps(value))


# --- what an expression reads


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("type == 'ack'", ["type"]),
        ("payload.items[0].id == 7 and type in ('a', 'b')", ["payload.items.0.id", "type"]),
        ("payload['items'][-1]['id']", ["payload.items.-1.id"]),
        ("json['payload'].seq > 1", ["payload.seq"]),
        ("payload.get('nick') or name.lower() == other.name", ["payload", "name", "other.name"]),
        ("any(tag == wanted for tag in payload.tags)", ["payload.tags", "wanted"]),
        ("re.search('x', text) and frame.index > 2 and body == b''", ["text"]),
        ("payload.items[number].id", ["payload.items", "number"]),
        ("sorted(names, key=lambda one: one.age)", ["names"]),
        ("'error' in json", []),
    ],
)
def test_the_fields_that_an_expression_reads(expression: str, fields: list[str]) -> None:
    assert sorted(parsed(expression).fields) == sorted(fields)


def test_what_an_expression_wants_to_be_equal() -> None:
    whole = parsed("type == 'ack' and 3 == payload.seq and payload.seq > 1 and a == b and len == 1")
    assert [part.equals for part in whole.parts] == [("type", "ack"), ("payload.seq", 3), None, None, None]


# --- errors


@pytest.mark.parametrize(
    ("where", "body", "expected"),
    [
        ("type=error", b'{"type": "error"}', True),
        ("type=error", b'{"type": "ack", "payload": "error"}', False),
        ("ok=false", b'{"ok": false}', True),
        ("ok=None", b'{"ok": null}', True),
        ("code=1.0", b'{"code": 1}', True),
        ("type == 'error' or status >= 400", b'{"status": 500}', True),
        ("none", b'{"type": "error"}', False),
    ],
)
def test_what_an_error_is(where: str, body: bytes, expected: bool) -> None:
    assert ErrorFrames.described(where)(frame(body)) is expected


def test_most_frames_of_a_load_are_known_by_their_bytes_to_be_no_errors() -> None:
    assert not ErrorFrames.described().may_be(b'{"type": "ack"}')
    assert ErrorFrames.described("status >= 400").may_be(b'{"type": "ack"}')


# --- journal


def filled() -> Journal:
    journal = Journal("c")
    journal.record(Opcode.TEXT, b"one", sent=False)
    journal.record(Opcode.TEXT, b"mine", sent=True)
    journal.record(Opcode.PING, b"", sent=False)
    journal.record(Opcode.BINARY, b"two", sent=False, fragments=3)
    journal.record(Opcode.TEXT, b"thr", sent=False, complete=False)
    return journal


def test_journal_keeps_order_direction_and_fragments() -> None:
    journal = filled()
    assert [f.body for f in journal.frames()] == [b"one", b"", b"two", b"thr"]
    assert [f.body for f in journal.frames(Direction.SENT)] == [b"mine"]
    assert [f.index for f in journal.frames(Direction.BOTH, since=2)] == [2, 3, 4]
    assert (journal[3].fragments, journal[3].is_data, journal[4].is_data) == (3, True, False)
    assert journal[0].at <= journal[4].at
    assert abs((journal[0].wall - datetime.now(UTC)).total_seconds()) < 5


def test_a_taken_frame_is_not_untaken() -> None:
    journal = filled()
    journal.take(journal[0])
    assert [f.index for f in journal.untaken()] == [2, 3, 4]
    assert [f.index for f in journal.untaken(since=3)] == [3, 4]


def test_data_frames_taken_in_bulk_settle_also_when_they_come_later() -> None:
    journal = filled()
    journal.collected += 3
    assert [f.index for f in journal.untaken()] == [2, 4]
    journal.record(Opcode.TEXT, b"third", sent=False)
    journal.record(Opcode.TEXT, b"fourth", sent=False)
    assert [f.body for f in journal.untaken(since=5)] == [b"fourth"]


def test_a_frame_is_parsed_once() -> None:
    journal = Journal("c")
    journal.record(Opcode.TEXT, b'{"a": 1}', sent=False)
    assert journal[0].json is journal[0].json
    assert frame(b"\xff").text == "�"
    assert frame(b"{").json is None
    assert frame(b"1", Opcode.BINARY).json is None


def test_collection_takes_its_span_only() -> None:
    journal = filled()
    journal.record(Opcode.TEXT, b"third", sent=False)
    journal.collected = 3
    collected = Collection([journal], 2)
    journal.collected = 9
    assert [f.body for f in collected["c"]] == [b"two", b"third"]
    assert repr(collected) == "<1 connections, 2 frames>"


# --- frames


@given(
    body=st.binary(max_size=200) | st.integers(120, 130).map(bytes) | st.integers(65530, 65540).map(bytes),
    opcode=st.sampled_from([Opcode.TEXT, Opcode.BINARY]),
    fin=st.booleans(),
)
def test_frames_are_read_by_another_implementation(body: bytes, opcode: Opcode, fin: bool) -> None:
    data = frames.encode(opcode, body, fin=fin, mask=frames.new_mask())
    reader = StreamReader()
    reader.feed_data(data)
    parser = PeerFrame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as done:
        next(parser)
    read = done.value.value
    assert (read.data, read.fin, int(read.opcode)) == (body, fin, opcode)
    assert len(data) == frames.frame_size(len(body))


def test_reserved_bits_lie_between_fin_and_opcode() -> None:
    assert frames.encode(2, b"", rsv=5, mask=None) == b"\xd2\x00"
    with pytest.raises(ValueError, match="three reserved bits"):
        frames.encode(2, b"", rsv=8)


def test_a_frame_may_lie_about_its_length() -> None:
    assert frames.encode(1, b"x", mask=None, length=1 << 40) == b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x"


@pytest.mark.parametrize(("code", "reason"), [(None, "why"), (1000, "x" * 124)])
def test_impossible_close_bodies(code: int | None, reason: str) -> None:
    with pytest.raises(ValueError, match="a close reason"):
        frames.close_body(code, reason)


def test_close_codes() -> None:
    assert frames.close_code(frames.close_body(4001, "ü")) == 4001
    assert frames.close_code(b"") == 1005


@given(st.binary(max_size=50), st.integers(1, 60))
def test_split_loses_nothing(body: bytes, parts: int) -> None:
    pieces = frames.split(body, parts)
    assert len(pieces) == parts
    assert b"".join(pieces) == body


# --- handshake request


def test_places_of_a_token() -> None:
    def made(place: TokenPlace) -> Request:
        return build("ws://h/x?a=1", token="t k", token_in=place, subprotocols=["chat.v1"])

    assert made(TokenPlace.HEADER).all_headers == [
        ("Authorization", "Bearer t k"),
        ("Sec-WebSocket-Protocol", "chat.v1"),
    ]
    assert made(TokenPlace.SUBPROTOCOL).all_headers == [("Sec-WebSocket-Protocol", "chat.v1, bearer.t k")]
    assert made(TokenPlace.QUERY).url == "ws://h/x?a=1&access_token=t%20k"


def test_a_header_given_by_hand_wins() -> None:
    request = build("ws://h", token="t", headers={"authorization": "Basic x"}, origin="http://o", test_id="T")
    assert dict(request.headers) == {"authorization": "Basic x", "Origin": "http://o", "X-Test-Id": "T"}


@pytest.mark.parametrize("url", ["http://h", "ws:///x", "h:80"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a ws://"):
        build(url)


# --- load


def sockets(count: int) -> list[Connection]:
    return [Connection(f"s{number}", Request("ws://h")) for number in range(count)]


def test_numbers_become_numbers_and_text_stays_text() -> None:
    template = Template('{"n":"{n}","who":"{alias}/{n}","socket":"{socket}"}')
    assert template.body(3, 5, "s3", Random(1)) == b'{"n":5,"who":"s3/5","socket":3}'


def test_uuids_come_from_the_seed() -> None:
    first, again, other = (Template("{uuid}").body(0, 0, "", Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert uuid.UUID(first.decode()).version == 4


def test_a_plan_is_even_without_a_seed() -> None:
    shipments = plan(sockets(2), Template("{n}"), 2, 10.0, Random(1), shuffled=False)
    assert [(s.connection.alias, s.body, round(s.after, 3)) for s in shipments] == [
        ("s0", b"0", 0.0),
        ("s1", b"0", 0.1),
        ("s0", b"1", 0.2),
        ("s1", b"1", 0.3),
    ]


@given(st.integers(1, 8), st.integers(1, 8), st.integers())
def test_a_shuffled_plan_keeps_the_order_of_each_socket(count: int, times: int, seed: int) -> None:
    shipments = plan(sockets(count), Template("{n}"), times, 100.0, Random(seed), shuffled=True)
    assert Counter(s.connection.alias for s in shipments) == {f"s{n}": times for n in range(count)}
    for number in range(count):
        bodies = [int(s.body) for s in shipments if s.connection.alias == f"s{number}"]
        assert bodies == list(range(times))
    assert [s.after for s in shipments] == sorted(s.after for s in shipments)


@pytest.mark.parametrize(
    ("body", "temporary"),
    [
        (b'{"type": "error", "payload": {"code": "unavailable", "retryable": true}}', True),
        (b'{"error": "busy", "retryable": true}', True),
        (b'{"type": "error", "payload": {"code": "not_found", "retryable": false}}', False),
        (b'{"type": "error", "payload": {"code": "not_found"}}', False),
        (b'{"type": "error", "payload": null}', False),
        (b"no JSON", False),
    ],
)
def test_an_error_that_says_try_again(body: bytes, temporary: bool) -> None:
    assert is_temporary(frame(body)) is temporary
