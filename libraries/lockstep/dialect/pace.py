"""How fast a run asks a target that somebody else runs: at most as often as told, and later where it says so.

All workers of a run share one pace, by a file in the folder of the run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lockstep.dialect.messages import Answer
from lockstep.records import append

RECORDS = "throttled.jsonl"
LONGEST_WAIT = 60
"""Seconds that an answer may ask for before the request is sent again; one that asks for more is what it is."""
MOST_TIMES = 5
"""So often one request is sent again."""


def take(requests: int = 1) -> None:
    """Waits until so many requests may be sent, where the run has a pace (``LOCKSTEP_PACE``: requests a second).

    Several that have to be sent at one instant are waited for together, before the first.
    """
    rate, folder = os.environ.get("LOCKSTEP_PACE"), os.environ.get("LOCKSTEP_RUN_DIR")
    if not rate or not folder:
        return
    left = _reserved(Path(folder) / "pace", requests / float(rate)) - time.monotonic()
    if left > 0:
        time.sleep(left)


@contextlib.contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """What no two workers of a run do at one time."""
    folder = os.environ.get("LOCKSTEP_RUN_DIR")
    if not folder:
        yield
        return
    with _held(Path(folder) / f"{what}.lock"):
        yield


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """The descriptor of a file that no other process has meanwhile."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _reserved(path: Path, seconds: float) -> float:
    """The instant at which a share of that length begins, on the machine's monotonic clock."""
    with _held(path) as file:
        free = float(os.read(file, 64) or 0)
        begins = max(free, time.monotonic())
        os.pwrite(file, f"{begins + seconds:<32.6f}".encode(), 0)
        return begins


def asked_to_wait(answer: Answer) -> int | None:
    """The seconds after which a throttled request may be sent again; None where none, or too many, are said."""
    wait = answer.header("retry-after") if answer.status == 429 else None
    return int(wait) if wait and wait.isdigit() and int(wait) <= LONGEST_WAIT else None


def patiently(send: Callable[[], Answer], pause: Callable[[float], None] = time.sleep) -> Answer:
    """What a request is answered with, sent again after ``Retry-After`` where it is throttled; each time is counted."""
    answer = send()
    for _ in range(MOST_TIMES):
        if (seconds := asked_to_wait(answer)) is None:
            break
        _count(seconds)
        pause(seconds + 0.1)
        answer = send()
    return answer


def _count(seconds: int) -> None:
    if folder := os.environ.get("LOCKSTEP_RUN_DIR"):
        append(Path(folder) / RECORDS, {"seconds": seconds})
