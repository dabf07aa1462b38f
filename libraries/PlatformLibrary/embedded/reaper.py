"""The parent of the host: waits for its end, clears up what it could not, and says to whoever asks why it ended.

Processes that had a lease ask on the host's socket, which the reaper goes on to answer. Where several processes use
the host one after another, it answers as long as the process lives for which the host was kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import system
from .errors import last_line

END_OF_HOST = "the platform's host has ended"
FAREWELL = "farewell"
"""The entry of an answer that says why the host has ended."""
_ANSWERS_FOR = 1.0
"""Seconds after the last question, and after the clearing."""
_TICK = 0.1


@dataclass(frozen=True)
class Guardian:
    """A process for which the host is kept; ``known_as`` tells it from a later one of the same number."""

    pid: int
    known_as: str

    @classmethod
    def of(cls, pid: int) -> Guardian:
        return cls(pid, system.identity(pid))

    @property
    def lives(self) -> bool:
        return system.alive(self.pid, self.known_as)


def watch(host: int, listener: socket.socket, log: Path, clear: Callable[[], None], guardian: Guardian | None) -> None:
    """Wait for the end of the process ``host``; ``clear`` removes all that is left of it.

    Call in a process that has nothing else to do: it ignores every signal that asks it to end.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.chdir("/")
    _, status = os.waitpid(host, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        clear()
        return
    reason = why_ended(code, log)
    clearing = threading.Thread(target=clear)
    clearing.start()
    _answer_all(listener, reason, lambda: clearing.is_alive() or (guardian is not None and guardian.lives))
    clearing.join()


def why_ended(code: int, log: Path) -> str:
    """The reason in words: ``code`` is the exit status, negative for a signal, above 128 for one that was obeyed."""
    number = -code if code < 0 else code - 128
    if number > 0:
        return f"{END_OF_HOST} (signal {number})"
    said = last_line(log)
    return f"{END_OF_HOST} (status {code}){f': {said}' if said else ''}"


def _answer_all(listener: socket.socket, reason: str, needed: Callable[[], bool]) -> None:
    """Answer every connection with the reason, while that is needed and a moment longer."""
    farewell = json.dumps({"ok": False, FAREWELL: reason}).encode() + b"\n"
    listener.settimeout(_TICK)
    asking: list[socket.socket] = []
    until = time.monotonic() + _ANSWERS_FOR
    while needed() or time.monotonic() < until:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            until = time.monotonic() + _ANSWERS_FOR
            # Closed with this process: one that is closed on unread requests would lose the answer.
            asking.append(connection)
            connection.sendall(farewell)
