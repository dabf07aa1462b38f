"""Recording and reading back: nothing lost between threads, torn lines forgiven, damaged ones named, secrets masked."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from HistoryLibrary import History, HistoryFileError, Operation, read_history
from HistoryLibrary.files import decode, encode
from HistoryLibrary.operations import FIELDS, Row, epoch_of, position
from HistoryLibrary.recorder import file_name
from HistoryLibrary.scopes import EndOfScope, Recordings
from hypothesis import given, settings
from hypothesis import strategies as st
from lockstep import masking

text = st.text(max_size=20)
maybe = st.none() | text
rows = st.tuples(
    st.integers(0),
    st.integers(0),
    st.floats(0, 1e10),
    text,
    st.sampled_from(["invoke", "ok", "fail", "info"]),
    text,
    maybe,
    st.none() | text | st.integers() | st.dictionaries(text, st.integers() | text, max_size=3),
    st.none() | st.integers(),
    st.none() | st.integers(0) | st.just("e-1"),
    maybe,
    maybe,
    maybe,
)

LINE = '{"index":0,"time":1,"wall":2.0,"process":"alice","kind":"ok","op":"send"}'


@settings(max_examples=200, deadline=None)
@given(rows)
def test_what_is_written_is_read_back(row: Row) -> None:
    line = encode(row)
    assert "\n" not in line
    assert decode(line) == Operation(*row)
    assert json.loads(line) == {name: value for name, value in zip(FIELDS, row, strict=True) if value is not None}


def test_a_history_is_in_its_file_once_it_is_closed(tmp_path: Path) -> None:
    history = History("Suite.A Test", tmp_path)
    history.record("invoke", "alice", "send", "c", "hello", client_msg_id="m1")
    history.record("ok", "alice", "send", "c", seq=1, epoch=1, client_msg_id="m1")
    history.close()
    assert history.path == tmp_path / "Suite.A_Test.jsonl"
    assert read_history(history.path) == history.operations()


def test_a_long_text_is_kept_as_head_length_and_digest(tmp_path: Path) -> None:
    history = History("Suite.Long", tmp_path)
    for value in ("a" * 2048, "a" * 2049, "a" * 2049, "a" * 2048 + "b"):
        history.record("ok", "alice", "read", value=value)
    history.close()
    whole, one, same, other = (operation.value for operation in history.operations())
    assert whole == "a" * 2048
    assert one == same != other
    assert one.startswith("a" * 100 + "… (2049 characters, SHA-256 ")
    assert [operation.value for operation in read_history(tmp_path / "Suite.Long.jsonl")] == [whole, one, same, other]


def test_the_head_of_a_long_text_shows_no_secret(tmp_path: Path) -> None:
    masking.register("Sup3rSecretValue-of-this-test")
    history = History("Suite.Long", tmp_path)
    history.record("ok", "alice", "read", value="x" * 90 + " Sup3rSecretValue-of-this-test " + "y" * 4000)
    history.close()
    assert "Sup3r" not in (tmp_path / "Suite.Long.jsonl").read_text()


def test_what_comes_after_the_end_is_ignored(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    history.record("ok", "alice", "connect")
    history.close()
    history.record("ok", "alice", "disconnect")
    history.close()
    assert [operation.op for operation in history.operations()] == ["connect"]


@pytest.mark.parametrize("event", ["end_test", "end_suite", "close"])
def test_a_history_ends_with_its_scope(event: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_RUN_DIR", str(tmp_path))
    recordings = Recordings()
    history = recordings.current().history
    listener = EndOfScope(recordings)
    arguments = () if event == "close" else (None, SimpleNamespace(full_name=""))
    getattr(listener, event)(*arguments)
    history.record("ok", "alice", "connect")
    assert history.operations() == []
    assert recordings.current().history is not history


def test_nothing_recorded_makes_no_file(tmp_path: Path) -> None:
    History("t", tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_threads_lose_nothing(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    together = threading.Barrier(8)

    def record(process: str) -> None:
        together.wait()
        for number in range(2_000):
            history.record("ok", process, "receive", "c", seq=number)

    threads = [threading.Thread(target=record, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history.close()
    assert history.path is not None
    read = read_history(history.path)
    assert [operation.index for operation in read] == list(range(16_000))
    for process in (f"p{n}" for n in range(8)):
        assert [operation.seq for operation in read if operation.process == process] == list(range(2_000))


def test_the_file_follows_while_the_test_runs(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    for number in range(3_000):
        history.record("ok", "alice", "receive", "c", seq=number)
    assert history.path is not None
    assert len(read_history(history.path)) >= 3_000 - 1_024
    history.flush()
    assert len(read_history(history.path)) == 3_000
    history.close()


def test_two_histories_of_one_name_have_two_files(tmp_path: Path) -> None:
    histories = [History("t", tmp_path) for _ in range(3)]
    for history in histories:
        history.record("ok", "alice", "connect")
        history.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t-2.jsonl", "t-3.jsonl", "t.jsonl"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A Suite.It's / done", "A_Suite.It_s_done.jsonl"),
        ("../../etc/passwd", "etc_passwd.jsonl"),
        ("Größe 大", "Größe_大.jsonl"),
        ("", "history.jsonl"),
    ],
)
def test_file_names_are_safe(name: str, expected: str) -> None:
    assert file_name(name) == expected


def test_long_names_stay_distinct_and_short() -> None:
    one, other = file_name("é" * 300 + "1"), file_name("é" * 300 + "2")
    assert one != other
    assert len(one.encode()) < 140


def test_secrets_are_masked_in_the_file_and_the_file_stays_readable(tmp_path: Path) -> None:
    masking.register("a-registered-secret-value")
    history = History("t", tmp_path)
    history.record("ok", "alice", "receive", "c", 'password="a-registered-secret-value" and "more')
    history.record("ok", "alice", "receive", "c", {"access_token": "abcdefgh-ijkl", "n": 1})
    history.record("fail", "alice", "send", "c", note="Bearer a-registered-secret-value")
    history.record("ok", "alice", "receive", "c", "plain")
    history.close()
    assert history.path is not None
    written = history.path.read_text()
    assert "a-registered-secret-value" not in written
    assert "abcdefgh-ijkl" not in written
    values = [operation.value for operation in read_history(history.path)]
    assert values[1] == {"access_token": "***", "n": 1}
    assert values[3] == "plain"


def test_a_full_disk_disturbs_no_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History("t", tmp_path / "no" / "such")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", refuse)
    history.record("ok", "alice", "connect")
    history.flush()
    history.record("ok", "alice", "disconnect")
    history.close()
    assert history.trouble == "the history file is incomplete: No space left on device"
    assert len(history.operations()) == 2


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    for cut in range(len(LINE)):
        path.write_text(f"{LINE}\n{LINE[:cut]}")
        assert len(read_history(path)) == 1
    path.write_text(f"{LINE}\n{LINE}")
    assert len(read_history(path)) == 2


def test_a_last_line_torn_within_a_character_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(f"{LINE}\n".encode() + '{"index":1,"note":"é'.encode()[:-1])
    assert len(read_history(path)) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE[:20], "Expecting|Unterminated"),
        ("", "Expecting value"),
        ("[]", "not a JSON object"),
        (LINE.replace('"send"', '"send","sequence":1'), "unknown field 'sequence'"),
        (LINE.replace('"process":"alice",', ""), "field 'process' is missing"),
        (LINE.replace('"ok"', '"okay"'), "kind 'okay' is none of invoke, ok, fail, info"),
        (LINE.replace('"time":1', '"time":1.5'), "time is not a whole number: 1.5"),
        (LINE.replace('"wall":2.0', '"wall":"noon"'), "wall is not a number: 'noon'"),
        (LINE.replace('"alice"', "7"), "process is not text: 7"),
        (LINE.replace('"send"', '"send","seq":"x"'), "seq|int"),
    ],
)
def test_a_damaged_line_is_named_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text(f"{LINE}\n{line}\n{LINE}\n")
    with pytest.raises(HistoryFileError, match=f"h.jsonl, line 2: not an operation: .*({reason})"):
        read_history(path)


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(HistoryFileError, match="line 1: not an operation"):
        read_history(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(HistoryFileError, match="cannot be read: No such file"):
        read_history(tmp_path / "h.jsonl")


def test_positions_and_epochs_from_tables_are_those_from_json() -> None:
    assert [position(value) for value in (None, "", "7", 7, 7.0)] == [None, None, 7, 7, 7]
    assert [epoch_of(value) for value in (None, "", "1", 1, "b7")] == [None, None, 1, 1, "b7"]


@pytest.mark.parametrize("value", ["seven", 7.5, True, [7]])
def test_what_is_no_position_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"whole number|invalid literal"):
        position(value)
