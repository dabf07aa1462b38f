"""What an instance of a platform can be told to do, and how a database server does it."""

from __future__ import annotations

import abc
import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from . import system
from .children import Child
from .errors import PlatformError, TransientError, log_size, log_tail
from .ports import Port

START_DEADLINE = 60.0
STOP_DEADLINE = 5.0
DRAIN_DEADLINE = 20.0
_POLL = 0.005
_PORT_CLASH = ("Address already in use", "could not bind")


class Instance(abc.ABC):
    """One process, or tree of processes, of a platform."""

    def __init__(self, name: str, port: Port, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self.paused = False
        self.child: Child | None = None
        self.ends: list[str] = []
        """When and how its process ended though nobody had asked the host for that."""
        self._may_end: Child | None = None

    @property
    def running(self) -> bool:
        """Whether its process lives (paused or not)."""
        return self.child is not None and self.child.running

    @property
    def status(self) -> str:
        """``running``, ``paused`` or ``stopped``."""
        return "stopped" if not self.running else "paused" if self.paused else "running"

    def must_run(self) -> Child:
        """Its process; a PlatformError where there is none."""
        if self.child is None or not self.child.running:
            raise PlatformError(f"{self.name} is not running")
        return self.child

    def let_end(self) -> Child:
        """Its process, whose end is from now on no surprise; a PlatformError where there is none."""
        self._may_end = self.must_run()
        return self._may_end

    def _serves(self, child: Child) -> None:
        """It is ready: from now on its end is noted, unless it comes by `let_end` or a successor serves."""
        child.exited.add_done_callback(lambda exited: self._note_end(child, exited.result()))

    def _note_end(self, child: Child, status: int) -> None:
        if child is self.child and child is not self._may_end:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            self.ends.append(f"{self.name} ended by itself at {time.strftime('%H:%M:%S')} ({how})")

    def must_not_run(self) -> None:
        """A PlatformError where it runs."""
        if self.running:
            raise PlatformError(f"{self.name} is already running")

    @abc.abstractmethod
    async def start(self) -> None:
        """Start it and wait until it is ready."""

    @abc.abstractmethod
    async def stop(self) -> None:
        """Ask it to end, with a bound."""

    async def kill(self) -> None:
        """SIGKILL for the whole tree; returns when nothing of it is left."""
        child = self.let_end()
        # Stopped first, so that no parent can start new children or tidy up while its tree dies.
        tree = await _stopped_tree(child.pid)
        for pid in tree:
            send(pid, signal.SIGKILL)
        child.send(signal.SIGKILL)
        await child.exited
        # What is killed goes on to hold its memory, ports and locks until it has ended.
        await _until_each_is(tree)
        self.paused = False

    async def pause(self) -> None:
        """SIGSTOP for the whole tree: connections stay open, nothing is answered; returns when nothing of it runs."""
        await _stopped_tree(self.must_run().pid)
        self.paused = True

    def resume(self) -> None:
        """SIGCONT for the whole tree."""
        child = self.must_run()
        for pid in descendants(child.pid):
            send(pid, signal.SIGCONT)
        child.send(signal.SIGCONT)
        self.paused = False

    async def restart(self) -> None:
        """Stop it if it runs, and start it again on the same port."""
        if self.running:
            await self.stop()
        await self.start()


class Server(Instance):
    """A database server: it opens its port itself, and says by itself when it is ready."""

    _stop_signal = signal.SIGTERM
    _start_deadline = START_DEADLINE
    _stop_deadline = STOP_DEADLINE

    @abc.abstractmethod
    def _launch(self) -> Child: ...

    @abc.abstractmethod
    async def _ready(self, pid: int) -> bool:
        """Whether the server that serves on the port is process ``pid``, and ready."""

    async def start(self) -> None:
        """Start it and wait until it is ready; a TransientError where its port was taken meanwhile."""
        self.must_not_run()
        offset = log_size(self.log)
        deadline = time.monotonic() + self._start_deadline
        with self.port.open_to_server():
            self.child = child = self._launch()
            try:
                while not await self._ready(child.pid):
                    self._must_be_starting(child, offset, deadline)
                    await asyncio.sleep(_POLL)
            except BaseException:
                child.send(signal.SIGKILL)
                raise
        self._serves(child)

    def _must_be_starting(self, child: Child, offset: int, deadline: float) -> None:
        if child.running and time.monotonic() < deadline:
            return
        tail = log_tail(self.log, offset)
        if not child.running:
            error = TransientError if any(text in tail for text in _PORT_CLASH) else PlatformError
            raise error(f"{self.name} ended with status {child.exited.result()} at its start{tail}")
        raise PlatformError(f"{self.name} was not ready within {self._start_deadline:g} s{tail}")

    async def stop(self) -> None:
        """An orderly stop; SIGKILL for what has not ended after the bound."""
        child = self.let_end()
        if self.paused:
            self.resume()
        child.send(self._stop_signal)
        if not await child.ended(self._stop_deadline):
            await self.kill()


async def _stopped_tree(root: int) -> list[int]:
    """SIGSTOP for ``root`` and its descendants, which are returned once none of all of them can fork any more."""
    stopped: list[int] = []
    found = [root]
    while found:
        for pid in found:
            send(pid, signal.SIGSTOP)
        # A signal is sent at once, but a fork that has begun goes on to its end.
        await _until_each_is(found, "stopped", "tracing-stop")
        stopped += found
        found = [pid for pid in descendants(root) if pid not in stopped]
    return stopped[1:]


async def _until_each_is(pids: Sequence[int], *statuses: str) -> None:
    """Returns once each of them is in one of these statuses of psutil, or has ended."""
    awaited = (*system.ENDED, *statuses)
    while any(system.status(pid) not in awaited for pid in pids):  # noqa: ASYNC110 - the kernel tells only a parent
        await asyncio.sleep(_POLL)


def descendants(pid: int) -> list[int]:
    """The children of ``pid``, theirs, and so on."""
    import psutil  # only verbs need it, and it would cost every start 20 ms

    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal, if there is still a process to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
