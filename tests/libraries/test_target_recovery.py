"""Devices that were away, and the network before a target, on two small platforms with other dialects."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lockstep import verdicts
from lockstep.dialect import loads
from lockstep.dialect.line import Opened
from TargetLibrary.recovering import Recovering, Sent

from tests.foreign.running import ROOT, included, run, served

DISCONNECTIONS = ROOT / "suites" / "state_recovery" / "01_disconnections.robot"


@pytest.mark.req("T04")
def test_devices_recover_by_snapshots(tmp_path: Path) -> None:
    with served("cookie") as variables:
        found = run(tmp_path, "cookie", variables, suites=DISCONNECTIONS)
    verdicts = {key: verdict for key, (verdict, _) in found.items()}
    wanted = dict.fromkeys(["R01-01", "R01-02", "R01-03", "R04-03"], "PASS") | dict.fromkeys(["R07-01", "R07-04"], "NA")
    assert verdicts == wanted, found
    assert "{key}" in found["R07-01"][1]


@pytest.mark.req("T04")
def test_what_a_device_misses_is_found(tmp_path: Path) -> None:
    with served("cookie", "forgets") as variables:
        found = run(tmp_path, "cookie", variables, *included(["R01-01", "R01-02", "R01-03"]), suites=DISCONNECTIONS)
    assert {verdict for verdict, _ in found.values()} == {"FAIL"}
    assert "are missing: 'while away" in found["R01-01"][1]
    assert "are missing: 'into the silence" in found["R01-03"][1]


@pytest.mark.req("T04")
def test_what_is_not_promised_is_unbounded(tmp_path: Path) -> None:
    """The same faults, of a target that declares that what is sent while a device is away may be lost."""
    text = (ROOT / "tests" / "foreign" / "cookie" / "target.yaml").read_text("utf-8")
    dialect = tmp_path / "target.yaml"
    dialect.write_text(text.replace("recovery: {by: snapshot}", "delivery: {loss: while_away}"), "utf-8")
    with served("cookie", "forgets") as variables:
        found = run(tmp_path / "run", str(tmp_path), variables, *included(["R01-01"]), suites=DISCONNECTIONS)
    verdict, message = found["R01-01"]
    assert verdict == "UNBOUNDED", message
    assert "of 2 messages that were sent while the device was away 2 were lost" in message


EXPLORATION = ROOT / "suites" / "exploration" / "01_schedules.robot"


@pytest.mark.req("T04")
def test_random_schedules_are_played_in_the_words_of_the_target(tmp_path: Path) -> None:
    with served("cookie") as variables:
        found = run(tmp_path, "cookie", variables, "--variable", "COUNT:3", suites=EXPLORATION)
    assert found["EX-01"][0] == "PASS", found["EX-01"]
    assert found["EX-02"] == (
        "NA",
        "NA: schedule: ack_before_commit.json: this target has no step 1, phone connects to backend-1",
    )


REPEATS = """
dialect: 1
endpoints: {api: {url: "http://api", socket: "ws://api"}}
socket: {out: {send: {send: {text: "{text}", key: "{key}"}}}}
promises: {delivery: %s}
"""


def sending_again(delivery: str) -> None:
    """A message that is sent again is stored a second time, at 8 in place of 7."""
    keywords: Any = Recovering()
    keywords.stage = SimpleNamespace(dialect=loads(REPEATS % delivery))
    line = SimpleNamespace(
        frame=keywords.stage.dialect.socket.out.get, outgoing=lambda word, **values: SimpleNamespace(content="")
    )
    answers = [Opened(True, {"position": 8})]
    socket = SimpleNamespace(line=line, send=lambda content: None, answers_to=lambda made, word: answers)
    keywords.socket = lambda alias: socket
    keywords.received = lambda found, room: [SimpleNamespace(key="k", position=7)]
    keywords.send_messages_again("phone", "room", [Sent("hello", "k")])


def test_a_message_that_is_stored_twice_is_a_failure_unless_repeats_are_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(verdicts, "weaker", lambda text, reference: said.append(text))
    with pytest.raises(AssertionError, match="'hello' was sent again, and is at 8 now, not at 7 as before"):
        sending_again("{repeats: by_id}")
    assert said == []
    sending_again("{repeats: possible}")
    assert said == ["messages may come more than once, as declared"]
