"""From frames to operations: the reference platform's frames, another platform's, and connections that end."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from HistoryLibrary import History, Operation, Verdict, judge
from HistoryLibrary.journal import Entry, Translator
from HistoryLibrary.mapping import DEFAULT, MappingError, mapping_from
from HistoryLibrary.sources import COLUMNS, ImportedJournal, RecordedSocket, import_stored
from WebSocketLibrary.connection import Closing
from WebSocketLibrary.journal import Journal

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
CONVERSATION = "0c0ffee0-0000-4000-8000-000000000001"


HEARD = b'{"event": "heard", "room": "lobby", "items": [{"text": "hi"}, {"text": "ho"}]}'


class Socket:
    """A connection with a real journal, written to by hand."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.journal = self.settled_journal = Journal(alias)
        self.closing: Closing | None = None

    def out(self, kind: str, call: str | None = "1", /, **payload: Any) -> None:
        self._frame(kind, call, payload, sent=True)

    def come(self, kind: str, call: str | None = "1", /, **payload: Any) -> None:
        self._frame(kind, call, payload, sent=False)

    def push(self, kind: str, /, **payload: Any) -> None:
        self._frame(kind, None, payload, sent=False)

    def _frame(self, kind: str, call: str | None, payload: dict[str, Any], *, sent: bool) -> None:
        self.journal.record(1, json.dumps({"type": kind, "id": call, "payload": payload}).encode(), sent=sent)

    def operations(self, tmp_path: Path, mapping: dict[str, Any] | None = None) -> list[Operation]:
        history = History("t", tmp_path)
        RecordedSocket(self, Translator(history, self.alias, mapping_from(mapping))).collect()
        return history.operations()


def told(operations: list[Operation]) -> list[tuple[str, str, str | None, int | None, str | None]]:
    return [(op.op, op.kind, op.key, op.seq, op.client_msg_id) for op in operations]


def message(seq: int, **more: Any) -> dict[str, Any]:
    return {"conversation_id": "c", "epoch": 1, "seq": seq, "client_msg_id": f"m{seq}", "body": f"text {seq}", **more}


def test_a_conversation_on_the_reference_platform(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.push("welcome", client_id="tab-1", user_id="u", served_by="backend-1")
    socket.out("subscribe", conversation_id="c")
    socket.come("subscribed", conversation_id="c", epoch=1, head=4)
    socket.out("message.send", "2", conversation_id="c", client_msg_id="m5", body="hello")
    socket.push("message", **message(5, body="hello"))
    socket.come("ack", "2", conversation_id="c", client_msg_id="m5", seq=5, epoch=1, duplicate=False)
    operations = socket.operations(tmp_path)
    assert told(operations) == [
        ("connect", "ok", None, None, None),
        ("hold", "ok", "socket:tab-1", None, None),
        ("subscribe", "invoke", "c", None, None),
        ("subscribe", "ok", "c", 4, None),
        ("send", "invoke", "c", None, "m5"),
        ("receive", "ok", "c", 5, "m5"),
        ("send", "ok", "c", 5, "m5"),
    ]
    assert operations[0].node == "backend-1"
    assert operations[4].value == operations[5].value == "hello"
    assert {operation.process for operation in operations} == {"alice"}


def test_times_are_those_of_the_journal(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.push("message", **message(1))
    (operation,) = socket.operations(tmp_path)
    frame = socket.journal[0]
    assert operation.time == int(frame.at * 1e9)
    assert operation.wall == pytest.approx(frame.wall.timestamp())


def test_sending_subscribes_from_the_first_own_message_on(tmp_path: Path) -> None:
    socket = Socket("alice")
    for number in (8, 9):
        socket.out("message.send", str(number), conversation_id="c", client_msg_id=f"m{number}", body="x")
        socket.come("ack", str(number), conversation_id="c", client_msg_id=f"m{number}", seq=number, epoch=1)
    subscriptions = [op for op in socket.operations(tmp_path) if op.op == "subscribe"]
    assert [(op.seq, op.epoch, op.note) for op in subscriptions] == [(7, 1, "by sending")]


def test_a_resumption_with_its_replay(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.out("resume", client_id="tab-1", positions={"c": {"epoch": 1, "seq": 2}, "d": {"epoch": 1, "seq": 0}})
    socket.push(
        "message.batch", conversation_id="c", epoch=1, messages=[{"seq": 3, "body": "x"}, {"seq": 4, "body": "y"}]
    )
    socket.come("resumed", client_id="tab-1", recovered=True, replayed=2, positions={"c": {"epoch": 1, "seq": 4}})
    assert told(socket.operations(tmp_path)) == [
        ("resume", "invoke", "c", 2, None),
        ("resume", "invoke", "d", 0, None),
        ("receive", "ok", "c", 3, None),
        ("receive", "ok", "c", 4, None),
        ("resume", "ok", "c", 4, None),
        ("resume", "ok", "d", None, None),
        ("hold", "ok", "socket:tab-1", None, None),
    ]


@pytest.mark.parametrize("positions", [{}, {"c": {"epoch": 2, "seq": 0}}])
def test_a_refused_resumption_fails_for_every_conversation(tmp_path: Path, positions: dict[str, Any]) -> None:
    socket = Socket("alice")
    socket.out("resume", client_id="t", positions={"c": {"epoch": 1, "seq": 2}, "d": {"epoch": 1, "seq": 0}})
    socket.come("resumed", client_id="t", recovered=False, reason="epoch_changed", replayed=0, positions=positions)
    failed = [op for op in socket.operations(tmp_path) if (op.op, op.kind) == ("resume", "fail")]
    assert [(op.key, op.note) for op in failed] == [("c", "epoch_changed"), ("d", "epoch_changed")]


def test_a_client_that_resumes_as_itself_holds_its_socket_once(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.push("welcome", client_id="tab-1")
    socket.come("resumed", client_id="tab-1", recovered=True, positions={})
    assert [op.key for op in socket.operations(tmp_path) if op.op == "hold"] == ["socket:tab-1"]


def test_an_error_is_the_outcome_of_the_call_it_answers(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.out("subscribe", "1", conversation_id="c")
    socket.out("message.send", "2", conversation_id="c", client_msg_id="m1", body="x")
    socket.come("error", "2", code="rate_limited", detail="…", retryable=True)
    socket.come("error", "1", code="not_found", detail="…", retryable=False)
    socket.push("error", code="invalid_frame", detail="…", retryable=False)
    failed = [op for op in socket.operations(tmp_path) if op.kind == "fail"]
    assert [(op.op, op.key, op.client_msg_id, op.note) for op in failed] == [
        ("send", "c", "m1", "rate_limited"),
        ("subscribe", "c", None, "not_found"),
    ]


def test_an_error_that_leaves_the_outcome_open_is_info(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.out("message.send", "1", conversation_id="c", client_msg_id="m1", body="x")
    socket.come("error", "1", code="unavailable", detail="…", retryable=True)
    assert [(op.kind, op.note) for op in socket.operations(tmp_path)] == [("invoke", None), ("info", "unavailable")]


def test_an_error_in_the_place_of_a_resumption_is_no_refusal(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.out("resume", "1", client_id="t", positions={"c": {"epoch": 1, "seq": 2}, "d": {"epoch": 1, "seq": 0}})
    socket.come("error", "1", code="invalid_frame", detail="…", retryable=False)
    outcomes = [op for op in socket.operations(tmp_path) if op.kind != "invoke"]
    assert [(op.op, op.kind, op.key, op.note) for op in outcomes] == [
        ("resume", "info", "c", "invalid_frame"),
        ("resume", "info", "d", "invalid_frame"),
    ]


def test_the_state_document_is_a_register(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.push("welcome", client_id="tab-1")
    socket.out("state.get", "1")
    socket.come("state", "1", version=3, document={"a": 1}, damaged=False)
    socket.out("state.update", "2", base_version=3, document={"a": 2})
    socket.come("state.updated", "2", version=4)
    socket.out("state.update", "3", base_version=3, document={"a": 9})
    socket.come("state.conflict", "3", version=4, document={"a": 2})
    operations = [op for op in socket.operations(tmp_path) if op.key == "state:tab-1"]
    assert [(op.op, op.kind, op.seq, op.value) for op in operations] == [
        ("read", "invoke", None, None),
        ("read", "ok", 3, {"a": 1}),
        ("write", "invoke", 3, {"a": 2}),
        ("write", "ok", 4, None),
        ("write", "invoke", 3, {"a": 9}),
        ("write", "fail", 4, {"a": 2}),
    ]
    assert judge(operations).verdict is Verdict.VALID


@pytest.mark.parametrize("how", ["close frame", "connection lost"])
def test_what_a_lost_connection_leaves_open_is_unknown(tmp_path: Path, how: str) -> None:
    socket = Socket("alice")
    socket.push("welcome", client_id="tab-1")
    socket.out("message.send", "1", conversation_id="c", client_msg_id="m1", body="x")
    socket.out("message.send", "2", conversation_id="c", client_msg_id="m2", body="y")
    socket.come("ack", "1", conversation_id="c", client_msg_id="m1", seq=1, epoch=1)
    if how == "close frame":
        socket.journal.record(8, (1012).to_bytes(2, "big"), sent=False)
    socket.closing = Closing(
        1012 if how == "close frame" else 1006, "", socket.journal.entries[-1][0] + 1, by_peer=True
    )
    ending = socket.operations(tmp_path)[-3:]
    code = "1012" if how == "close frame" else "1006"
    assert [(op.op, op.kind, op.client_msg_id, op.note) for op in ending] == [
        ("send", "info", "m2", f"connection closed: {code}"),
        ("release", "ok", None, str(code)),
        ("disconnect", "ok", None, str(code)),
    ]


def test_frames_that_mean_nothing_are_passed_over(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.push("event", event_id="e", kind="notification")
    socket.journal.record(1, b"no json", sent=False)
    socket.journal.record(1, b"[1, 2]", sent=False)
    socket.journal.record(1, b'{"type": 7}', sent=False)
    socket.journal.record(1, b'{"type": "message"}', sent=False)
    socket.journal.record(1, b'{"type": "message.batch", "payload": {"messages": "no list"}}', sent=False)
    socket.journal.record(2, b"\x00\x01", sent=False)
    socket.journal.record(9, b"ping", sent=False)
    assert socket.operations(tmp_path) == []


def test_a_position_that_is_no_number_is_kept_as_a_note(tmp_path: Path) -> None:
    socket = Socket("alice")
    socket.push("message", conversation_id="c", epoch=1, seq="x", client_msg_id="m", body="b")
    (operation,) = socket.operations(tmp_path)
    assert operation.seq is None
    assert "invalid literal" in str(operation.note)


def test_a_journal_grows_between_two_looks(tmp_path: Path) -> None:
    socket, history = Socket("alice"), History("t", tmp_path)
    recorded = RecordedSocket(socket, Translator(history, "alice", mapping_from()))
    for seq in (1, 2, 3):
        socket.push("message", **message(seq))
        recorded.collect()
        recorded.collect()
    assert [op.seq for op in history.operations()] == [1, 2, 3]


def entry(index: int, kind: str, direction: str = "in", **payload: Any) -> dict[str, Any]:
    body = json.dumps({"type": kind, "id": None, "payload": payload})
    return {
        "index": index,
        "at": 10.0 + index,
        "wall": datetime.now(UTC),
        "direction": direction,
        "opcode": 1,
        "text": body,
    }


def test_a_journal_imported_twice_counts_once(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    journal = ImportedJournal(history, "alice", mapping_from())
    entries = [entry(n, "message", **message(n)) for n in range(3)]
    assert journal.add(entries[:2]) == 2
    assert journal.add(entries) == 1
    assert [op.seq for op in history.operations()] == [0, 1, 2]


def test_a_new_connection_starts_from_zero(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    journal = ImportedJournal(history, "alice", mapping_from())
    sent = entry(0, "message.send", "out", conversation_id="c", client_msg_id="m1", body="x")
    closed = {"index": 1, "at": 12.0, "direction": "out", "opcode": 8, "body": b""}
    again = {**entry(0, "message", **message(1)), "at": 20.0}
    journal.add([sent, closed])
    journal.add([sent, closed, again])
    assert [(op.op, op.kind) for op in history.operations()] == [
        ("send", "invoke"),
        ("send", "info"),
        ("disconnect", "ok"),
        ("receive", "ok"),
    ]


def test_what_is_no_entry_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a journal entry: \{'x': 1\}"):
        Entry.of({"x": 1})


def test_another_platform_needs_other_data_only(tmp_path: Path) -> None:
    mapping = {
        "type": "event",
        "call": "ref",
        "context": {},
        "frames": [
            {"on": "out say", "op": "send", "kind": "invoke", "key": "room", "client_msg_id": "ref", "value": "text"},
            {"on": "in said", "op": "send", "kind": "ok", "client_msg_id": "ref"},
            {"on": "in heard", "op": "receive", "kind": "ok", "each": "items", "key": "room", "value": ".text"},
        ],
    }
    socket = Socket("alice")
    socket.journal.record(1, b'{"event": "say", "ref": "r1", "room": "lobby", "text": "hi"}', sent=True)
    socket.journal.record(1, b'{"event": "said", "ref": "r1"}', sent=False)
    socket.journal.record(
        1, b'{"event": "heard", "room": "lobby", "items": [{"text": "hi"}, {"text": "ho"}]}', sent=False
    )
    operations = socket.operations(tmp_path, mapping)
    assert told(operations) == [
        ("send", "invoke", "lobby", None, "r1"),
        ("send", "ok", "lobby", None, "r1"),
        ("receive", "ok", "lobby", None, None),
        ("receive", "ok", "lobby", None, None),
    ]
    assert [op.value for op in operations] == ["hi", None, "hi", "ho"]


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({"frame": []}, "'frame' is none of type, call, gapless, context, frames"),
        ({"frames": [{"op": "send", "kind": "ok"}]}, "'on' must be 'in <type>' or 'out <type>', not ''"),
        ({"frames": [{"on": "up x", "kind": "ok"}]}, "not 'up x'"),
        ({"frames": [{"on": "in x", "kind": "fine"}]}, "in x: kind 'fine' is none of invoke, ok, fail, info"),
        ({"frames": [{"on": "in x", "kind": "ok", "sequence": "s"}]}, "in x: 'sequence' is none of "),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_entry(mapping: dict[str, Any], text: str) -> None:
    with pytest.raises(MappingError, match=re.escape(text)):
        mapping_from(mapping)


def test_stored_messages_are_one_reading(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    import_stored(history, [message(1), {**message(2), "epoch": None}], "database", None, None, COLUMNS)
    assert told(history.operations()) == [
        ("scan", "invoke", None, None, None),
        ("stored", "ok", "c", 1, "m1"),
        ("stored", "ok", "c", 2, "m2"),
        ("scan", "ok", None, None, None),
    ]


def test_a_reading_that_was_announced_keeps_its_beginning(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    for _ in range(2):
        history.record("invoke", "database", "scan", "c")
        import_stored(history, [message(1)], "database", "c", None, COLUMNS)
    assert [op.kind for op in history.operations() if op.op == "scan"] == ["invoke", "ok"] * 2


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((1, 2), "must be a dictionary of its columns"),
        ({"seq": "x"}, "stored message {'seq': 'x'}: invalid literal"),
        ({"body": "x"}, "a stored message needs 'seq' or 'client_msg_id'"),
    ],
)
def test_a_row_that_says_nothing_is_refused(tmp_path: Path, row: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        import_stored(History("t", tmp_path), [row], "database", "c", None, COLUMNS)


def test_the_default_mapping_knows_the_frames_of_the_protocol_and_no_others() -> None:
    """Every frame and field that the mapping names stands in the socket tables of docs/protocol.md."""
    frames = _documented_frames()
    for rule in DEFAULT["frames"]:
        direction, kind = rule["on"].split(" ", 1)
        assert kind in frames[direction], f"{rule['on']} is not in docs/protocol.md"
        texts = [rule.get(name, []) for name in ("key", "value", "seq", "epoch", "client_msg_id", "node", "each")]
        paths = [path for text in texts for path in ([text] if isinstance(text, str) else text) if "{" not in path]
        names = {step for path in paths for step in re.split(r"[.@=]", path)} - {"", "payload", "key"}
        documented = " ".join(itertools.chain(frames[direction][kind], frames["in"]["message"]))
        for name in names:
            assert re.search(rf"\b{name}\b", documented), f"{rule['on']}: {name} is not in docs/protocol.md"


def _documented_frames() -> dict[str, dict[str, list[str]]]:
    """Frame types with the text of their table rows: what the client sends, and what comes in (answers and pushes)."""
    section = PROTOCOL.read_text().split("## 4. Socket")[1].split("\n## 5.")[0]
    frames: dict[str, dict[str, list[str]]] = {"out": {}, "in": {}}
    table = None
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells or set(cells[0]) <= {"-"}:
            continue
        if cells[0] in ("from client", "push", "close code"):
            table = cells[0]
        elif table == "from client":
            for name in re.findall(r"`([a-z.]+)`", cells[0]):
                frames["out"].setdefault(name, []).append(cells[1])
            for name in re.findall(r"`([a-z.]+)`", cells[2]):
                frames["in"].setdefault(name, []).append(cells[2])
        elif table == "push":
            for name in re.findall(r"`([a-z.]+)`", cells[0]):
                frames["in"].setdefault(name, []).append(cells[1])
    return frames
