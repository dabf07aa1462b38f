"""A process that has imported much, and is forked for each piece of work that needs what it imported.

Spoken to on an abstract Unix socket (Linux alone has those; it leaves no file behind), one packet a message:

* ``{"args": […], "cwd": "…", "path": "…", "env": {…}}`` with standard input, output and error as ancillary data: it
  forks; ``path`` is where imports begin;
* a signal's number: the fork gets it;
* the answer, at the fork's end: its exit code, or the number of the signal that ended it, negative.

A fork is killed when whoever asked for it has gone, and when this process ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded.system import die_with_parent

_LARGEST = 1 << 18
_STANDARD = (0, 1, 2)

Work = Callable[[Sequence[str]], int]


class ForkServer:
    """The side of who needs the forks: started early, ended with all that it forked."""

    def __init__(self, module: str, folder: Path, env: Mapping[str, str]) -> None:
        """``module``, run in ``folder``, calls `main`."""
        self.address = f"{module.replace('.', '-')}-{uuid.uuid4().hex}"
        # Bound here, so that who asks while that process still imports waits for it.
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(f"\0{self.address}")
            listener.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=folder, env=dict(env), start_new_session=True,
                preexec_fn=die_with_parent(),
                stdin=listener.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    @property
    def end(self) -> str:
        """What ended it before `close`: ``signal 9``, ``status 1``; "" where it lives."""
        code = self._process.poll()
        return "" if code is None else f"signal {-code}" if code < 0 else f"status {code}"

    def close(self) -> None:
        """End it, and with it every fork that still runs."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class _Fork:
    """A fork that runs, and the line to whoever asked for it."""

    pid: int
    line: socket.socket


def main(prepare: Callable[[], None], work: Work) -> None:
    """``prepare``, then fork on request until killed; each fork does ``work`` with its arguments and ends as that says.

    File descriptor 0 is the listening socket.
    """
    listener = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    prepare()
    _serve(listener, work)


def _serve(listener: socket.socket, work: Work) -> None:
    forks: dict[int, _Fork] = {}
    wake_in, wake_out = socket.socketpair()
    for end in (wake_in, wake_out):
        end.setblocking(False)
    signal.set_wakeup_fd(wake_out.fileno(), warn_on_full_buffer=False)
    while True:
        lines = {fork.line: fork for fork in forks.values()}
        ready, _, _ = select.select([listener, wake_in, *lines], [], [])
        for one in ready:
            if one is listener:
                if fork := _fork(listener, work):
                    forks[fork.pid] = fork
            elif one is wake_in:
                wake_in.recv(4096)
                _tell(forks)
            elif lines[one].pid in forks:
                _pass_on(lines[one])


def _tell(forks: dict[int, _Fork]) -> None:
    """Answer for each fork that has ended."""
    for pid in list(forks):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            line = forks.pop(pid).line
            with contextlib.suppress(OSError):
                line.send(b"%d" % os.waitstatus_to_exitcode(status))
            line.close()


def _pass_on(fork: _Fork) -> None:
    """A signal; the end of the line counts as SIGKILL."""
    try:
        number = int(fork.line.recv(16) or signal.SIGKILL)
    except OSError:
        number = signal.SIGKILL
    with contextlib.suppress(ProcessLookupError):
        os.kill(fork.pid, number)


def _fork(listener: socket.socket, work: Work) -> _Fork | None:
    """The fork that the next in line asks for; None for a stranger."""
    line, _ = listener.accept()
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
        _do(work, json.loads(data), standard, ask)
    for fd in standard:
        os.close(fd)
    return _Fork(pid, line)


def _do(work: Work, request: Mapping[str, Any], standard: list[int], die_with_server: Callable[[], None]) -> None:
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
        sys.path[0] = request["path"]
        code = work(request["args"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 255
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
