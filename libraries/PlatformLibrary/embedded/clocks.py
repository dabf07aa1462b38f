"""Wall clocks of services that can be set, each on its own (libfaketime); monotonic time goes on as it does."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .errors import PlatformError

_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where libfaketime puts it
_FILES = ("libfaketimeMT.so.1", "libfaketimeMT.1.dylib")
WAY = "install it (Debian: apt-get install faketime), or name the file of libfaketimeMT by LOCKSTEP_FAKETIME"


def library() -> Path | None:
    """The file of libfaketime for programs with threads; None where it is not installed."""
    if given := os.environ.get("LOCKSTEP_FAKETIME"):
        return Path(given) if Path(given).is_file() else None
    for place in map(Path, _PLACES):
        for file in _FILES:
            for found in (place / "faketime" / file, *place.glob(f"*/faketime/{file}")):
                if found.is_file():
                    return found
    return None


def why_missing() -> str | None:
    """Why no clock can be set on this machine; None where one can."""
    if sys.platform != "linux":
        return "clocks of services can be set on Linux only"
    return None if library() else f"libfaketime is not there: {WAY}"


def fork_server_environment() -> dict[str, str]:
    """What lets a fork server start services whose clocks can be set."""
    if why := why_missing():
        raise PlatformError(f"clocks=True: {why}")
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # A step is seen at once, not seconds later.
        "FAKETIME_NO_CACHE": "1",
        "NO_FAKE_STAT": "1",
    }


def forget_shared_memory(pid: int) -> None:
    """Remove the names of what libfaketime shares with children of ``pid``, which have it already."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (_SHARED_MEMORY / name).unlink(missing_ok=True)


class Clocks:
    """The clock of each instance, kept in a file that its process reads whenever it asks for the time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ahead: dict[str, float] = {}
        folder.mkdir()

    def environment(self, instance: str) -> Mapping[str, str]:
        """What tells a service where its clock is."""
        self.set(instance, self.ahead.get(instance, 0.0))
        return {"FAKETIME_TIMESTAMP_FILE": str(self._file(instance))}

    def set(self, instance: str, ahead: float) -> None:
        """From now on the clock of ``instance`` is so many seconds ahead of the machine's; below 0 it lags behind."""
        self.ahead[instance] = ahead
        new = self._file(instance).with_suffix(".new")
        new.write_text(f"{ahead:+.6f}\n")
        # In one step: the process may be reading.
        new.replace(self._file(instance))

    def _file(self, instance: str) -> Path:
        return self._folder / instance
