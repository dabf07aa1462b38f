"""A small disk for the tables of one PostgreSQL: a file system in a mount namespace of that server alone."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import system

FREE = 8
"""MB that are free on it at first."""
# Who maps itself into a user namespace may mount there, root or not; nobody else sees what is mounted.
_INSIDE = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount")
_MOUNT = 'mount -t tmpfs -o size="$2m",mode=0700 none "$1"'
# The shell stays in the folder that is covered by the mount, and copies from there.
_COPY = f'cd "$1" && {_MOUNT} && cp -Rp . "$1" && cd "$1/.." && shift 2 && exec "$@"'


def inside(folder: Path, arguments: Sequence[str | Path]) -> list[str | Path]:
    """``arguments`` for a process that has ``folder`` on a disk of its own, with ``FREE`` MB more than it holds now."""
    size = sum(file.stat().st_blocks for file in folder.rglob("*")) // 2048 + 1
    return [*_INSIDE, "sh", "-c", _COPY, "sh", folder, str(size + FREE), *arguments]


@functools.cache
def why_missing() -> str | None:
    """Why no disk of its own can be made on this machine; None where one can."""
    if sys.platform != "linux":
        return "a disk of its own can be had on Linux only"
    user = system.unprivileged_user()
    command = [*_INSIDE, "sh", "-c", _MOUNT, "sh", "/mnt", "1"]
    try:
        tried = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=10, user=user.pw_uid if user else None
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no small disk can be made: {error}"
    if tried.returncode == 0:
        return None
    shown = f"{' '.join(_INSIDE)} mount -t tmpfs none /mnt"
    return f"no small disk can be made, as `{shown}` shows: {tried.stderr.strip()}"
