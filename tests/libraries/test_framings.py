"""Framings of sockets: packets of socket.io and GraphQL over WebSocket, and two real servers that speak them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lockstep.dialect import DialectError, load
from lockstep.dialect.framings import FRAMINGS

from tests.foreign.running import FAIL, FOREIGN, PASS, included, run, served
from tests.foreign.socketio_server import socketio_chat
from tests.libraries.inner import run_inner

IDS = ["T20-01", "T20-02", "T20-03", "T21-03", "T21-04", "T21-07", "T25-01", "T25-02", "T25-05", "T25-07"]
SOCKET_IO = FRAMINGS["socket.io"]
GRAPHQL = FRAMINGS["graphql-transport-ws"]


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ('0{"sid":"a","pingInterval":25000}', {"packet": "open", "data": {"sid": "a", "pingInterval": 25000}}),
        ("2", {"packet": "ping"}),
        ('40{"sid":"b"}', {"packet": "connect", "namespace": "/", "data": {"sid": "b"}}),
        ("40/admin,", {"packet": "connect", "namespace": "/admin"}),
        ("41", {"packet": "disconnect", "namespace": "/"}),
        ('42["hi"]', {"packet": "event", "namespace": "/", "event": "hi", "args": []}),
        ('42["hi",1,[2]]', {"packet": "event", "namespace": "/", "event": "hi", "args": [1, [2]], "data": 1}),
        (
            '42/a,7["hi",{"b":1}]',
            {"packet": "event", "namespace": "/a", "id": 7, "event": "hi", "args": [{"b": 1}], "data": {"b": 1}},
        ),
        ('437["ok"]', {"packet": "ack", "namespace": "/", "id": 7, "args": ["ok"], "data": "ok"}),
        ("437[]", {"packet": "ack", "namespace": "/", "id": 7, "args": []}),
        ('44{"message":"no"}', {"packet": "connect_error", "namespace": "/", "data": {"message": "no"}}),
    ],
)  # fmt: skip
def test_packets_of_socket_io_are_read_and_written(text: str, packet: dict[str, Any]) -> None:
    assert SOCKET_IO.decode(text) == [packet]
    assert SOCKET_IO.decode(text.encode()) == [packet]
    assert (
        SOCKET_IO.encode({name: value for name, value in packet.items() if name != "data" or "args" not in packet})
        == text
    )


@pytest.mark.parametrize(
    "text",
    ["", "9", "4", "45-[1]", "42", "42{}", "42[]", "42[", "0{", "hello", '451-["a",{"_placeholder":true,"num":0}]'],
)
def test_what_is_no_packet_is_none(text: str) -> None:
    assert SOCKET_IO.decode(text) == []


def test_a_packet_without_a_kind_is_an_error_of_the_dialect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMS_URL", "http://127.0.0.1:1")
    text = (FOREIGN / "socketio" / "target.yaml").read_text("utf-8")
    (tmp_path / "target.yaml").write_text(
        text.replace('{packet: event, id: "{call}", event: who', "{event: who"), "utf-8"
    )
    with pytest.raises(DialectError, match=r"socket\.out\.who_am_i\.send: .*needs packet, one of connect"):
        load(tmp_path / "target.yaml")


def test_pings_of_both_protocols_are_answered() -> None:
    assert [SOCKET_IO.encode(SOCKET_IO.answer(packet)) for packet in SOCKET_IO.decode("2")] == ["3"]
    assert [GRAPHQL.encode(GRAPHQL.answer(frame)) for frame in GRAPHQL.decode('{"type":"ping"}')] == ['{"type":"pong"}']
    assert (
        SOCKET_IO.answer({"packet": "event"}) is GRAPHQL.answer({"type": "next"}) is FRAMINGS["json"].answer({}) is None
    )


@pytest.mark.parametrize("name", ["socketio", "graphql"])
def test_portable_suites_pass_on_a_real_server_of_the_framing(name: str, tmp_path: Path) -> None:
    with served(name) as variables:
        assert run(tmp_path, name, variables, *included(IDS)) == dict.fromkeys(IDS, (PASS, ""))


@pytest.mark.parametrize("name", ["socketio", "graphql"])
def test_faults_of_such_a_server_are_caught(name: str, tmp_path: Path) -> None:
    with served(name, "any token", "to all") as variables:
        found = run(tmp_path, name, variables, *included(["T21-04", "T25-05"]))
    assert [(key, status) for key, (status, _) in sorted(found.items())] == [("T21-04", FAIL), ("T25-05", FAIL)]
    assert "should not arrive on" in found["T25-05"][1]


BEATS = """*** Settings ***
Library    RequestsLibrary
Library    WebSocketLibrary
Library    TargetLibrary
Suite Setup    Use Target

*** Test Cases ***
A Silent Socket Stays Open
    ${user} =    Sign In
    ${socket} =    Open Socket    ${user}
    Connection Should Be Open    ${socket}    hold=1.5s
    Socket Should Be Open    ${socket}
"""


def test_pings_of_socket_io_are_answered_while_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "suite.robot").write_text(BEATS, "utf-8")
    with socketio_chat(beat=0.4) as rooms:
        done = run_inner(
            tmp_path / "suite.robot", tmp_path, variables={"TARGET": str(FOREIGN / "socketio")}, ROOMS_URL=rooms.url
        )
    assert done.verdicts == {"A Silent Socket Stays Open": ("PASS", "")}
