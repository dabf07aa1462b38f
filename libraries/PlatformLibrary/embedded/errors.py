"""What can go wrong with a platform, said so that the reader knows what to do."""

from __future__ import annotations

from pathlib import Path

from lockstep.unknown import UNKNOWN

_TAIL_LINES = 25
_TAIL_BYTES = 64 << 10


class PlatformError(Exception):
    """A platform, or a part of it, is not as it was asked to be; the message names the cause."""


class TransientError(PlatformError):
    """A start-up failure that another attempt may mend, such as a port that was taken meanwhile."""


class HostEndedError(BaseException):
    """The platform's host has ended, so nothing more can be judged: Robot ends the whole run with this ``reason``.

    No ``Exception``, since whoever waits for a platform tolerates those.
    """

    ROBOT_EXIT_ON_FAILURE = True
    ROBOT_SUPPRESS_NAME = True

    def __init__(self, reason: str) -> None:
        super().__init__(f"{UNKNOWN}{reason}")
        self.reason = reason


def log_size(path: Path) -> int:
    """Where the next line of a log will begin, in bytes."""
    return path.stat().st_size if path.exists() else 0


def log_tail(path: Path, offset: int = 0) -> str:
    """The last lines that ``path`` got after ``offset`` bytes, ready to stand under an error message."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(offset, size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError as error:
        return f"\n(no log: {error})"
    if not lines:
        return f"\n(nothing in {path.name})"
    return f"\nEnd of {path.name}:\n" + "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])


def last_line(path: Path) -> str:
    """The last line of a log that is not empty; empty where there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
