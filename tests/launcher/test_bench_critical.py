"""What bench.critical judges by: its pure parts, and that the bare server keeps the promise it is a yardstick of."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Sequence

import picows
import pytest
import uvloop

from bench import _chat, _ground
from bench._chat import Client, Endpoint
from bench._report import Report
from tests.launcher.launching import ROOT, command, launcher_environment

ENDPOINT = Endpoint("ws://x", "c-1")


def client(acks: Sequence[str], answers: Sequence[str]) -> Client:
    """A client that said three messages and received these."""
    made = Client(ENDPOINT, 3, True, False, asyncio.Event())
    made.acks = [(time.perf_counter(), json.dumps({"payload": {"client_msg_id": one}}).encode()) for one in acks]
    made.answers = [(time.perf_counter(), json.dumps({"payload": {"body": one}}).encode()) for one in answers]
    return made


GOOD = ["m-0", "m-1", "m-2"]
SAID = [f"You said: message {number}" for number in range(3)]


@pytest.mark.parametrize(
    ("acks", "answers", "flaws"),
    [
        (GOOD, SAID, []),
        (["m-0", "m-2"], SAID, ["2 acks of 3, or not in order"]),
        (["m-1", "m-0", "m-2"], SAID, ["3 acks of 3, or not in order"]),
        ([*GOOD, "m-2"], SAID, ["4 acks of 3, or not in order"]),
        (GOOD, [SAID[1], SAID[0], SAID[2]], ["3 answers of 3, or not in order"]),
    ],
)
def test_what_is_lost_doubled_or_out_of_order_is_a_flaw(acks: list[str], answers: list[str], flaws: list[str]) -> None:
    assert client(acks, answers).flaws() == flaws


def test_rows_that_are_missing_or_too_many_are_named() -> None:
    endpoints = [ENDPOINT, Endpoint("ws://x", "c-2"), Endpoint("ws://x", "c-3")]
    assert _chat.stored([("c-1", 3), ("c-2", 4)], endpoints, 3) == ["4 rows of 3 in c-2", "0 rows of 3 in c-3"]


def test_the_median_is_judged_and_one_missed_goal_or_flaw_decides(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.begin("part")
    report.line("fast", [0.1, 0.2, 9.0], "ms", 0.25, 1e3)
    report.flaws("lost", [])
    verdicts = [report.met]
    report.line("slow", [0.3], "ms", 0.25, 1e3)
    assert [*verdicts, report.met] == [True, False]
    said = capsys.readouterr().out
    assert "200 ms (of 3: 100–9000)" in said
    assert said.count(": met") == 2
    assert "goal ≤ 250 ms: MISSED" in said
    report = Report()
    report.begin("part")
    report.flaws("lost", ["m-1"])
    assert not report.met


def test_a_server_that_hangs_up_is_a_flaw() -> None:
    class Rude(picows.WSListener):
        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            transport.disconnect()

    async def ask() -> _chat.Exchanged:
        server = await picows.ws_create_server(lambda _: Rude(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        return await _chat.exchange([Endpoint(f"ws://127.0.0.1:{port}/", "c-1")], 2)

    assert uvloop.run(ask()).flaws == ["user 0: the server hung up", "user 0: 0 acks of 2, or not in order"]


def test_platform_and_bare_server_store_acknowledge_and_answer_the_same_messages() -> None:
    with _ground.ground() as here:
        endpoints = here.endpoints(here.users(2), assistant=True)
        bare = uvloop.run(_chat.exchange(here.bare(endpoints), 5, one_by_one=True))
        platform = uvloop.run(_chat.exchange(endpoints, 5, answers=True))
        assert (bare.flaws, platform.flaws) == ([], [])
        assert here.missing(endpoints, 5, "bare_messages") == []
        assert here.missing(endpoints, 5, "messages", "AND role = 'user'") == []
        assert here.missing(endpoints, 6, "bare_messages") != []
        assert len(bare.trips) == len(platform.trips) == 10
        folder = here.platform["dir"]
    assert not os.path.exists(folder)


def test_wrong_options_end_with_2() -> None:
    for words in (["--only", "brust"], ["--runs", "0"]):
        done = subprocess.run(
            command("bench", "critical", *words), cwd=ROOT, env=launcher_environment(), capture_output=True, check=False
        )
        assert done.returncode == 2
