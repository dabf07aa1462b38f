"""How long others kept the machine from us, and what that makes of a limit of time.

Linux tells how long a thread waited, ready to run, for a processor (``/proc/<pid>/schedstat``), for how long any
process did (pressure stall information, ``/proc/pressure/cpu``) and how long the hypervisor took the processors away
(steal, ``/proc/stat``). The waiting of this process and of the platform under test, but never more than all processes
together waited, is the time for which the machine was away. Elsewhere nothing is known, and it is 0.

A limit of time is judged by the time less the waiting, and stretched at most twice; beyond that no verdict can be had.
A platform that other suites used meanwhile was slower by them, too, and nobody can tell by how much; and where the
machine was away for half of the time, the waiting itself is only roughly known. There a limit that was missed by less
than its double cannot be judged either.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn

from lockstep.unknown import UNKNOWN, Unknown

STRETCH = 2.0
"""A time limit that was missed on a busy machine holds up to so many times its length."""
PATIENCE = 10.0
"""A wait on a busy machine lasts at most so many times its length."""

# From this share of the waiting on, everything took twice as long as it would have on a machine of its own.
_AWAY = 1 - 1 / STRETCH
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_WORTH_A_WORD = 0.1
_LEAST_STEP = 0.02
# It costs ten times as much to read as the rest, and it moves slowly.
_STOLEN_EVERY = 0.25

Judgement = Literal["PASS", "UNKNOWN", "FAIL"]


@dataclass(frozen=True)
class Waiting:
    """Of ``elapsed`` seconds the machine was away for ``waited``."""

    elapsed: float
    waited: float
    shared: bool = False
    """Other suites used the platform at the same time."""

    @property
    def share(self) -> float:
        """From 0 (a machine of our own) to 1."""
        return self.waited / self.elapsed if self.elapsed else 0.0

    def judge(self, used: float, limit: float) -> Judgement:
        """Whether a time of ``used`` seconds, measured meanwhile, keeps a limit: it waited as long as all the rest."""
        return judge(used, limit, used * self.share, shared=self.shared)

    @property
    def busy(self) -> bool:
        """Whether it is worth a word."""
        return self.share >= _WORTH_A_WORD

    def __str__(self) -> str:
        state = "the machine was busy" if self.busy else "the machine was not busy"
        others = ", and other suites used the platform" if self.shared else ""
        return f"{state}: {self.waited:.1f} of {self.elapsed:.1f} s waiting for a processor{others}"


@dataclass(frozen=True)
class Mark:
    """An instant: seconds of the monotonic clock, and what had been waited by then."""

    at: float
    pressure: float | None
    stolen: float
    own: float

    @classmethod
    def now(cls) -> Mark:
        """This instant."""
        return cls(time.monotonic(), _pressure(), _stolen(), _waited_by_this_process())

    def waiting(self) -> Waiting:
        """For how long the machine has been away since."""
        now = Mark.now()
        elapsed = now.at - self.at
        platform = _platform(self.at, now.at)
        ours = now.own - self.own + platform.waited
        if self.pressure is not None and now.pressure is not None:
            ours = min(ours, now.pressure - self.pressure)
        return Waiting(elapsed, max(0.0, min(elapsed, ours + now.stolen - self.stolen)), platform.shared)


class Deadline:
    """The end of a wait of so many ``seconds``, later by the time that the machine was away."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._mark = Mark.now()
        self._end = self._mark.at + seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._mark.at

    def left(self, missing: str = "what was awaited did not come") -> float:
        """Seconds that are left; 0 when the wait is over.

        Raises ``Unknown`` with what is ``missing`` where the machine was away for so long that the wait could not be
        given its time.
        """
        now = time.monotonic()
        if now < self._end or not self.seconds:
            return max(0.0, self._end - now)
        waiting = self._mark.waiting()
        left = self.seconds - (waiting.elapsed - waiting.waited)
        if left < _LEAST_STEP:
            return 0.0
        if waiting.elapsed > PATIENCE * self.seconds:
            raise Unknown(f"{missing}; a wait of {self.seconds:g} s was not given its time: {waiting}")
        self._end = now + left
        return left


def test_begins() -> None:
    """From now on `test_waiting` counts."""
    global _test
    _test = Mark.now()


def test_waiting() -> Waiting:
    """For how long the machine has been away since the running test began; since this module was loaded without one."""
    return _test.waiting()


def missed(what: str) -> NoReturn:
    """Fail with ``what``, which says that the platform missed a limit of time of its own.

    Raises ``Unknown`` where the machine was away for half of the test or more. Else ``AssertionError``.
    """
    if what.startswith(UNKNOWN):
        raise Unknown(what)
    waiting = test_waiting()
    if waiting.share >= _AWAY:
        raise Unknown(f"{what}. {waiting}")
    raise AssertionError(what)


def wait_for(event: threading.Event, seconds: float) -> bool:
    """Whether ``event`` was set within so many seconds, or later by the time that the machine was away.

    Raises ``Unknown`` as `Deadline.left`.
    """
    deadline = Deadline(seconds)
    while not event.is_set() and (left := deadline.left()):
        event.wait(left)
    return event.is_set()


def judge(used: float, limit: float, waited: float, *, shared: bool = False) -> Judgement:
    """Whether a time of ``used`` seconds, of which the machine was away for ``waited``, keeps a limit.

    ``shared``: other suites used the platform at the same time.
    """
    if used <= limit:
        return "PASS"
    if used - waited > limit:
        roughly = shared or waited >= _AWAY * used
        return "UNKNOWN" if roughly and used - waited <= STRETCH * limit else "FAIL"
    return "PASS" if used <= STRETCH * limit else "UNKNOWN"


@dataclass(frozen=True)
class PlatformUse:
    """For how many seconds a platform's processes waited for a processor, and whether other suites used it, too."""

    waited: float = 0.0
    shared: bool = False


def watch_platform(source: Callable[[float, float], PlatformUse] | None) -> None:
    """Ask ``source`` what became of the platform under test between two instants of the monotonic clock."""
    global _platform
    _platform = source or _nothing


def watch_this_thread() -> None:
    """Count the calling thread's waiting, too; the main thread is counted anyway."""
    pid = os.getpid()
    _threads.append((pid, _Account(f"/proc/{pid}/task/{threading.get_native_id()}/schedstat")))


def waited(pid: int) -> float:
    """Seconds for which the main thread of process ``pid`` has waited for a processor so far; 0 where it is unknown."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            return _of_schedstat(file.read())
    except OSError:
        return 0.0


class _Account:
    """A file of the kernel's that is kept open: it is read before each wait."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._owner = 0
        self._file = -1

    def read(self) -> bytes:
        """What it says now; nothing where it is missing."""
        try:
            if self._owner != os.getpid():
                # A fork would read its parent's account.
                self._owner, self._file = os.getpid(), os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._file, 512, 0) if self._file >= 0 else b""
        except OSError:
            self._file = -1
            return b""


def _nothing(since: float, until: float) -> PlatformUse:
    return PlatformUse()


def _waited_by_this_process() -> float:
    pid = os.getpid()
    threads = sum(_of_schedstat(account.read()) for owner, account in _threads if owner == pid)
    return _of_schedstat(_OWN.read()) + threads


def _of_schedstat(text: bytes) -> float:
    fields = text.split()
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def _pressure() -> float | None:
    """Seconds for which any process waited for a processor, since the machine's start; None where it is unknown."""
    some = _PRESSURE.read().partition(b"\n")[0].rpartition(b"total=")[2]
    return int(some) / 1e6 if some.isdigit() else None


def _stolen() -> float:
    """Seconds for which the hypervisor took a processor away: the mean of all processors, at most a moment old."""
    global _seen_stolen
    at, seconds = _seen_stolen
    if time.monotonic() - at > _STOLEN_EVERY:
        fields = _STAT.read().partition(b"\n")[0].split()
        seconds = int(fields[8]) * _TICK / (os.cpu_count() or 1) if len(fields) > 8 else 0.0
        _seen_stolen = time.monotonic(), seconds
    return seconds


_PRESSURE = _Account("/proc/pressure/cpu")
_STAT = _Account("/proc/stat")
_OWN = _Account("/proc/self/schedstat")
_threads: list[tuple[int, _Account]] = []
_seen_stolen = (float("-inf"), 0.0)
_test = Mark.now()
_platform: Callable[[float, float], PlatformUse] = _nothing
