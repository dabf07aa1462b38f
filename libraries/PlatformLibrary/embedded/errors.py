"""What can go wrong with a platform, said so that the reader knows what to do."""

from __future__ import annotations

from pathlib import Path

_TAIL_LINES = 25
_TAIL_BYTES = 64 << 10


class PlatformError(Exception):
    """A platform, or a part of it, is not as it was asked to be; the message names the cause."""


class TransientError(PlatformError):
    """A start-up failure that another attempt may mend, such as a port that was taken meanwhile."""


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
