"""A host that ends, however it does, ends a run at once and with one cause."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.libraries.platform_boot import (
    ROOT,
    host_of,
    leftovers,
    own_place,
    places_of,
    processes_of,
    reaper_of,
    running,
)
from tests.services.servers import wait_until

Start = Callable[..., subprocess.Popen[str]]
QUICK = 5.0
SUITE = """*** Settings ***
Library    PlatformLibrary
Library    OperatingSystem
Suite Setup    Use Shared Platform
Test Teardown    {teardown}

*** Test Cases ***
It Is Over Before
    No Operation

It Is In Progress
    Create File    {marker}
    {wait}

It Comes Later
    Service Should Be Ready    auth    within=20s

It Comes Last
    Service Should Be Ready    auth    within=20s
"""
WAITS = {
    "sleep": "Sleep    60s",
    "wait of a library": "Service Should Not Answer    auth    within=60s",
    "retries": "Wait Until Keyword Succeeds    60s    100ms    Fail    not yet",
    "ignored failure": "Run Keyword And Ignore Error    Sleep    60s",
    "thread": "Evaluate    threading.Event().wait(60)    modules=threading",
    "timeout": "Evaluate    time.sleep(60)    modules=time",
}
CAUSE = "UNKNOWN: the platform's host has ended"


@dataclass(frozen=True)
class Ended:
    """An inner run that has ended; ``seconds`` after its host."""

    folder: Path
    seconds: float
    output: str

    @property
    def messages(self) -> dict[str, str]:
        """What each test that failed said, by name."""
        tests = [test for file in self.folder.rglob("output.xml") for test in ET.parse(file).iter("test")]
        status = {str(test.get("name")): test.find("status") for test in tests}
        return {
            name: found.text or ""
            for name, found in status.items()
            if found is not None and found.get("status") == "FAIL"
        }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts an inner run, which has come to its second test then; one that does not end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*command: str, wait: str = "Sleep    60s", teardown: str = "No Operation") -> subprocess.Popen[str]:
        marker = tmp_path / "marker"
        (tmp_path / "one.robot").write_text(SUITE.format(marker=marker, wait=wait, teardown=teardown))
        env = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
        env |= {**own_place(tmp_path), "PYTHONPATH": f"{ROOT / 'libraries'}:{ROOT}"}
        process = subprocess.Popen(
            [sys.executable, *command, "--outputdir", str(tmp_path / "out"), str(tmp_path)],
            cwd=tmp_path,
            env=env | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        wait_until(lambda: marker.exists() or process.poll() is not None, "the second test runs")
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def ended(folder: Path, inner: subprocess.Popen[str]) -> Ended:
    """Wait for its end."""
    begun = time.monotonic()
    output, _ = inner.communicate()
    return Ended(folder / "out", time.monotonic() - begun, output)


@pytest.mark.parametrize("wait", WAITS)
def test_a_test_in_progress_ends_with_the_cause_and_the_run_with_it(tmp_path: Path, start: Start, wait: str) -> None:
    inner = start("-m", "robot", wait=WAITS[wait])
    places = places_of(tmp_path)
    host = host_of(processes_of(tmp_path))
    processes = [process for process in processes_of(tmp_path) if process.pid != inner.pid]
    host.kill()
    end = ended(tmp_path, inner)
    assert end.messages["It Is In Progress"] == f"{CAUSE} (signal 9)", end.output
    assert end.messages["It Comes Last"] == f"{CAUSE} (signal 9)"
    assert "It Is Over Before" not in end.messages
    assert end.seconds < QUICK
    wait_until(lambda: not running(processes), "every process has ended")
    assert leftovers(tmp_path, *places) == []


def test_a_teardown_does_not_wait_for_what_has_gone(tmp_path: Path, start: Start) -> None:
    inner = start("-m", "robot", teardown="Service Should Be Ready    auth    within=30s")
    host_of(processes_of(tmp_path)).kill()
    end = ended(tmp_path, inner)
    assert set(end.messages["It Is In Progress"].split("\n\nAlso teardown failed:\n")) == {f"{CAUSE} (signal 9)"}
    assert end.seconds < QUICK


def test_a_host_that_is_told_to_end_says_so(tmp_path: Path, start: Start) -> None:
    inner = start("-m", "robot")
    host_of(processes_of(tmp_path)).terminate()
    end = ended(tmp_path, inner)
    assert end.messages["It Is In Progress"] == f"{CAUSE} (signal 15)"
    assert end.seconds < QUICK


def test_without_a_reaper_the_cause_is_the_end_alone(tmp_path: Path, start: Start) -> None:
    inner = start("-m", "robot")
    places = places_of(tmp_path)
    host = host_of(processes_of(tmp_path))
    reaper_of(host).kill()
    host.kill()
    end = ended(tmp_path, inner)
    assert end.messages["It Is In Progress"] == CAUSE
    assert end.seconds < QUICK
    assert leftovers(tmp_path, *places) == []


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    """A second suite that begins after the host has ended, and a third."""
    for name in ("two", "three"):
        text = SUITE.format(marker=tmp_path / name, wait="Sleep    60s", teardown="No Operation")
        (tmp_path / f"{name}.robot").write_text(text)
    return tmp_path


def test_under_plain_pabot_suites_that_come_later_fail_at_once_with_the_same_cause(suites: Path, start: Start) -> None:
    pabot = ("-m", "pabot.pabot", "--processes", "1", "--no-pabotlib", "--command", "python", "-m", "robot")
    inner = start(*pabot, "--end-command")
    places = places_of(suites)
    host = host_of(processes_of(suites))
    host.kill()
    end = ended(suites, inner)
    assert f"{CAUSE} (signal 9)" in end.output + " ".join(end.messages.values())
    assert (suites / "two").exists() + (suites / "three").exists() < 2
    assert end.seconds < 3 * QUICK
    wait_until(lambda: not leftovers(suites, *places), "nothing is left")
