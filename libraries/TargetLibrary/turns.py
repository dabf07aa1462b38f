"""Suites take turns on a target that is one platform for all: those that disturb it are alone with it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any

from lockstep.dialect.accounts import lock_folder


class Turn:
    """A process' turn; the kernel ends it with the process.

    Many may have it together, or one alone. Who wants it alone closes the gate first, so that no new ones come in.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: list[int] = []

    def take(self, profile: Any) -> None:
        """Together with others, once nobody has it alone; nothing is to be taken of a platform that can be private."""
        if profile.kind == "embedded" or self._files:
            return
        gate = self._open(profile.name, "gate")
        fcntl.flock(gate, fcntl.LOCK_SH)
        self._files.append(self._open(profile.name, "turn"))
        fcntl.flock(self._files[0], fcntl.LOCK_SH)
        os.close(gate)

    def take_alone(self, name: str) -> None:
        """Once all others have given it back."""
        self.end()
        self._files += [self._open(name, "gate"), self._open(name, "turn")]
        for file in self._files:
            fcntl.flock(file, fcntl.LOCK_EX)

    def end(self) -> None:
        """Gives it back."""
        while self._files:
            os.close(self._files.pop())

    def _open(self, name: str, what: str) -> int:
        folder = self._folder or lock_folder("turns")
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return os.open(folder / f"{digest}.{what}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
