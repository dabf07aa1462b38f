"""HistoryLibrary from outside: inner suites with their verdicts and messages, the log, the files, the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from HistoryLibrary import History, judge, read_history
from HistoryLibrary.timeline import timeline
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.deaf import deaf, profile_of
from tests.libraries.history_told import told
from tests.libraries.inner import INNER, ROOT, InnerRun, run_inner
from tests.libraries.test_history_checkers import ANOMALIES, CLEAN

SVG = re.compile(r"<svg .*?</svg>", re.DOTALL)


class Room:
    """A chat room with one conversation; the text of a message says which promise it breaks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: list[ServerConnection] = []
        self._last = 0

    def serve(self, member: ServerConnection) -> None:
        for raw in self._frames(member):
            frame = json.loads(raw)
            with self._lock:
                getattr(self, f"_{frame['type'].replace('.', '_')}")(member, frame)

    def _frames(self, member: ServerConnection) -> Iterator[str | bytes]:
        with suppress(ConnectionClosed):
            yield from member

    def _subscribe(self, member: ServerConnection, frame: dict[str, object]) -> None:
        if not self._members:
            self._last = 0
        self._members.append(member)
        self._answer(member, frame, "subscribed", conversation_id="room", epoch=1, head=self._last)

    def _ping(self, member: ServerConnection, frame: dict[str, object]) -> None:
        self._answer(member, frame, "pong")

    def _message_send(self, member: ServerConnection, frame: dict[str, object]) -> None:
        payload = frame["payload"]
        assert isinstance(payload, dict)
        body = payload["body"]
        if body == "hang up":
            member.close(1012)
            return
        self._last += 1
        message = {**payload, "seq": self._last, "epoch": 1}
        for receiver in self._members:
            other = receiver is not member
            times = {"lose": 0, "double": 2}.get(body, 1) if other else 1
            text = "changed" if other and body == "garble" else body
            for _ in range(times):
                receiver.send(json.dumps({"type": "message", "id": None, "payload": {**message, "body": text}}))
        self._answer(member, frame, "ack", **{name: value for name, value in message.items() if name != "body"})

    def _answer(self, member: ServerConnection, frame: dict[str, object], kind: str, **payload: object) -> None:
        member.send(json.dumps({"type": kind, "id": frame["id"], "payload": payload}))


@pytest.fixture
def room_url() -> Iterator[str]:
    """A server on a free port; each client that leaves takes its membership with it."""
    room = Room()

    def handle(member: ServerConnection) -> None:
        try:
            room.serve(member)
        finally:
            with room._lock:
                room._members = [other for other in room._members if other is not member]

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> InnerRun:
    directory = tmp_path_factory.mktemp("judging")
    return run_inner(INNER / "history" / "judging.robot", directory, LOCKSTEP_RUN_DIR=str(directory / "run"))


def test_verdicts_and_messages_are_as_declared(judging: InnerRun) -> None:
    judging.all_as_declared()


def test_each_test_has_a_file_that_reads_back(judging: InnerRun) -> None:
    files = {path.name for path in (judging.directory / "run" / "histories").iterdir()}
    assert "Judging.A_Complete_History_Is_Valid.jsonl" in files
    assert "Judging.A_New_History_Forgets_The_Old_One.second_half.jsonl" in files
    assert "Judging.An_Empty_History_Is_Not_Valid.jsonl" not in files
    for name in files:
        assert read_history(judging.directory / "run" / "histories" / name)


def test_the_message_names_the_file(judging: InnerRun) -> None:
    named = judging.message("A Lost Message Is Shown With Its Witness").rsplit("History: ", 1)[1]
    assert [anomaly.name for anomaly in judge(read_history(Path(named))).anomalies] == ["lost"]


def test_a_failure_brings_a_picture_to_the_log(judging: InnerRun) -> None:
    pictures = SVG.findall(judging.output.replace("&lt;", "<").replace("&gt;", ">"))
    titles = [re.search(r"<title[^>]*>(.*?)</title>", picture) for picture in pictures]
    assert any(title and "bob never got message 2 of c" in title.group(1) for title in titles)


def test_no_secret_is_left_behind(judging: InnerRun) -> None:
    written = [path for path in judging.directory.rglob("*") if path.is_file()]
    assert len(written) > 5
    for path in written:
        assert "hunter2" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("run_folder", ["", "run"])
def test_a_suite_can_share_one_history(tmp_path: Path, run_folder: str) -> None:
    folder = str(tmp_path / run_folder) if run_folder else ""
    run_inner(INNER / "history" / "shared.robot", tmp_path, LOCKSTEP_RUN_DIR=folder).all_as_declared()
    operations = read_history(tmp_path / run_folder / "histories" / "Shared.jsonl")
    assert [operation.op for operation in operations] == ["connect", "subscribe"]


def test_real_sockets_are_recorded(tmp_path: Path, room_url: str) -> None:
    run = run_inner(
        INNER / "history" / "sockets.robot", tmp_path, variables={"URL": room_url}, LOCKSTEP_RUN_DIR=str(tmp_path)
    )
    run.all_as_declared()


def test_a_profile_says_what_frames_mean_as_documented(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "libraries" / "history.md").read_text()
    documented = page.split("```yaml\n")[1].split("```")[0]
    with deaf(parts=("auth", "backend-1", "frontend")) as urls:
        path = profile_of(urls, tmp_path)
        path.write_text(f"{path.read_text()}mapping:\n  history:\n{textwrap.indent(documented, '    ')}")
        run = run_inner(INNER / "history" / "dialect.robot", tmp_path, variables={"TARGET": str(path)})
    run.all_as_declared()


def test_the_example_of_the_documentation_works_in_a_foreign_project(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "libraries" / "history.md").read_text()
    example = re.search(r"```robotframework\n(.*?)```", page, re.DOTALL)
    assert example is not None
    suite = tmp_path / "example.robot"
    suite.write_text(example.group(1))
    assert len([line for line in example.group(1).splitlines() if line.strip()]) <= 10
    assert run_inner(suite, tmp_path).verdicts == {"Nothing That Was Acknowledged Is Missing": ("PASS", "")}


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "HistoryLibrary", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "libraries")},
    )


def written(directory: Path, name: str, story: str) -> Path:
    history = History(name, directory)
    for op in told(story):
        fields = (op.process, op.op, op.key, op.value, op.seq, op.epoch, op.client_msg_id, op.node, op.note)
        history.record(op.kind, *fields, at=op.time, wall=op.wall)
    history.close()
    assert history.path is not None
    return history.path


def test_the_command_line_judges_files(tmp_path: Path) -> None:
    valid = written(tmp_path, "valid", CLEAN)
    lost = written(tmp_path, "lost", ANOMALIES["lost: the tail never reached one client"][1])
    unknown = written(tmp_path, "unknown", "alice connect ok")
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("{}\n")

    done = command("check", valid)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{valid}: The history is valid." in done.stdout

    done = command("check", valid, lost, unknown, "--svg", tmp_path / "picture.svg")
    assert done.returncode == 1
    assert "The history is invalid: 1 lost." in done.stdout
    assert "bob    drain ok" in done.stdout

    assert command("check", unknown).returncode == 2
    assert command("check", valid, unknown).returncode == 2
    assert command("check", valid, "--checks", "stale-read").returncode == 2
    assert command("check", lost, "--checks", "foreign,duplicate").returncode == 0

    done = command("check", lost, damaged)
    assert done.returncode == 3
    assert "damaged.jsonl, line 1: not an operation: field 'index' is missing" in done.stderr
    assert command("check", tmp_path / "absent.jsonl").returncode == 3
    done = command("check", valid, "--checks", "losst")
    assert (done.returncode, "no check is named 'losst'" in done.stderr) == (3, True)


def test_a_picture_is_an_accessible_document_of_its_own() -> None:
    anomaly = judge(told(ANOMALIES["lost: the tail never reached one client"][1])).anomalies[0]
    picture = timeline(told(ANOMALIES["lost: the tail never reached one client"][1]), anomaly)
    root = ET.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    title, description = root.find(f"{space}title"), root.find(f"{space}desc")
    assert title is not None
    assert description is not None
    assert title.text == anomaly.text
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert not re.search(r"(href|src|url\()", picture)
    rows = [text.text for text in root.iter(f"{space}text")]
    assert {"alice", "bob"} <= set(rows)
    assert sorted(row for row in rows if row and row.isdigit()) == [str(n + 1) for n in range(len(anomaly.witness))]


def test_a_picture_escapes_what_clients_say_and_stays_small(tmp_path: Path) -> None:
    history = History("t", tmp_path)
    for number in range(3_000):
        said = "<script>alert(1)</script>"
        history.record("ok", f"<p{number % 40}>", "receive", "c", said, seq=number, at=number)
    picture = timeline(history.operations())
    assert "<script>" not in picture
    ET.fromstring(picture)
    assert len(picture) < 200_000


def test_an_empty_history_has_a_picture_too() -> None:
    ET.fromstring(timeline([]))
