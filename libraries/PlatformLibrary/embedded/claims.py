"""Directories that last as long as a process claims them: the kernel takes the claim from one that dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Claim:
    """A shared lock on a directory; processes that are forked later hold it too."""

    path: Path
    _handle: int | None

    def give_up(self) -> None:
        """Delete the directory, unless somebody else claims it too; once is enough."""
        handle, self._handle = self._handle, None
        if handle is not None:
            _delete_unclaimed(self.path, handle)


def claim(path: Path) -> Claim | None:
    """Claim a directory; None where it is not there, or is being deleted."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if _is(path, handle):
            return Claim(path, handle)
    os.close(handle)
    return None


def remove_unclaimed(path: Path) -> None:
    """Delete a directory of this user that nobody claims."""
    with contextlib.suppress(OSError):
        _delete_unclaimed(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))


def _delete_unclaimed(path: Path, handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is(path, handle) and os.fstat(handle).st_uid == os.getuid():
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return
    finally:
        os.close(handle)


def _is(path: Path, handle: int) -> bool:
    """Whether ``path`` is what was opened: it may have been deleted and made again."""
    return os.path.samestat(os.fstat(handle), path.lstat())
