"""The fork server of the services (``python -m services.preload``), as the host sees it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .children import Child, Children
from .clocks import forget_shared_memory, fork_server_environment
from .errors import PlatformError, log_tail
from .options import project_root

# What libfaketime is loaded into has to be a process of its own, not the fork of another one.
_OWN = ["-m", "services.preload"]


class Preloader:
    """Forks services of one source tree; importing the web stack once makes a fork cost milliseconds.

    Its messages are documented in ``services/preload.py``.
    """

    def __init__(
        self, children: Children, services_dir: Path, log: Path, note: Callable[[int], None], *, clocks: bool = False
    ) -> None:
        """Start the fork server; with ``clocks`` the clocks of its services can be set."""
        self._clocks = clocks
        self._log = log
        self._note = note
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = children.start(
                [sys.executable, *(_OWN if clocks else _fork_server(services_dir))],
                log=log,
                environment=source_environment(services_dir) | (fork_server_environment() if clocks else {}),
                directory=services_dir,
                stdin=theirs,
            )
        ours.setblocking(False)
        self._socket = ours
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._loop = asyncio.get_running_loop()
        self._reader = self._loop.create_task(self._read())

    @property
    def usable(self) -> bool:
        """Whether services can still be forked."""
        return self._child.running and not self._reader.done()

    async def fork(
        self, service: str, environment: Mapping[str, str], log: Path, listener: socket.socket | None
    ) -> Child:
        """Start ``service`` on ``listener``; its output is appended to ``log``."""
        number = next(self._numbers)
        wanted = {"id": number, "service": service, "env": dict(environment), "log": str(log)}
        request = json.dumps(wanted).encode() + b"\n"
        answer = self._answers[number] = self._loop.create_future()
        try:
            if listener is None:
                self._socket.sendall(request)
            else:
                socket.send_fds(self._socket, [request], [listener.fileno()])
        except OSError as error:
            raise self._gone() from error
        message = await answer
        if "error" in message:
            raise PlatformError(f"{service} was not started: {message['error']}")
        pid = int(message["pid"])
        self._note(pid)
        if self._clocks:
            forget_shared_memory(self._child.pid)
        return Child(pid, self._exits[pid])

    async def close(self) -> None:
        """End the fork server; services that still run end with it."""
        self._socket.close()
        await self._child.end(within=1.0)
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        buffered = b""
        try:
            while data := await self._loop.sock_recv(self._socket, 1 << 16):
                *lines, buffered = (buffered + data).split(b"\n")
                for line in lines:
                    self._take(json.loads(line))
        except OSError:
            pass
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(self._gone())
            for ended in self._exits.values():
                if not ended.done():
                    ended.set_result(-signal.SIGKILL)

    def _take(self, message: dict[str, Any]) -> None:
        if "exited" in message:
            ended = self._exits.get(message["exited"])
            if ended is not None and not ended.done():
                ended.set_result(message["status"])
        elif "id" in message:
            if "pid" in message:
                self._exits[message["pid"]] = self._loop.create_future()
            answer = self._answers.pop(message["id"])
            if not answer.done():
                answer.set_result(message)
            elif "pid" in message:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(message["pid"], signal.SIGKILL)

    def _gone(self) -> PlatformError:
        return PlatformError(f"the services could not be loaded{log_tail(self._log)}")


def _fork_server(services_dir: Path) -> list[str]:
    """Python's arguments: ``services.preload``, or what stands for it.

    That is ``.measured`` while coverage is measured, and else what ``LOCKSTEP_PRELOAD`` says (``defects.preload``). Of
    another version of the services neither knows anything.
    """
    if services_dir.resolve() != project_root().resolve():
        return _OWN
    if directory := os.environ.get("LOCKSTEP_COVERAGE"):
        return ["-m", f"{__package__}.measured", directory]
    return shlex.split(os.environ["LOCKSTEP_PRELOAD"]) if "LOCKSTEP_PRELOAD" in os.environ else _OWN


def source_environment(services_dir: Path) -> dict[str, str]:
    """The environment of a Python that runs ``services`` of this source tree before any other."""
    search = os.pathsep.join(filter(None, (str(services_dir), os.environ.get("PYTHONPATH"))))
    return {**inherited_environment(), "PYTHONPATH": search}


def inherited_environment() -> dict[str, str]:
    """What every process of a platform takes over from the host: no variable that could change what is tested."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "TZ", "HOME", "TMPDIR") if name in os.environ}
