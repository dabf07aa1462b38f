"""What an interrupt leaves behind, for real: nothing, whatever the command was doing."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from PlatformLibrary.embedded import system

from tests.launcher.launching import ROOT, command, launcher_environment, small_project, wait_until

BOUND = 240.0
"""Seconds after the signal in which everything must be gone."""
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
LIBRARIES = {"PYTHONPATH": str(ROOT / "libraries")}

HELD = """*** Settings ***
Library    PlatformLibrary
Library    OperatingSystem
Suite Setup    Use Shared Platform

*** Test Cases ***
It Holds The Platform
    Create File    {folder}/held
    Sleep    600s
"""
WAITING = """*** Settings ***
Library    OperatingSystem

*** Test Cases ***
It Waits
    Create File    {folder}/held
    Sleep    600s
"""
DEAF = """import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(600)
"""
PYTEST = """import subprocess, sys, tempfile, time
from pathlib import Path
from PlatformLibrary.embedded.client import start_host


def test_it_holds_a_platform(tmp_path):
    place = Path(tempfile.gettempdir())
    client = start_host(place / "own.sock")
    client.lease()
    deaf = Path({folder!r}) / "deaf"
    subprocess.Popen([sys.executable, "-c", {deaf!r}, str(deaf)])
    while not deaf.exists():
        time.sleep(0.05)
    (Path({folder!r}) / "held").touch()
    time.sleep(600)
"""
BACKEND = """import pathlib, time


def get_requires_for_build_wheel(*_):
    return []


def prepare_metadata_for_build_wheel(*_):
    pathlib.Path({held!r}).touch()
    time.sleep(600)
"""


@dataclass
class Place:
    """A temporary directory that only the processes of one run know; by it, and by what lies in it, they are known."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    _memory: set[Path] = field(default_factory=set)
    _pids: set[int] = field(default_factory=set)
    _since: int = field(default_factory=lambda: int(time.time()))

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def held(self) -> bool:
        """Whether the run has come to where it waits."""
        return (self.folder / "held").exists()

    @property
    def booting(self) -> bool:
        """Whether a host has begun to make what it needs."""
        return any(self.temporary.glob("lockstep-*/host-*"))

    def start(self, words: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        """Start a command, in a process group of its own, as a terminal does."""
        environment = {**launcher_environment(), "TMPDIR": str(self.temporary), **options.pop("extra", {})}
        environment.pop("PYTEST_DEBUG_TEMPROOT", None)
        with (self.folder / "said.txt").open("w") as said:
            process = subprocess.Popen(
                list(map(str, words)),
                **{"cwd": self.folder, "stdout": said, "stderr": subprocess.STDOUT, **options},
                env=environment,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    @property
    def said(self) -> str:
        """What the last command has said, its children too."""
        return (self.folder / "said.txt").read_text("utf-8", "replace")

    def left(self) -> list[str]:
        """What there is of the run: processes, files in its temporary directory, and shared memory."""
        found = [*self._processes(), *self._files()]
        self._memory |= {link.resolve() for link in self.temporary.glob("lockstep-*/host-*/data") if link.is_symlink()}
        return [*found, *(str(path) for path in self._memory if path.exists()), *self._segments()]

    def _files(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.temporary):
            yield from (os.path.join(folder, name) for name in (*folders, *files))

    def _processes(self) -> Iterator[str]:
        for process in psutil.process_iter(["status"]):
            with suppress(psutil.Error):
                if process.info["status"] != psutil.STATUS_ZOMBIE and self._is_ours(process):
                    self._pids.add(process.pid)
                    yield f"{process.pid} {' '.join(process.cmdline())[:200]}"

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.AccessDenied):
            if process.environ().get("TMPDIR") == str(self.temporary):
                return True
        folder = Path(process.cwd().removesuffix(" (deleted)"))
        return any(folder.is_relative_to(place) for place in (self.temporary, *self._memory))

    def _segments(self) -> Iterator[str]:
        """System V shared memory that a process of the run has made (Linux)."""
        with suppress(OSError):
            head, *lines = Path("/proc/sysvipc/shm").read_text().splitlines()
            for line in lines:
                segment = dict(zip(head.split(), map(int, line.split()), strict=True))
                if segment["cpid"] in self._pids and segment["ctime"] >= self._since:
                    yield f"shared memory {segment['shmid']}"

    def clear(self) -> None:
        """End what a failed test has left."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if self._is_ours(process):
                    process.kill()
        for run in self.started:
            run.kill()
            run.wait()
            if run.stdout:
                run.stdout.close()
        for data in (data for folder in self._memory for data in folder.glob("*")):
            system.forget_shared_memory(data)
        for path in (*self._memory, self.folder):
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def place() -> Iterator[Place]:
    """In a folder that every user can enter, since PostgreSQL may run as another, with a short path for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="lockstep-interrupt-", dir="/tmp"))
    folder.chmod(0o711)
    found = Place(folder)
    found.temporary.mkdir()
    found.temporary.chmod(0o711)
    yield found
    found.clear()


def interrupt(place: Place, run: subprocess.Popen[str], number: signal.Signals, *, group: bool = False) -> str:
    """Send the signal to one process, or to all that a terminal would; what was said, once nothing is left."""
    place.left()
    os.killpg(run.pid, number) if group else run.send_signal(number)
    wait_until_nothing_is_left(place, run)
    return place.said


def wait_until_nothing_is_left(place: Place, run: subprocess.Popen[str]) -> None:
    """Fails with what is there after `BOUND`; what the run makes meanwhile is watched, too.

    Its end is asked for last, since a parent does not always ask at once, and nothing may wait for that.
    """
    deadline = time.monotonic() + BOUND
    while (left := place.left()) or run.poll() is None:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def says_once(said: str) -> bool:
    """Whether one line says that it was interrupted, and no traceback does."""
    lines = [line for line in said.splitlines() if line.startswith("Interrupted")]
    return len(lines) == 1 and "Traceback" not in said


def suite(place: Place, text: str) -> Path:
    path = place.folder / "held.robot"
    path.write_text(text.format(folder=place.folder))
    return path


# --- installing


@pytest.fixture
def project(place: Place) -> Path:
    """The script with a package to install whose build never ends."""
    folder = place.folder / "project"
    (folder / "launcher").mkdir(parents=True)
    shutil.copy(ROOT / "run", folder)
    for name in ("help.sh", "notify.sh"):
        shutil.copy(ROOT / "launcher" / name, folder / "launcher")
    (folder / "launcher" / "__main__.py").write_text("print('launched')\n")
    (folder / "requirements.txt").write_text("./endless\n")
    endless = folder / "endless"
    endless.mkdir()
    (endless / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (endless / "backend.py").write_text(BACKEND.format(held=str(place.folder / "held")))
    return folder


OFFLINE = {"PYTHONPATH": "", "PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}


def test_an_interrupted_installation_leaves_nothing_and_is_made_again(place: Place, project: Path) -> None:
    for number, group in ((TERM, False), (INT, True), (HUP, False)):
        run = place.start([project / "run", "list"], cwd=project, extra=OFFLINE)
        wait_until(lambda: place.held, "the installation")
        said = interrupt(place, run, number, group=group)
        assert run.returncode == 128 + number, said
        assert says_once(said), said
        (place.folder / "held").unlink()
    # As if the earlier installation had been whole, and the list were as it was then.
    (project / "requirements.txt").write_text("# nothing\n")
    assert place.start([project / "run", "list"], cwd=project, extra=OFFLINE).wait(120) == 0
    assert "Installing" in place.said


def test_an_environment_that_was_half_made_is_made_again(place: Place, project: Path) -> None:
    (project / "requirements.txt").write_text("# nothing\n")
    run = place.start([project / "run", "list"], cwd=project, extra=OFFLINE)
    wait_until(lambda: (project / ".venv" / "bin" / "python").exists(), "half an environment")
    said = interrupt(place, run, INT, group=True)
    assert run.returncode == 130, said
    assert "Interrupted." in said.splitlines()
    again = place.start([project / "run", "list"], cwd=project, extra=OFFLINE)
    assert (again.wait(120), place.said.splitlines()[-1]) == (0, "launched"), place.said


# --- the launcher


def test_a_ci_that_aborts_ends_what_its_script_has_started(place: Place) -> None:
    run = place.start([ROOT / ".ci" / "run", "lint"], cwd=ROOT)
    wait_until(lambda: any("-m mypy" in line for line in place.left()), "a linter")
    said = interrupt(place, run, TERM)
    assert run.returncode == 143, said
    assert says_once(said), said
    assert said.splitlines()[-1] == "0 passed, 1 failed"


def test_a_linter_ends_with_the_launcher(place: Place) -> None:
    run = place.start(command("lint", "robocop"), cwd=ROOT)
    wait_until(lambda: any("-m robocop" in line for line in place.left()), "the linter")
    said = interrupt(place, run, TERM)
    assert run.returncode == 143, said
    assert says_once(said), said


@pytest.mark.parametrize(
    ("number", "group"), [(INT, True), (TERM, False)], ids=["Ctrl-C", "TERM to the launcher alone"]
)
def test_tests_of_pytest_leave_neither_processes_nor_platforms(
    place: Place, number: signal.Signals, group: bool
) -> None:
    project = small_project(place.folder)
    tests = project / "tests" / "holding"
    tests.mkdir(parents=True)
    (tests / "test_holding.py").write_text(PYTEST.format(folder=str(place.folder), deaf=DEAF))
    path = f"{project}{os.pathsep}{project / 'libraries'}"
    run = place.start(command("test", "pytest", "--results", place.folder / "results"), extra={"PYTHONPATH": path})
    wait_until(lambda: place.held or run.poll() is not None, "the test")
    said = interrupt(place, run, number, group=group)
    assert run.returncode == 128 + number, said
    assert said.splitlines()[-1] == "Interrupted.", said


def test_a_run_whose_terminal_closes_keeps_what_is_finished(place: Place) -> None:
    ours, theirs = pty.openpty()
    words = command(suite(place, HELD), "--results", place.folder / "results")
    # The session's terminal, as setsid makes it: its end sends HUP to the process in front.
    own = [sys.executable, "-c", "import fcntl, os, sys, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); "
           "os.execv(sys.argv[1], sys.argv[1:])"]  # fmt: skip
    run = place.start([*own, *words], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    wait_until(lambda: place.held, "the test on the platform")
    place.left()
    os.close(ours)
    wait_until_nothing_is_left(place, run)
    assert run.returncode == 129
    assert '"interrupted": true' in (place.folder / "results" / "summary.json").read_text()


def test_a_run_whose_platform_starts_leaves_nothing(place: Place) -> None:
    run = place.start(command(suite(place, HELD), "--results", place.folder / "results"))
    wait_until(lambda: place.booting, "the start of the platform")
    said = interrupt(place, run, INT, group=True)
    assert run.returncode == 130, said
    assert says_once(said), said


def test_a_run_whose_reader_is_interrupted_too_keeps_what_is_finished(place: Place) -> None:
    words = command(suite(place, WAITING), "--results", place.folder / "results")
    run = place.start(words, stdout=subprocess.PIPE)
    wait_until(lambda: place.held, "the test")
    assert run.stdout is not None
    run.stdout.close()
    run.stdout = None
    interrupt(place, run, INT)
    assert run.returncode == 130
    assert '"interrupted": true' in (place.folder / "results" / "summary.json").read_text()


def test_a_soak_ends_its_run(place: Place) -> None:
    results = place.folder / "results"
    run = place.start(command("soak", suite(place, WAITING), "--runs", "2", "--loaded", "2", "--results", results))
    wait_until(lambda: place.held, "the first run")
    said = interrupt(place, run, TERM)
    assert run.returncode == 143, said
    assert says_once(said), said
    assert "No run was finished: nothing is proved." in said


def test_a_benchmark_ends_its_platform(place: Place) -> None:
    run = place.start(command("bench", "platform", "--runs", "1", "--first", "0"))
    wait_until(lambda: place.booting, "the start of the platform")
    said = interrupt(place, run, INT, group=True)
    assert run.returncode == 130, said
    assert says_once(said), said


def test_a_benchmark_that_still_imports_ends_in_order(place: Place) -> None:
    run = place.start(command("bench", "sessions", "--quick"))
    wait_until(lambda: any("launcher.child" in line for line in place.left()), "the benchmark")
    said = interrupt(place, run, TERM)
    assert run.returncode == 143, said
    assert says_once(said), said


def test_an_exploration_leaves_no_schedules(place: Place) -> None:
    results = place.folder / "results"
    run = place.start(command("explore", "--count", "50", "--jobs", "1", "--results", results))
    wait_until(lambda: any(results.glob("*/worker-1/exploration.json")), "the first schedule")
    said = interrupt(place, run, HUP)
    assert run.returncode == 129, said
    assert says_once(said), said


@pytest.mark.parametrize(
    ("number", "is_up"), [(INT, False), (TERM, True)], ids=["Ctrl-C while it starts", "TERM once it is up"]
)
def test_by_hand_too(place: Place, number: signal.Signals, is_up: bool) -> None:
    run = place.start(command("up", "--results", place.folder / "results"))
    profile = place.folder / "results" / "up" / "target.yaml"
    wait_until(lambda: profile.exists() if is_up else place.booting, "the platform")
    said = interrupt(place, run, number)
    assert run.returncode == 128 + number, said
    assert says_once(said), said
    assert not profile.exists()


SWALLOWING = """import os, signal
from launcher import interrupts


class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)


def main():
    Last()
    print("swallowed", flush=True)
    return interrupts.wait(interrupts.start(["sleep", "600"]))


interrupts.run(main)
"""


def test_an_interrupt_that_a_finalizer_swallows_ends_the_next_wait(place: Place) -> None:
    run = place.start([sys.executable, "-c", SWALLOWING])
    wait_until_nothing_is_left(place, run)
    assert (run.returncode, place.said.split()) == (143, ["swallowed", "Interrupted."])


# --- without the launcher


@pytest.mark.parametrize(
    ("number", "moment"), [(INT, "booting"), (HUP, "held")], ids=["Ctrl-C while it starts", "HUP in a test"]
)
def test_a_plain_robot_leaves_nothing(place: Place, number: signal.Signals, moment: str) -> None:
    output = place.folder / "output"
    run = place.start([sys.executable, "-m", "robot", "--outputdir", output, suite(place, HELD)], extra=LIBRARIES)
    wait_until(lambda: getattr(place, moment), moment)
    said = interrupt(place, run, number, group=True)
    assert run.returncode not in (0, None), said


def test_a_plain_pabot_leaves_nothing(place: Place) -> None:
    output = place.folder / "output"
    path = {**LIBRARIES, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = place.start([sys.executable, "-m", "pabot.pabot", "--outputdir", output, suite(place, HELD)], extra=path)
    wait_until(lambda: place.held, "the test")
    interrupt(place, run, TERM)
    assert run.returncode == -TERM
