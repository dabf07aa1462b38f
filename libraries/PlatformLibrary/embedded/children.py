"""The child processes of the host: started on its main thread, reaped by one SIGCHLD handler."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep import reasons

from . import system
from .errors import PlatformError, log_size, log_tail


@dataclass(frozen=True)
class Child:
    """A started process; ``exited`` becomes its exit status (negative: the signal that ended it)."""

    pid: int
    exited: asyncio.Future[int]

    @property
    def running(self) -> bool:
        """Whether it has not been reaped yet."""
        return not self.exited.done()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if there is still somebody to get it: of a forked service's end the host hears only later."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, within: float) -> bool:
        """Whether it ended within so many seconds."""
        done, _ = await asyncio.wait([self.exited], timeout=within)
        return bool(done)

    async def end(self, within: float, number: signal.Signals = signal.SIGTERM) -> bool:
        """Ask it to end, insist with SIGKILL after ``within`` seconds; whether asking was enough."""
        self.send(number)
        if await self.ended(within):
            return True
        self.send(signal.SIGKILL)
        await self.exited
        return False


class Children:
    """Starts processes that cannot outlive the host, and knows when they end.

    The host adopts orphans too (a PostgreSQL backend whose postmaster was killed), so all are reaped in one place.
    """

    def __init__(self, note: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._note = note
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._popen: dict[int, subprocess.Popen[bytes]] = {}
        system.adopt_orphans()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def start(
        self,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
        as_nobody: bool = False,
        death_signal: signal.Signals = signal.SIGKILL,
        stdin: socket.socket | None = None,
    ) -> Child:
        """Start a process whose output is appended to ``log``."""
        user = system.unprivileged_user() if as_nobody else None
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [str(argument) for argument in arguments],
                    stdin=stdin.fileno() if stdin is not None else subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(environment),
                    cwd=directory,
                    user=user.pw_uid if user else None,
                    group=user.pw_gid if user else None,
                    extra_groups=[] if user else None,
                    start_new_session=True,
                    preexec_fn=system.die_with_parent(death_signal),
                )
        except OSError as error:
            raise PlatformError(f"cannot start {arguments[0]}: {reasons.text(error)}") from error
        self._popen[process.pid] = process
        self._exits[process.pid] = self._loop.create_future()
        self._note(process.pid)
        return Child(process.pid, self._exits[process.pid])

    async def run(
        self,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
        as_nobody: bool = False,
    ) -> None:
        """Run a command to its end; a PlatformError with the end of its output where it fails."""
        offset = log_size(log)
        child = self.start(arguments, log=log, environment=environment, directory=directory, as_nobody=as_nobody)
        try:
            status = await asyncio.shield(child.exited)
        except asyncio.CancelledError:
            child.send(signal.SIGKILL)
            raise
        if status != 0:
            shown = " ".join(str(argument) for argument in arguments[:3])
            raise PlatformError(f"{shown} ended with status {status}{log_tail(log, offset)}")

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = self._popen.pop(pid, None)
            if process is None:
                continue
            process.returncode = os.waitstatus_to_exitcode(status)
            self._exits.pop(pid).set_result(process.returncode)
