"""A robot's stand-in: has one forked by `launcher.robots`, or becomes one where that is not there.

It stands for the robot: passes on the signals it gets, ends as that ends, and takes it along when it is killed or pabot
has gone. Imports as little as it can, since saving imports is what it is for.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import NoReturn

_INTERVAL = 0.25


def main(args: list[str], folder: str | None = None) -> NoReturn:
    """Run a robot with ``args`` in ``folder``, the current one where none is named."""
    line = ask(os.environ.get("LOCKSTEP_ROBOTS"), args, folder)
    if line is None:
        os.chdir(folder or os.getcwd())
        os.execv(sys.executable, [sys.executable, "-P", "-m", "robot", *args])  # noqa: S606 - a robot, as asked for
    stand_in(line)


def stand_in(line: socket.socket) -> NoReturn:
    """Be, for whoever started this process, the fork at the other end of ``line``."""
    parent = os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: line.send(b"%d" % number))
    line.settimeout(_INTERVAL)
    while os.getppid() == parent:
        try:
            _end_as(line.recv(16))
        except TimeoutError:
            continue
    sys.exit(1)


def ask(address: str | None, args: list[str], folder: str | None = None) -> socket.socket | None:
    """The line on which the fork's end will be told; None where nobody forks (``launcher.forking``)."""
    if not address:
        return None
    request = {"args": args, "cwd": folder or os.getcwd(), "path": os.getcwd(), "env": dict(os.environ)}
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        line.connect(f"\0{address}")
        socket.send_fds(line, [json.dumps(request).encode()], [0, 1, 2])
    except OSError:
        return None
    return line


def _end_as(answer: bytes) -> NoReturn:
    """Nothing said is an end without a word: the process that forks was killed."""
    code = int(answer or b"255")
    if code >= 0:
        sys.exit(code)
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    sys.exit(128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
