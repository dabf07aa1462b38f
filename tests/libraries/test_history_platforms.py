"""HistoryLibrary on other platforms: paths for each direction, snapshots, and positions that leave numbers out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from HistoryLibrary import Judgement, Operation, Rules, Verdict, judge
from HistoryLibrary.__main__ import main
from HistoryLibrary.journal import Translator
from HistoryLibrary.mapping import MappingError, mapping_from
from HistoryLibrary.recorder import History
from HistoryLibrary.report import report
from HistoryLibrary.sources import ImportedJournal

from tests.libraries.history_told import told
from tests.libraries.inner import INNER, run_inner

KERNEL = {
    "type": {"in": "msg_type", "out": "header.msg_type"},
    "call": {"in": "parent_header.msg_id", "out": "header.msg_id"},
    "gapless": False,
    "frames": [
        {"on": "out execute", "op": "send", "kind": "invoke", "key": "=room", "client_msg_id": "header.msg_id"},
        {"on": "in reply", "op": "send", "kind": "ok", "seq": "content.count"},
    ],
}
_ITEM = {"each": "data", "key": ".room", "seq": ".id", "client_msg_id": ".key", "value": ".text"}
TABLE: dict[str, Any] = {
    "call": "uid",
    "gapless": False,
    "frames": [
        {"on": "out subscribe", "op": "subscribe", "kind": "invoke", "key": "room"},
        {"on": "in subscription", "when": {"event": "init"}, "op": "snapshot", "kind": "ok", "whole": True, **_ITEM},
        {"on": "in subscription", "when": {"event": "create"}, "op": "receive", "kind": "ok", **_ITEM},
        {"on": "out items", "op": "send", "kind": "invoke", "key": "room", "client_msg_id": "key", "value": "text"},
        {"on": "in items", "op": "send", "kind": "ok", "seq": "id"},
    ],
}


class Line:
    """One client's frames, a millisecond apart."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def frame(self, direction: str, at: float, **content: Any) -> None:
        self.entries.append({"index": len(self.entries), "at": at, "direction": direction, "json": content})

    def out(self, at: float, **content: Any) -> None:
        self.frame("out", at, **content)

    def come(self, at: float, **content: Any) -> None:
        self.frame("in", at, **content)


def recorded(tmp_path: Path, mapping: dict[str, Any], **lines: Line) -> list[Operation]:
    history = History("t", tmp_path)
    for process, line in lines.items():
        ImportedJournal(history, process, mapping_from(mapping)).add(line.entries)
    return history.operations()


def row(number: int, room: str = "r") -> dict[str, Any]:
    return {"id": number, "room": room, "key": f"m{number}", "text": f"t{number}"}


def short(operations: list[Operation]) -> list[tuple[str, str, str | None, int | None]]:
    return [(op.op, op.kind, op.key, op.seq) for op in operations]


def test_type_and_call_may_stand_elsewhere_in_each_direction(tmp_path: Path) -> None:
    line = Line()
    line.out(1.0, header={"msg_id": "a1", "msg_type": "execute"})
    line.come(1.1, msg_type="reply", parent_header={"msg_id": "a1"}, header={"msg_id": "x"}, content={"count": 7})
    operations = recorded(tmp_path, KERNEL, alice=line)
    assert short(operations) == [("send", "invoke", "room", None), ("send", "ok", "room", 7)]
    assert operations[1].client_msg_id == "a1"


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({"type": {"in": "a"}}, "type is a path, or a mapping with a path for in and one for out"),
        ({"call": {"in": "a", "out": "b", "up": "c"}}, "call is a path, or a mapping with a path for in"),
        ({"call": 7}, "call is a path"),
        ({"type": None}, "without a path to its type no frame means anything"),
        ({"gapless": "no"}, "gapless is true or false, not 'no'"),
        ({"frames": [{"on": "in x", "op": "snapshot", "kind": "ok"}]}, "in x: a snapshot needs seq, or whole"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_entry(mapping: dict[str, Any], text: str) -> None:
    with pytest.raises(MappingError, match=re.escape(text)):
        mapping_from(mapping)
    assert mapping_from({"call": None}).call.find({"id": "1"}, sent=True) is None


def test_a_snapshot_answers_a_subscription(tmp_path: Path) -> None:
    line = Line()
    line.out(1.0, type="subscribe", uid="1", room="r")
    line.come(1.5, type="subscription", event="init", uid="1", data=[row(3), row(8)])
    line.come(2.0, type="subscription", event="create", data=[row(9)])
    operations = recorded(tmp_path, TABLE, bob=line)
    assert short(operations) == [
        ("subscribe", "invoke", "r", None),
        ("subscribe", "ok", "r", None),
        ("scan", "invoke", "r", None),
        ("stored", "ok", "r", 3),
        ("stored", "ok", "r", 8),
        ("scan", "ok", "r", None),
        ("snapshot", "ok", "r", 8),
        ("receive", "ok", "r", 9),
    ]
    assert operations[2].time == operations[0].time, "the reading begins when it was asked for"


def test_an_empty_snapshot_is_of_the_room_that_was_asked_for(tmp_path: Path) -> None:
    line = Line()
    line.out(1.0, type="subscribe", uid="1", room="r")
    line.come(1.5, type="subscription", event="init", uid="1", data=[])
    assert short(recorded(tmp_path, TABLE, bob=line))[-2:] == [("scan", "ok", "r", None), ("snapshot", "ok", "r", None)]


def test_a_snapshot_of_the_newest_is_judged_from_its_first_position_on(tmp_path: Path) -> None:
    frames = [{**rule, "whole": False} if rule["op"] == "snapshot" else rule for rule in TABLE["frames"]]
    line = Line()
    line.come(1.0, type="hello")
    line.come(1.5, type="subscription", event="init", data=[row(3), row(8), row(4, "other"), {"room": "r", "id": "x"}])
    operations = recorded(tmp_path, {**TABLE, "frames": frames}, bob=line)
    scans = [op for op in operations if op.op == "scan" and op.kind == "invoke"]
    assert [(op.key, op.seq, op.time) for op in scans] == [("r", 2, 1_000_000_000), ("other", 3, 1_000_000_000)]
    assert ("snapshot", "ok", "r", 8) in short(operations)
    assert any("a seq is a whole number" in str(op.note) or "invalid literal" in str(op.note) for op in operations)


def test_what_was_acknowledged_before_a_snapshot_has_to_be_in_it(tmp_path: Path) -> None:
    alice, bob = Line(), Line()
    alice.out(1.0, type="items", uid="7", room="r", key="m3", text="t3")
    alice.come(1.1, type="items", uid="7", id=3)
    bob.out(2.0, type="subscribe", uid="1", room="r")
    bob.come(2.5, type="subscription", event="init", uid="1", data=[row(2)])
    judged = judge(recorded(tmp_path, TABLE, alice=alice, bob=bob), ["ack-without-commit"])
    assert "m3 of r was acknowledged to alice as 3 and is not in bob" in text_of(judged)
    bob.entries[-1]["json"]["data"].append(row(3))
    whole = judge(recorded(tmp_path / "2", TABLE, alice=alice, bob=bob), ["ack-without-commit"])
    assert whole.verdict is Verdict.VALID
    alice.entries[-1]["at"] = 2.2
    bob.entries[-1]["json"]["data"].pop()
    under_way = judge(recorded(tmp_path / "3", TABLE, alice=alice, bob=bob))
    assert not under_way.anomalies, "it was acknowledged after bob had asked"


def text_of(judged: Judgement) -> str:
    return report(judged, [])


SNAPSHOT = """
bob   subscribe ok     c
bob   stored    ok     c id=m3 seq=3
bob   stored    ok     c id=m8 seq=8
bob   snapshot  ok     c seq=8
"""


@pytest.mark.parametrize(
    ("check", "story", "text"),
    [
        ("duplicate", "bob receive ok c id=m8 seq=8", "bob was given a snapshot up to 8 and after it message 8 of c"),
        (
            "duplicate",
            "bob receive ok c id=m9 seq=9\nbob receive ok c id=m9 seq=9",
            "given message 9 of c a second",
        ),
        ("unseen", "bob receive ok c id=m10 seq=10", "bob held c up to 8 and was given message 10 next: 9 never came"),
        (
            "lost",
            "alice send invoke c id=m9\nalice send ok c id=m9 seq=9\nbob drain invoke c\nbob drain ok c",
            "bob never got message 9 of c",
        ),
        ("diverging", "bob receive ok c id=m7 seq=8", "message 8 of c is one thing to bob"),
    ],
)
def test_what_is_wrong_after_a_snapshot_is_found(check: str, story: str, text: str) -> None:
    assert text in text_of(judge(told(SNAPSHOT + story), [check]))


@pytest.mark.parametrize(
    "story",
    [
        "bob receive ok c id=m9 seq=9",
        "bob receive ok c id=m9 seq=9\nbob snapshot ok c seq=12\nbob receive ok c id=m13 seq=13",
        "bob drain invoke c\nbob drain ok c",
    ],
)
def test_what_is_right_after_a_snapshot_is_no_anomaly(story: str) -> None:
    assert not judge(told(SNAPSHOT + story)).anomalies


def test_a_snapshot_that_nobody_asked_for_promises_what_follows() -> None:
    story = "bob snapshot ok c seq=8\nalice send ok c id=m9 seq=9\nbob drain invoke c\nbob drain ok c"
    assert "bob never got message 9 of c" in text_of(judge(told(story), ["lost"]))
    assert not judge(told(story.replace("9", "7")), ["lost"]).anomalies


def test_pushes_that_overtake_a_snapshot_stay_held() -> None:
    story = """
    bob subscribe ok c
    bob receive   ok c id=m9 seq=9
    bob snapshot  ok c seq=8
    bob receive   ok c id=m10 seq=10
    """
    assert not judge(told(story), ["unseen", "duplicate", "reordered"]).anomalies


def test_what_a_snapshot_brought_is_not_lost() -> None:
    story = """
    bob   subscribe ok c seq=2
    alice send invoke c id=m3
    alice send ok     c id=m3 seq=3
    bob   disconnect ok
    bob   subscribe ok c
    bob   stored ok   c id=m3 seq=3
    bob   snapshot ok c seq=3
    bob   drain invoke c
    bob   drain ok    c
    """
    assert not judge(told(story), ["lost"]).anomalies
    without = "\n".join(line for line in story.splitlines() if "stored" not in line and "snapshot" not in line)
    assert judge(told(without.replace("bob   disconnect ok\n", "")), ["lost"]).anomalies


GAPS = """
bob   subscribe ok c seq=3
bob   receive   ok c id=m5 seq=5
bob   receive   ok c id=m9 seq=9
"""


def test_a_number_that_nobody_knows_is_no_message() -> None:
    assert judge(told(GAPS), ["unseen"]).verdict is Verdict.INVALID
    assert judge(told(GAPS), ["unseen"], Rules(gapless=False)).verdict is Verdict.VALID
    known = judge(told("alice send ok c id=m7 seq=7\n" + GAPS), ["unseen"], Rules(gapless=False))
    assert len(known.anomalies) == 1
    assert "was given message 9 of c after 5: 7, which alice knows, never came" in text_of(known)
    elsewhere = judge(told("alice send ok other id=m7 seq=7\n" + GAPS), ["unseen"], Rules(gapless=False))
    assert elsewhere.verdict is Verdict.VALID


def test_order_is_judged_with_gaps_too() -> None:
    story = GAPS + "bob receive ok c id=m7 seq=7"
    assert judge(told(story), ["reordered"], Rules(gapless=False)).anomalies


def test_the_command_line_knows_gaps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "h.jsonl"
    history = History("h", tmp_path)
    for operation in told(GAPS):
        history.record(operation.kind, operation.process, operation.op, operation.key, seq=operation.seq)
    history.close()
    assert main(["check", "--checks", "unseen", str(file)]) == 1
    assert main(["check", "--checks", "unseen", "--not-gapless", str(file)]) == 0
    assert "never came" in capsys.readouterr().out


def test_keywords_from_outside(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(json.dumps(TABLE))
    run_inner(
        INNER / "history_platforms", tmp_path, variables={"TABLE": str(tmp_path / "table.json")}
    ).all_as_declared()


def test_a_snapshot_that_was_asked_for_leaves_no_open_call(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    translator = Translator(history, "bob", mapping_from(TABLE))
    line = Line()
    line.out(1.0, type="subscribe", uid="1", room="r")
    line.come(1.5, type="subscription", event="init", uid="1", data=[])
    from HistoryLibrary.journal import Entry

    for entry in line.entries:
        translator.feed(Entry.of(entry))
    translator.end(2_000_000_000, 2.0, "1000")
    assert not [op for op in history.operations() if op.kind == "info"]
