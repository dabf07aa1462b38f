"""A lease that breaks ends the test in progress at once, also in the middle of a wait."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

import robot

from .embedded.client import HostClient
from .embedded.errors import HostEndedError

# Ignored where nobody handles it, so one that comes late harms nothing.
_SIGNAL = signal.SIGURG
_EVERY = 0.05
_ROBOT = str(Path(robot.__file__).parent)
# Where Robot runs code of others: of its own libraries' keywords, and of `Evaluate`.
_PASSED_THROUGH = (f"{_ROBOT}/libraries/", f"{_ROBOT}/variables/evaluation.py")
_RUNS_KEYWORDS = (f"{_ROBOT}/running/librarykeywordrunner.py", f"{_ROBOT}/running/timeouts/")


class LeaseWatch:
    """Interrupts whatever library keyword runs after the host has ended, teardowns too: none of them can succeed."""

    def __init__(self) -> None:
        self._reason = ""
        self._over = threading.Event()

    def begin(self, client: HostClient) -> None:
        """Watch the lease of ``client``; only the main thread, where Robot runs keywords, can be interrupted."""
        if threading.current_thread() is threading.main_thread():
            self._over.clear()
            signal.signal(_SIGNAL, self._interrupt)
            client.watch(self._ended)

    def end(self) -> None:
        """Interrupt nothing any more."""
        self._over.set()

    def _ended(self, reason: str) -> None:
        self._reason = reason
        main = threading.main_thread().ident
        assert main is not None
        while not self._over.is_set():
            signal.pthread_kill(main, _SIGNAL)
            self._over.wait(_EVERY)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._reason and not self._over.is_set() and in_keyword(frame):
            raise HostEndedError(self._reason)


def in_keyword(frame: FrameType | None) -> bool:
    """Whether this code belongs to a library keyword: Robot itself, its output for one, must not be interrupted."""
    top = frame
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_ROBOT) and not file.startswith(_PASSED_THROUGH):
            return frame is not top and file.startswith(_RUNS_KEYWORDS)
        frame = frame.f_back
    return False
