"""What bench.recovery measures is what it says: both servers bring a client back, and what is wrong with it is seen."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bench import _ground, _recovery
from bench._chat import Endpoint
from bench._recovery import Client, Recovered, Tab
from bench.recovery import Both
from tests.launcher.launching import ROOT, command, launcher_environment

TAB = Tab(Endpoint("ws://x", "c-1"), "tab", "e", 3)
GOOD = [1, 2, 3]


def came_back(seqs: list[int], *, recovered: bool = True, replayed: int = 3, conversation: str = "c-1") -> Client:
    """A client that missed three messages and was sent these."""
    made = Client(TAB)
    messages = [{"conversation_id": conversation, "seq": seq, "body": f"message {seq - 1}"} for seq in seqs]
    told = {"recovered": recovered, "replayed": replayed}
    frames: list[dict[str, Any]] = [
        {"type": "welcome", "payload": {}},
        {"type": "message.batch", "payload": {"messages": messages[:2]}},
        {"type": "message.batch", "payload": {"messages": messages[2:]}},
        {"type": "resumed", "payload": told},
    ]
    made.frames = [json.dumps(frame).encode() for frame in frames]
    return made


@pytest.mark.parametrize(
    ("client", "flaws"),
    [
        (came_back(GOOD), []),
        (came_back([1, 3]), ["2 messages of 3, or not in order"]),
        (came_back([2, 1, 3]), ["3 messages of 3, or not in order"]),
        (came_back([*GOOD, 3]), ["4 messages of 3, or not in order"]),
        (came_back(GOOD, conversation="c-2"), ["3 messages of 3, or not in order"]),
        (came_back(GOOD, recovered=False), ["it was told {'recovered': False, 'replayed': 3}"]),
        (came_back(GOOD, replayed=2), ["it was told {'recovered': True, 'replayed': 2}"]),
        (Client(TAB), ["nothing came"]),
    ],
)
def test_what_is_missing_doubled_or_out_of_order_is_a_flaw(client: Client, flaws: list[str]) -> None:
    assert client.flaws() == flaws


def test_percentiles_are_of_the_clients_own_times() -> None:
    assert (recovered := Recovered(0.5, [0.1, 0.2, 0.3], [], [])).p(50) == 0.2
    assert recovered.p(99) == 0.3


def test_both_servers_bring_everybody_back_with_the_same_messages_and_a_short_log_is_seen() -> None:
    with _ground.ground() as here:
        both = Both(here, 3, 600)
        bare, platform = both.come_back()
        assert both.flaws == []
        assert bare.received == platform.received
        assert [len(messages) for messages in platform.received] == [600] * 3
        assert len(platform.each) == 3
        assert max(platform.each) <= platform.seconds
        for tabs in (both.bare, both.platform):
            flaws = uvloop.run(_recovery.recover([replace(tabs[0], missed=601)])).flaws
            assert flaws[0] == "client 0: 600 messages of 601, or not in order"


def test_a_small_run_has_every_figure(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        command("bench", "recovery", "--quick", "--json", figures), cwd=ROOT, env=launcher_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())["figures"]
    assert set(found) == {"missed", "clients"}
    for part, what in (("missed", "0 missed"), ("missed", "600 missed"), ("clients", "5 clients × 100, each")):
        for server in ("bare server", "platform"):
            for figure in ("p50", "p99"):
                assert found[part][f"{server}: {what}, {figure}"]["values"][0] > 0
    assert found["clients"]["platform: 5 clients × 100, to the last one's return"]["unit"] == "ms"
    assert found["clients"]["  ratio, platform / bare"]["goal"] == 2.5


@pytest.mark.parametrize("words", [["--only", "client"], ["--runs", "0"], ["--clients", "none"]])
def test_wrong_options_end_with_2(words: list[str]) -> None:
    done = subprocess.run(
        command("bench", "recovery", *words), cwd=ROOT, env=launcher_environment(), capture_output=True, check=False
    )
    assert done.returncode == 2
