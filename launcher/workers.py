"""pabot and its robots: started, watched, and ended so that nothing is left and nothing finished is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from launcher import interrupts
from launcher.worker import STAND_INS

_TICK = 0.1
_GRACE = 5.0
_OWN_END = 3.0
_ROBOTS_OWN = ("ROBOT_OPTIONS", "REBOT_OPTIONS")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of children: this Python's tools first on ``PATH``, the project importable.

    Options for every robot stay out: the launcher has read them, and its own robots are not meant.
    """
    root = str(Path(__file__).resolve().parent.parent)
    path = os.environ.get("PATH", os.defpath)
    python_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {
        **{name: value for name, value in os.environ.items() if name not in _ROBOTS_OWN},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}",
        "PYTHONPATH": os.pathsep.join([root, *(entry for entry in python_path if entry and entry != root)]),
        **extra,
    }


def pabot_command(run: Path, processes: int) -> list[str]:
    """pabot over the stand-ins in the folder ``run`` (``launcher.worker``).

    pabot cuts its ``--command`` at every blank, so Python is named without its folder and found on ``PATH``.
    """
    return [
        *(sys.executable, "-m", "pabot.pabot"),
        *("--command", "python", "-S", "-m", "launcher.worker", "--end-command"),
        *("--no-pabotlib", "--no-rebot", "--pabotconsole", "none"),
        *("--processes", str(processes), "--outputdir", str(run), STAND_INS),
    ]


class Workers:
    """One pabot process in a session of its own, so that only the launcher decides how Ctrl-C ends it."""

    def __init__(self, command: Sequence[str], run: Path, env: Mapping[str, str]) -> None:
        self._run = run
        with (run / "pabot.log").open("wb") as log:
            self._pabot = interrupts.start(
                command, cwd=run, env=dict(env), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def wait(self, each_tick: Callable[[], object]) -> int:
        """pabot's return code (negative: the signal that ended it), calling ``each_tick`` until then."""
        while (code := self._pabot.poll()) is None:
            interrupts.must_go_on()
            each_tick()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._pabot.wait(_TICK)
        each_tick()
        return code

    def end(self, *, patient: bool = False) -> None:
        """End everything; robots get ``SIGTERM`` first, on which they write what they have.

        With ``patient`` they may end by themselves before that, since they know why.
        pabot is held meanwhile: ended politely it would start the next suite, or replace real results by a dry run's.
        """
        if self._pabot.poll() is None:
            self._pabot.send_signal(signal.SIGSTOP)
        robots = robots_of(self._run)
        _wait_for_end(robots, _OWN_END if patient else 0.0)
        for robot in robots:
            with contextlib.suppress(psutil.NoSuchProcess):
                robot.terminate()
        _wait_for_end(robots, _GRACE)
        if self._pabot.poll() is None:
            self._pabot.kill()
            self._pabot.wait()
        leftovers = robots_of(self._run)
        for robot in leftovers:
            with contextlib.suppress(psutil.NoSuchProcess):
                robot.kill()
        _wait_for_end(leftovers, _GRACE)


def robots_of(run: Path) -> list[psutil.Process]:
    """Living robots of the run in ``run``, known by the output folder on their command line."""
    mark = str(run / "pabot_results")
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        info: dict[str, Any] = process.info
        if info["status"] != psutil.STATUS_ZOMBIE and any(mark in word for word in info["cmdline"] or ()):
            found.append(process)
    return found


def _wait_for_end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Wait until none runs; a zombie has ended (its stopped parent cannot fetch it)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(map(_runs, processes)):
        time.sleep(_TICK / 2)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
