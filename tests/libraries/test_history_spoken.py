"""HistoryLibrary: what passes over a socket in the words of a dialect becomes a history that the checks can judge."""

from __future__ import annotations

from pathlib import Path

import pytest
from HistoryLibrary import History, judge
from HistoryLibrary.spoken import Names, SpokenSocket
from lockstep.dialect import Line, Speaker, loads
from lockstep.dialect.line import Opened

BASE = """dialect: 1
endpoints: {{api: {{url: http://api:1, socket: ws://api:1/ws}}}}
socket:
  authentication: none
  resume: {resume}
  out:
    subscribe: {{send: {{do: join, room: "{{room}}"}}, answer: {{do: joined}}}}
    send: {{send: {{do: say, text: "{{text}}"}}, answer: {{do: taken}}}}
  in:
    message: {{when: {{do: said}}, read: {{text: text, id: number, position: number}}}}
    snapshot: {{when: {{do: joined}}, each: all, read: {{text: .text, id: .number, position: .number}}}}
promises: {promises}
"""


class Told:
    """One client's socket, and the history of it."""

    def __init__(self, folder: Path, resume: str = "subscription", promises: str = "{}") -> None:
        self.history = History("spoken", folder)
        self.names, self.seen = Names(), set[tuple[str, str]]()
        self.speaker = Speaker(loads(BASE.format(resume=resume, promises=promises)), {})
        self.socket = self.again()

    def again(self) -> SpokenSocket:
        self.line = Line(self.speaker)
        self.socket = SpokenSocket(self.history, "ann", self.line, self.names, self.seen)
        return self.socket

    def joined(self, *texts: str) -> None:
        """The subscription is answered with all messages."""
        frame = {"do": "joined", "all": [{"text": text, "number": number} for number, text in enumerate(texts, 1)]}
        self.socket.asked("subscribe", "room", {})
        if events := self.line.events(frame):
            self.socket.received(events, "room")
        self.socket.answered("subscribe", "room", Opened(True, {}, frame), {})

    def said(self, text: str, number: int) -> None:
        self.socket.received(self.line.events({"do": "said", "text": text, "number": number}), "room")

    def sent(self, text: str, number: int | None) -> None:
        self.socket.asked("send", "room", {"text": text, "key": f"k-{text}"})
        opened = Opened(True, {"position": number} if number else {}, {})
        self.socket.answered("send", "room", opened, {"key": f"k-{text}"})

    def drained(self) -> None:
        self.history.record("invoke", "ann", "drain", "room")
        self.history.record("ok", "ann", "drain", "room")

    def found(self, *checks: str) -> tuple[str, list[str]]:
        judgement = judge(self.history.operations(), checks or None)
        return judgement.verdict.name, [anomaly.name for anomaly in judgement.anomalies]


def test_a_snapshot_gives_what_was_missed(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.joined()
    told.sent("one", 1)
    told.said("one", 1)
    told.socket.ended(1012)
    told.again()
    told.joined("one", "two")
    told.sent("three", 3)
    told.said("three", 3)
    told.drained()
    assert told.found("lost", "ack-without-commit", "duplicate") == ("VALID", [])


def test_a_snapshot_without_what_was_acknowledged_is_a_loss(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.joined()
    told.sent("one", 1)
    told.socket.ended(1012)
    told.again()
    told.joined()
    assert told.found("ack-without-commit") == ("INVALID", ["ack-without-commit"])


@pytest.mark.parametrize(("given", "verdict"), [(("two",), "VALID"), ((), "INVALID")])
def test_who_is_known_by_the_address_is_given_the_rest(given: tuple[str, ...], verdict: str, tmp_path: Path) -> None:
    told = Told(tmp_path, "url")
    told.joined()
    told.sent("one", 1)
    told.said("one", 1)
    told.sent("two", 2)
    told.socket.ended(1006)
    told.again().came_back("room", {})
    for text in given:
        told.said(text, 2)
    told.drained()
    assert told.found("lost")[0] == verdict


@pytest.mark.parametrize(
    ("promises", "numbers", "anomalies"),
    [
        ("{}", (1, 1), []),
        ("{delivery: {repeats: none}}", (1, 1), ["duplicate"]),
        ("{delivery: {repeats: possible}}", (1, 2), []),
        ("{delivery: {order: none}}", (1, 2), ["duplicate"]),
    ],
)
def test_repeats_are_left_out_as_they_are_declared(
    promises: str, numbers: tuple[int, int], anomalies: list[str], tmp_path: Path
) -> None:
    told = Told(tmp_path, promises=promises)
    told.joined()
    told.sent("one", numbers[0])
    for number in numbers:
        told.said("one", number)
    assert told.found("duplicate")[1] == anomalies


def test_positions_of_no_order_are_no_gaps(tmp_path: Path) -> None:
    told = Told(tmp_path, promises="{delivery: {order: none}}")
    told.joined()
    told.said("two", 9)
    told.said("one", 3)
    assert told.found("reordered", "unseen")[1] == []


def test_what_was_not_answered_has_an_unknown_outcome(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.joined()
    told.socket.asked("send", "room", {"text": "one", "key": "k"})
    told.socket.ended(1006)
    told.socket.ended(1006)
    last = told.history.operations()[-2:]
    assert [(operation.op, operation.kind, operation.note) for operation in last] == [
        ("send", "info", "connection closed: 1006"), ("disconnect", "ok", "1006")
    ]  # fmt: skip


def test_a_message_has_the_name_under_which_it_was_sent() -> None:
    names = Names()
    names.add("one", "k-1")
    assert names.of(None, 7, "one") == "k-1"
    assert names.of("k-1", 7, "changed") == "k-1"
    assert names.of("another", 7, "one") == "k-1"
    assert names.of("theirs", 7, "other") == "theirs"
    assert names.of(None, 7, "other") == "7"
    assert names.of(None, None, "other") is None
