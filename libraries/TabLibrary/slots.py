"""How many browsers run at once on this machine: as many as it has processors, whatever the number of suites."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from lockstep.dialect.accounts import lock_folder

_PAUSE = 0.1


class Slot:
    """A suite's leave to run a browser; the kernel ends it with the process."""

    def __init__(self, folder: Path | None = None, count: int | None = None) -> None:
        self._folder = folder
        self._count = count or os.cpu_count() or 1
        self._file: int | None = None

    def take(self) -> None:
        """Once one of them is free; nothing where this process has one."""
        while self._file is None:
            for number in range(self._count):
                if (file := self._free(number)) is not None:
                    self._file = file
                    return
            time.sleep(_PAUSE)

    def end(self) -> None:
        """Give it back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _free(self, number: int) -> int | None:
        folder = self._folder or lock_folder("browsers")
        file = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        return file
