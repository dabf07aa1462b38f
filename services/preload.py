"""Import the web stack once, then fork a service on request.

Spoken to on the Unix stream socket that is file descriptor 0, one JSON line a message:

* request ``{"service": "auth", "env": {…}, "log": "/path"}`` with the listening socket as ancillary data (SCM_RIGHTS);
* answer ``{"pid": 123}`` or ``{"error": "…"}``;
* unasked ``{"exited": 123, "status": -9}`` when a child has ended (negative: the signal).

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
from typing import Any

from services.common.serve import serve

SERVICES = ("auth", "backend", "frontend", "provider")
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel (Linux) for SIGKILL when the parent ends; elsewhere the closed socket ends the preloader."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _child(request: dict[str, Any], listener: socket.socket | None, control: socket.socket, parent: int) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        die_with_parent(parent)
        control.close()
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
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


def _spawn(line: bytes, fds: list[int], control: socket.socket) -> dict[str, Any]:
    listener = socket.socket(fileno=fds[0]) if fds else None
    try:
        request = json.loads(line)
        if request["service"] not in SERVICES:
            return {"error": f"no service {request['service']!r}; there are {', '.join(SERVICES)}"}
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _child(request, listener, control, parent)
        return {"pid": pid}
    except (OSError, ValueError, KeyError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        if listener:
            listener.close()


def _reap() -> list[dict[str, Any]]:
    ended = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append({"exited": pid, "status": os.waitstatus_to_exitcode(status)})


def _preload() -> None:
    for name in SERVICES:
        importlib.import_module(f"services.{name}.app")
        importlib.import_module(f"services.{name}.settings")
    importlib.import_module("uvicorn.protocols.http.httptools_impl")
    importlib.import_module("uvicorn.protocols.websockets.websockets_sansio_impl")
    gc.collect()
    gc.freeze()


def main() -> int:
    """Serve fork requests until the control socket closes."""
    control = socket.socket(fileno=os.dup(0))
    wake_in, wake_out = socket.socketpair()
    for end in (wake_in, wake_out):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake_out.fileno(), warn_on_full_buffer=False)
    _preload()
    control.sendall(b'{"ready": true}\n')
    buffered, fds = b"", list[int]()
    while True:
        readable, _, _ = select.select([control, wake_in], [], [])
        if wake_in in readable:
            wake_in.recv(4096)
            for message in _reap():
                control.sendall(json.dumps(message).encode() + b"\n")
        if control in readable:
            data, received, _, _ = socket.recv_fds(control, 1 << 16, 4)
            if not data:
                return 0
            fds += received
            buffered += data
            while b"\n" in buffered:
                line, buffered = buffered.split(b"\n", 1)
                used, fds = fds[:1], fds[1:]
                control.sendall(json.dumps(_spawn(line, used, control)).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
