"""A process that has imported Robot Framework and the keyword libraries, and is forked for each suite.

What a robot imports costs more CPU than the tests of many a suite. Spoken to by ``launcher.robot``, which pabot runs in
place of a robot, on an abstract Unix socket (Linux alone has those; it leaves no file behind), one packet a message:

* ``{"args": […], "cwd": "…", "env": {…}}`` with standard input, output and error as ancillary data: a robot is forked;
* a signal's number: the robot gets it;
* the answer, at its end: its exit code, or the number of the signal that ended it, negative.

A robot is killed when whoever asked for it has gone, and when this process ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded.system import die_with_parent

from launcher.paths import LIBRARIES

_SERVER = "launcher.robots"
_IMPORTED = ("robot.run", "robot.libraries.Collections", "RequestsLibrary", "DatabaseLibrary", "psycopg")
_LARGEST = 1 << 18
_STANDARD = (0, 1, 2)


class Robots:
    """The launcher's side: started while the tests are planned, ended with the run."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        """In pabot's own ``folder``, since Robot Framework takes defaults from it when it is imported."""
        self.address = f"lockstep-robots-{uuid.uuid4().hex}"
        # Bound here, so that who asks while that process still imports waits for it.
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.bind(f"\0{self.address}")
            door.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", _SERVER], cwd=folder, env=dict(env), start_new_session=True,
                preexec_fn=die_with_parent(), stdin=door.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def close(self) -> None:
        """End it, and with it every robot that still runs."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class _Robot:
    """A robot that runs, and the line to whoever asked for it."""

    pid: int
    line: socket.socket


def main() -> None:
    """Import, then fork on request until killed; file descriptor 0 is the listening socket."""
    door = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _import()
    _serve(door)


def _import() -> None:
    for name in (*_IMPORTED, *(module.name for module in pkgutil.iter_modules([str(LIBRARIES)]))):
        # What cannot be imported is for the suite that needs it to say.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve(door: socket.socket) -> None:
    robots: dict[int, _Robot] = {}
    wake_in, wake_out = socket.socketpair()
    for end in (wake_in, wake_out):
        end.setblocking(False)
    signal.set_wakeup_fd(wake_out.fileno(), warn_on_full_buffer=False)
    while True:
        lines = {robot.line: robot for robot in robots.values()}
        ready, _, _ = select.select([door, wake_in, *lines], [], [])
        for one in ready:
            if one is door:
                if robot := _fork(door):
                    robots[robot.pid] = robot
            elif one is wake_in:
                wake_in.recv(4096)
                _tell(robots)
            elif lines[one].pid in robots:
                _pass_on(lines[one])


def _tell(robots: dict[int, _Robot]) -> None:
    """Answer for each robot that has ended."""
    for pid in list(robots):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            line = robots.pop(pid).line
            with contextlib.suppress(OSError):
                line.send(b"%d" % os.waitstatus_to_exitcode(status))
            line.close()


def _pass_on(robot: _Robot) -> None:
    """A signal; the end of the line counts as SIGKILL."""
    try:
        number = int(robot.line.recv(16) or signal.SIGKILL)
    except OSError:
        number = signal.SIGKILL
    with contextlib.suppress(ProcessLookupError):
        os.kill(robot.pid, number)


def _fork(door: socket.socket) -> _Robot | None:
    """The robot that the next in line asks for; None for a stranger."""
    line, _ = door.accept()
    _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    data, standard = b"", list[int]()
    if user == os.getuid():
        data, standard, _, _ = socket.recv_fds(line, _LARGEST, len(_STANDARD))
    if len(standard) != len(_STANDARD):
        line.close()
        return None
    ask = die_with_parent()
    pid = os.fork()
    if pid == 0:
        _become_robot(json.loads(data), standard, ask)
    for fd in standard:
        os.close(fd)
    return _Robot(pid, line)


def _become_robot(request: Mapping[str, Any], standard: list[int], die_with_server: Callable[[], None]) -> None:
    code = 255
    try:
        die_with_server()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        for fd, number in zip(standard, _STANDARD, strict=True):
            os.dup2(fd, number)
        os.closerange(max(_STANDARD) + 1, 1 << 16)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.path[0] = request["cwd"]
        sys.argv[:] = ["robot", *request["args"]]
        from robot.run import run_cli

        code = run_cli(request["args"], exit=False)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 255
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
