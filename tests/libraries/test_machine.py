"""How long the machine was away, and what that makes of limits and waits."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from lockstep import machine, waiting
from lockstep.machine import Deadline, Mark, PlatformUse, Waiting
from lockstep.unknown import Unknown
from PlatformLibrary.embedded.waited import WaitingLog

from tests.services.servers import wait_until

TELLS = Path("/proc/self/schedstat").exists() and Path("/proc/pressure/cpu").exists()
on_linux = pytest.mark.skipif(not TELLS, reason="this system does not tell how long a process waited")


@pytest.fixture
def one_processor() -> Iterator[int]:
    """This process, and what it starts, share one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield min(before)
    os.sched_setaffinity(0, before)


@pytest.fixture
def crowded(one_processor: int) -> Iterator[list[int]]:
    """Three other processes keep that processor busy; their pids."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    yield [other.pid for other in others]
    for other in others:
        other.kill()
        other.wait()


def work(seconds: float) -> None:
    """Compute for so many seconds of this process' own."""
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        pass


@pytest.mark.parametrize(
    ("used", "waited", "verdict"),
    [
        (1.0, 0.0, "PASS"),
        (1.0, 1.0, "PASS"),
        (1.001, 0.0, "FAIL"),
        (1.5, 0.4, "FAIL"),
        (1.5, 0.5, "PASS"),
        (2.0, 1.0, "PASS"),
        (2.001, 1.001, "UNKNOWN"),
        (50.0, 49.5, "UNKNOWN"),
        (50.0, 40.0, "FAIL"),
        (21.52 / 5, 26.3 / 34.5 * 21.52 / 5, "UNKNOWN"),
        (3.0, 1.5, "UNKNOWN"),
        (3.0, 1.4, "FAIL"),
        (6.0, 3.9, "FAIL"),
    ],
)
def test_a_limit_of_one_second(used: float, waited: float, verdict: str) -> None:
    assert machine.judge(used, 1.0, waited) == verdict


@pytest.mark.parametrize(
    ("used", "waited", "verdict"),
    [
        (1.0, 0.0, "PASS"),
        (1.001, 0.0, "UNKNOWN"),
        (2.0, 0.0, "UNKNOWN"),
        (2.001, 0.0, "FAIL"),
        (24.79 / 15, 6.4 / 15, "UNKNOWN"),
        (3.0, 0.9, "FAIL"),
        (3.0, 1.0, "UNKNOWN"),
        (2.0, 1.0, "PASS"),
    ],
)
def test_a_limit_of_one_second_on_a_platform_that_others_use(used: float, waited: float, verdict: str) -> None:
    assert machine.judge(used, 1.0, waited, shared=True) == verdict


@on_linux
def test_a_process_that_shares_its_processor_waits_for_it(crowded: list[int]) -> None:
    mark = Mark.now()
    work(0.2)
    found = mark.waiting()
    assert found.share > 0.3, found
    assert found.busy
    assert str(found) == f"the machine was busy: {found.waited:.1f} of {found.elapsed:.1f} s waiting for a processor"


@on_linux
def test_a_process_that_sleeps_waits_for_nothing(crowded: list[int]) -> None:
    mark = Mark.now()
    subprocess.run(["sleep", "0.5"], check=True)
    assert mark.waiting().share < 0.5, "however busy others are"


@on_linux
def test_the_platform_waits_no_longer_than_anybody() -> None:
    machine.watch_platform(lambda since, until: PlatformUse(1000.0))
    try:
        mark = Mark.now()
        pressure = machine._pressure() or 0.0
        time.sleep(0.05)
        found = mark.waiting()
        assert found.waited <= (machine._pressure() or 0.0) - pressure + found.elapsed * 0.5
    finally:
        machine.watch_platform(None)


@on_linux
def test_a_wait_lasts_longer_by_what_the_machine_was_away(crowded: list[int]) -> None:
    deadline = Deadline(0.2)
    # Where the machine is away for all of ten times as long, that is the end of it.
    with contextlib.suppress(Unknown):
        while deadline.left():
            work(0.001)
    assert deadline.elapsed > 0.25


def test_a_wait_that_is_not_given_its_time_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(mark: Mark) -> Waiting:
        elapsed = time.monotonic() - mark.at
        return Waiting(elapsed, 0.99 * elapsed)

    monkeypatch.setattr(Mark, "waiting", away)
    expected = r"^UNKNOWN: the answer did not become right in 50 ms; last seen: 1; a wait of 0\.05 s was not given"
    with pytest.raises(Unknown, match=expected):
        waiting.wait_until("the answer", "right", lambda: 1, lambda answer: False, timedelta(seconds=0.05))


def test_a_wait_on_a_machine_of_its_own_ends_in_time() -> None:
    begun = time.monotonic()
    with pytest.raises(AssertionError, match="did not become right in 100 ms"):
        waiting.wait_until("the answer", "right", lambda: 1, lambda answer: False, timedelta(seconds=0.1))
    assert time.monotonic() - begun >= 0.1


def test_a_missed_limit_of_the_platform_is_a_failure_where_the_machine_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "test_waiting", lambda: Waiting(10.0, 4.9))
    with pytest.raises(AssertionError, match=r"^no answer$"):
        machine.missed("no answer")
    monkeypatch.setattr(machine, "test_waiting", lambda: Waiting(12.0, 8.1))
    with pytest.raises(Unknown, match=r"^UNKNOWN: no answer\. the machine was busy: 8\.1 of 12\.0 s waiting"):
        machine.missed("no answer")


@on_linux
def test_a_log_of_waiting_tells_any_part_of_it(crowded: list[int]) -> None:
    log = WaitingLog()
    log.read(crowded)
    first = time.monotonic()
    wait_until(lambda: sum(map(machine.waited, crowded)) > 0 and time.monotonic() > first + 0.5, "half a second")
    log.read(crowded)
    last = time.monotonic()
    whole, half = log.between(first, last), log.between(first, (first + last) / 2)
    assert 0.5 < whole / (last - first) < 3.0, "three processes on one processor wait for two of three seconds each"
    assert half == pytest.approx(whole / 2, rel=0.1)
    assert log.between(last, last + 5) == pytest.approx(0.0, abs=0.05), "what is not known yet"


@on_linux
def test_what_has_ended_stays_counted(one_processor: int) -> None:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    log = WaitingLog()
    begun = time.monotonic()
    log.read([])
    wait_until(lambda: machine.waited(others[0].pid) > 0.2, "it has waited")
    log.read([other.pid for other in others])
    for other in others:
        other.kill()
        other.wait()
    log.read([other.pid for other in others])
    assert log.between(begun, time.monotonic()) > 0.2


def test_nothing_is_known_of_a_process_that_is_not_there() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert machine.waited(ended.pid) == 0.0
