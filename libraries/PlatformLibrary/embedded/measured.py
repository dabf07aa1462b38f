"""The services' fork server, with coverage measured in each service.

``python -m PlatformLibrary.embedded.measured DIR`` is started in place of ``python -m services.preload`` where
``LOCKSTEP_COVERAGE`` names DIR. Measuring begins before the services are imported, so that each fork knows the lines of
their imports, too. A service writes what it has executed four times a second, and at its end; each time a whole file
takes the place of the one before. ``SIGKILL`` therefore loses what was executed for the first time in the last quarter
of a second of that process, and nothing else.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import coverage

DATA = "coverage"
KEPT = "kept"
EVERY = 0.25
_SIGNALS = (signal.SIGALRM, signal.SIGTERM)

Serve = Callable[[str, socket.socket | None], int]


class Recorder:
    """Writes what this process has executed.

    By a timer, in a callback of the event loop. Not in a thread: what is noted while one saves would be thrown away.
    Not in the signal's handler either: that may interrupt coverage itself, which holds a lock that saving needs.
    """

    def __init__(self, measuring: coverage.Coverage, kept: Path) -> None:
        self._coverage = measuring
        self._kept = kept
        self._name = ""

    def around(self, serve: Serve) -> Serve:
        """``serve``, recorded."""

        def recorded(name: str, listener: socket.socket | None = None) -> int:
            self._name = f"{DATA}.{name}-{os.getpid()}-{time.time_ns()}"
            signal.signal(signal.SIGALRM, self._on_timer)
            signal.signal(signal.SIGTERM, self._on_end)
            signal.setitimer(signal.ITIMER_REAL, EVERY)
            try:
                return serve(name, listener)
            finally:
                self.record()

        return recorded

    def record(self) -> None:
        """Write all so far; the file that is seen is always a whole one, whenever this process is killed."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            live = self._coverage.get_data().data_filename()
            copy = shutil.copyfile(live, f"{live}.copy")
            os.replace(copy, self._kept / self._name)
        except (OSError, coverage.CoverageException) as error:
            # Raised here it would be the service's trouble.
            print(f"coverage is not written: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _on_timer(self, number: int, frame: FrameType | None) -> None:
        try:
            asyncio.get_running_loop().call_soon_threadsafe(self._record_and_go_on)
        except RuntimeError:
            signal.setitimer(signal.ITIMER_REAL, EVERY)  # it does not serve yet

    def _record_and_go_on(self) -> None:
        self.record()
        signal.setitimer(signal.ITIMER_REAL, EVERY)

    def _on_end(self, number: int, frame: FrameType | None) -> None:
        # uvicorn, once it has ended in order, raises the signal again for whoever handled it before: this.
        self.record()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def main(directory: Path) -> int:
    """Measure, and be the fork server."""
    (directory / KEPT).mkdir(parents=True, exist_ok=True)
    measuring = coverage.Coverage(
        data_file=str(directory / DATA),
        data_suffix=True,
        branch=True,
        include=[str(Path.cwd() / "services" / "*")],
        config_file=False,
        messages=False,
    )
    measuring.start()
    preload = importlib.import_module("services.preload")
    preload.serve = Recorder(measuring, directory / KEPT).around(preload.serve)  # type: ignore[attr-defined]
    status: int = preload.main()
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
