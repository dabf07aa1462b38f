"""Import the web stack once, then fork a service on request.

Spoken to on the Unix stream socket that is file descriptor 0, one JSON line a message:

* request ``{"id": 1, "service": "auth", "env": {…}, "log": "/path"}`` with the listening socket as ancillary data
  (SCM_RIGHTS);
* answer ``{"id": 1, "pid": 123}`` or ``{"id": 1, "error": "…"}``;
* unasked ``{"ready": "auth, provider"}``, and ``{"exited": 123, "status": -9}`` when a service has ended (negative: the
  signal).

What all services share is imported once; then the process forks into branches, each of which imports its own services
beside the other and forks them. The first process only passes messages on.

Ends, and with it every child, when the other end of the socket closes.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from services.common import logs
from services.common.serve import serve

BRANCHES = (("auth", "provider"), ("backend", "frontend"))
SHARED = (
    "services.common.http",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    # What these import only when it is first used, each fork would import again.
    "anyio._backends._asyncio",
    "encodings.idna",
    "fastapi.telemetry._runtime",
    "httpcore",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "cryptography.hazmat.backends.openssl.backend",
)
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel (Linux) for SIGKILL when the parent ends; elsewhere the closed socket ends this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


class Line:
    """One end of a socket that carries JSON lines, each perhaps with a file descriptor."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._buffered = b""
        self._fds: list[int] = []

    def fileno(self) -> int:
        """For ``select``."""
        return self.end.fileno()

    def send(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """One message."""
        data = json.dumps(message).encode() + b"\n"
        if fds:
            sent = socket.send_fds(self.end, [data], fds)
            data = data[sent:]
        self.end.sendall(data)

    def receive(self) -> list[tuple[dict[str, Any], list[int]]] | None:
        """What has come, each message with its descriptors; None when the other end has closed."""
        try:
            data, fds, _, _ = socket.recv_fds(self.end, 1 << 16, 4)
        except ConnectionError:
            return None
        if not data:
            return None
        self._fds += fds
        *lines, self._buffered = (self._buffered + data).split(b"\n")
        messages = []
        for line in lines:
            used, self._fds = self._fds[:1], self._fds[1:]
            messages.append((json.loads(line), used))
        return messages


def _run_service(request: dict[str, Any], listener: socket.socket | None, control: Line, parent: int) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        die_with_parent(parent)
        control.end.close()
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for standard in (1, 2):
            os.dup2(log, standard)
        os.environ.clear()
        os.environ.update(request["env"])
        status = serve(request["service"], listener)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _fork_service(request: dict[str, Any], fds: list[int], control: Line) -> dict[str, Any]:
    listener = socket.socket(fileno=fds[0]) if fds else None
    try:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _run_service(request, listener, control, parent)
        return {"id": request["id"], "pid": pid}
    except OSError as error:
        return {"id": request["id"], "error": logs.reason(error)}
    finally:
        if listener:
            listener.close()


def _reaped() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _branch(names: tuple[str, ...], control: Line) -> None:
    """Import these services, then fork them on request until the other end closes."""
    wake_in, wake_out = socket.socketpair()
    for end in (wake_in, wake_out):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_out.fileno(), warn_on_full_buffer=False)
    for name in names:
        importlib.import_module(f"services.{name}.app")
        importlib.import_module(f"services.{name}.settings")
    gc.collect()
    gc.freeze()
    control.send({"ready": ", ".join(names)})
    running: set[int] = set()
    while True:
        watched: list[Line | socket.socket] = [control, wake_in]
        readable, _, _ = select.select(watched, [], [])
        if wake_in in readable:
            wake_in.recv(4096)
            for pid, status in _reaped():
                running.discard(pid)
                control.send({"exited": pid, "status": status})
        if control in readable:
            requests = control.receive()
            if requests is None:
                break
            for request, fds in requests:
                answer = _fork_service(request, fds, control)
                if "pid" in answer:
                    running.add(answer["pid"])
                control.send(answer)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _start_branches(control: Line) -> dict[Line, tuple[str, ...]]:
    branches: dict[Line, tuple[str, ...]] = {}
    parent = os.getpid()
    for names in BRANCHES:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            status = 1
            try:
                die_with_parent(parent)
                for other in (control, *branches):
                    other.end.close()
                ours.close()
                _branch(names, Line(theirs))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        theirs.close()
        branches[Line(ours)] = names
    return branches


def _pass_on(request: dict[str, Any], fds: list[int], control: Line, branches: dict[Line, tuple[str, ...]]) -> None:
    wanted = request.get("service")
    branch = next((line for line, names in branches.items() if wanted in names), None)
    if branch is None:
        known = ", ".join(name for names in branches.values() for name in names)
        control.send({"id": request.get("id"), "error": f"no service {wanted!r}; there are {known}"})
    else:
        branch.send(request, fds)
    for fd in fds:
        os.close(fd)


def main() -> int:
    """Serve requests until the control socket closes (0) or a branch ends by itself (1)."""
    control = Line(socket.socket(fileno=os.dup(0)))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in SHARED:
        importlib.import_module(name)
    branches = _start_branches(control)
    while True:
        readable, _, _ = select.select([control, *branches], [], [])
        for line in readable:
            messages = line.receive()
            if messages is None:
                return 0 if line is control else 1
            for message, fds in messages:
                if line is control:
                    _pass_on(message, fds, control, branches)
                else:
                    control.send(message)


if __name__ == "__main__":
    sys.exit(main())
