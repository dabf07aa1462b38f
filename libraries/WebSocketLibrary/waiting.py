"""Waiting for what the loop thread journals: woken by it, never by a poll."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from lockstep import machine
from lockstep.masking import mask
from lockstep.waiting import seconds
from robot.utils import timestr_to_secs

from .background import Bell
from .connection import Connection
from .errors import Refusals, is_temporary
from .journal import Direction, Frame
from .matching import Matcher
from .report import explaining, frame_line, log_journal, situation
from .spelling import flaw

T = TypeVar("T")


def wait_until(
    connections: Sequence[Connection], look: Callable[[], T | None], within: float, bell: Bell | None = None
) -> T | None:
    """What `look` finds, asked now and after each change of one of the journals; None after `within` seconds.

    Later by the time that the machine was away; `Unknown` where it was away for too long (`lockstep.machine`).
    """
    bell = bell or Bell()
    for connection in connections:
        connection.bell = bell
    try:
        deadline = machine.Deadline(within)
        while (found := look()) is None:
            left = deadline.left()
            if not left:
                return None
            bell.wait(left)
        return found
    finally:
        for connection in connections:
            connection.bell = None


class Search:
    """Looks for the first wanted frame among those not looked at before."""

    def __init__(self, connection: Connection, wanted: Matcher, since: int = 0) -> None:
        self._journal = connection.journal
        self._wanted = wanted
        self._position = since

    def __call__(self) -> Frame | None:
        for frame in self._journal.untaken(self._position):
            self._position = frame.index + 1
            if self._wanted(frame):
                return frame
        return None


def find(connection: Connection, wanted: Matcher, within: timedelta, since: int = 0) -> Frame:
    """Takes the first untaken frame that is wanted.

    `AssertionError` when none comes in time, or before that an error in its place or the end of the socket.
    """
    search = Search(connection, wanted, since)
    refusal = Refusals(connection.journal, connection.errors, wanted, since=since)
    error: Frame | None = None
    ended = False

    def look() -> Frame | bool | None:
        nonlocal ended, error
        ended = connection.closing is not None
        found = search()
        error = None if found else refusal()
        return found or (True if error or ended else None)

    started = time.monotonic()
    found = wait_until([connection], look, within.total_seconds())
    if not isinstance(found, Frame):
        missing = f"No frame with {wanted.description} on '{connection.alias}' within {seconds(within)}"
        waited = f"waited {time.monotonic() - started:.3f} s"
        late = error is not None and is_temporary(error)
        fail(connection, f"{missing}, {waited}{cause(connection, wanted, error, since)}.", late=late)
    return connection.journal.take(found)


def cause(connection: Connection, wanted: Matcher, error: Frame | None, since: int) -> str:
    """Why a wanted frame is missing, to be said in the same line: an error, the end of the socket, a misspelled field,
    or what came instead.
    """
    if error is not None:
        return f" until an error came in its place: {refused(connection, error)}"
    if connection.closing is not None:
        return f" until the socket was {connection.describe_state()}"
    received = list(connection.journal.frames(Direction.RECEIVED, since))
    if reason := flaw(wanted, received, lambda: connection.journal.frames(Direction.BOTH)):
        return f"; {reason}"
    shown = explaining(connection, received)
    return f"; {len(received)} other frame(s) came, such as {frame_line(shown[0])}" if shown else "; no frame came"


def refused(connection: Connection, error: Frame) -> str:
    """An error in one line, which counts as reported now."""
    connection.errors.note([error])
    return frame_line(error)


def fail(connection: Connection, text: str, since: int = 0, *, late: bool = False) -> NoReturn:
    """Fails the keyword: what was wanted, what came instead; the whole journal goes to the log.

    ``late``: the server said that it could not do it in time, which may be the machine's fault (`lockstep.machine`).
    """
    log_journal(connection)
    message = f"{mask(text)}\n{situation(connection, since)}"
    if late:
        machine.missed(message)
    raise AssertionError(message)


def duration(value: Any) -> timedelta:
    """A time given as Robot text (`1 s`), number of seconds or timedelta."""
    return value if isinstance(value, timedelta) else timedelta(seconds=timestr_to_secs(value))
