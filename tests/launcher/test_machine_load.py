"""How busy the machine was, and what that makes of a run that took too long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PlatformLibrary.embedded import system

from launcher import walls
from launcher.machine import Load, Watch
from launcher.verdicts import Verdict

QUIET = Load(elapsed=100.0, processors=2, worked=150.0, stolen=0.0, own=150.0, waited=80.0)
BUSY = Load(elapsed=400.0, processors=2, worked=800.0, stolen=0.0, own=200.0, waited=396.0)
SPENT = "import time\nwhile time.process_time() < 0.3: pass"
tells = pytest.mark.skipif(not Path("/proc/pressure/cpu").exists(), reason="this system does not tell")


def test_a_line_says_who_kept_the_machine_busy() -> None:
    assert str(BUSY) == "2 processors; 25 % used by this run, 75 % by others; a process waited for one 99 % of the time"
    taken = Load(elapsed=100.0, processors=2, worked=100.0, stolen=40.0, own=100.0, waited=10.0)
    assert str(taken).endswith("; 20 % taken away by the hypervisor")
    assert taken.others == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("seconds", "load", "expected"),
    [
        (299.0, QUIET, Verdict.PASS),
        (301.0, QUIET, Verdict.FAIL),
        (301.0, None, Verdict.FAIL),
        (400.0, BUSY, Verdict.PASS),
        (700.0, BUSY, Verdict.UNKNOWN),
        (1300.0, BUSY, Verdict.UNKNOWN),
        (2500.0, BUSY, Verdict.FAIL),
    ],
)
def test_a_run_is_late_by_what_the_machine_gave_it(seconds: float, load: Load | None, expected: Verdict) -> None:
    [wall] = walls.judged({"critical": seconds}, {"critical": 300.0}, load, timed=True)
    assert wall.verdict is expected
    if expected is not Verdict.PASS:
        busy = f"; {load}" if expected is Verdict.UNKNOWN else ""
        assert str(wall) == f"the run took {seconds:.1f} s, its budget is 300 s{busy}"


@tells
def test_what_ended_children_used_is_the_runs_own() -> None:
    watch = Watch()
    subprocess.run([sys.executable, "-c", SPENT], check=True)
    load = watch.load()
    assert load is not None
    assert load.own >= 0.25
    more = watch.load(elsewhere=10.0)
    assert more is not None
    assert more.own >= load.own + 10.0


def test_the_host_counts_what_lives_and_what_has_ended() -> None:
    before = system.processor_seconds()
    subprocess.run([sys.executable, "-c", SPENT], check=True)
    ended = system.processor_seconds()
    assert ended - before >= 0.25
    alive = subprocess.Popen([sys.executable, "-c", f"{SPENT}\nprint(flush=True)\ninput()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert alive.stdout is not None
    alive.stdout.readline()
    try:
        assert system.processor_seconds() - ended >= 0.25
    finally:
        alive.kill()
        alive.wait()
