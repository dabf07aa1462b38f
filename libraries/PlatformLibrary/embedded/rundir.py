"""Directories of hosts: each host has one, marked alive by a lock, and what dead hosts left is swept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from . import claims, programs, system
from .claims import Claim
from .clocks import forget_shared_memory
from .errors import PlatformError

_LOCK = "alive"
_DATA = "data"
_SOCKET = "socket"
_MEMORY = Path("/dev/shm")  # noqa: S108 - directories there are claimed, and belong to this user
_IN_MEMORY = "lockstep-data-"
_MEMORY_NEEDED = 1 << 30
_DISK_NEEDED = 128 << 20
_PIDS = "pids"
_GRACE = 1.0
_ATTEMPTS = 100
_UNMARKED = 60.0
_LONGEST_SWEEP = 20.0
LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
"""Bytes that the path of a Unix socket has at most."""
_LONGEST_NAME = len("/host-12345678/socket")


def base_directory() -> Path:
    """This user's place for run directories, which ``nobody`` can enter where root needs that.

    Raises ``PlatformError`` with each place that was tried, and why it cannot be used.
    """
    unusable = []
    for place in _places():
        base = place / f"lockstep-{os.getuid()}"
        if why := _unusable(place, base):
            unusable.append(f"{place} {why}")
        else:
            return base
    raise PlatformError(
        f"there is no temporary directory that can be used: {'; '.join(unusable)}. Set TMPDIR to a folder with a short "
        "path that this user can write to and every user can enter"
    )


def _places() -> list[Path]:
    places = [Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - owner and mode are checked
    with contextlib.suppress(FileNotFoundError):
        places.insert(0, Path(tempfile.gettempdir()))
    return list(dict.fromkeys(places))


def _unusable(place: Path, base: Path) -> str:
    """Why ``place`` cannot hold run directories in ``base``, which is made; empty where it can."""
    try:
        if system.unprivileged_user() is not None and not system.reachable_by_all(place):
            return "cannot be entered by nobody, who runs PostgreSQL for root"
        if len(os.fsencode(base)) + _LONGEST_NAME > LONGEST_SOCKET_PATH:
            return "has too long a path for a socket"
        with contextlib.suppress(FileExistsError):
            base.mkdir(mode=0o711)
            base.chmod(0o711)
        facts = base.lstat()
    except OSError as error:
        return f"cannot be used ({error.strerror})"
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        return f"holds a {base.name} that is not a directory of this user"
    return "" if os.access(base, os.W_OK | os.X_OK) else "cannot be written to"


def cache_directory() -> Path:
    """Where templates are kept: ``LOCKSTEP_CACHE``, default ``~/.cache/lockstep``."""
    cache = Path(os.environ.get("LOCKSTEP_CACHE") or Path.home() / ".cache" / "lockstep")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if not os.access(cache, os.W_OK | os.X_OK):
            raise PermissionError(0, "it cannot be written to")
    except OSError as error:
        raise PlatformError(
            f"prepared databases cannot be kept in {cache} ({error.strerror}): set LOCKSTEP_CACHE to another folder"
        ) from error
    return cache


@contextlib.contextmanager
def base_directory_held() -> Iterator[Path]:
    """This user's place, which nobody else changes as a whole meanwhile: the kernel frees the lock of a dead holder."""
    while True:
        base = base_directory()
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(base, os.O_RDONLY)
            break
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not base.exists():
            base_directory()
        yield base
    finally:
        os.close(handle)


def remove_if_empty(base: Path) -> None:
    """Take this user's place away when no host uses it."""
    with contextlib.suppress(OSError):
        handle = os.open(base, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            base.rmdir()
        finally:
            os.close(handle)


class RunDirectory:
    """The directory of one host, with a list of its processes for whoever has to clean up after a ``kill -9``."""

    def __init__(self) -> None:
        self.base = base_directory()
        # The reaper shares these locks by inheritance, so nobody sweeps while it still works.
        self.path, self._lock = _new_directory(self.base)
        self.data, self._data_claim = _data_directory(self.path)
        self._pids = (self.path / _PIDS).open("a")
        self.socket = self.path / _SOCKET

    def note(self, pid: int) -> None:
        """Remember a process."""
        self._pids.write(f"{pid} {system.identity(pid)}\n")
        self._pids.flush()

    def remove(self) -> None:
        """Delete it and everything in it, also where somebody has taken the link to its data away."""
        clear(self.path)
        self._remove_data()

    def clear(self) -> None:
        """End what still runs of the processes noted here, and delete everything but the socket."""
        _end_noted(self.path)
        self._remove_data()
        for entry in self.path.glob("*/"):
            shutil.rmtree(entry, ignore_errors=True)

    def _remove_data(self) -> None:
        if self._data_claim is None:
            shutil.rmtree(self.data, ignore_errors=True)
        else:
            self._data_claim.give_up()


def _new_directory(base: Path) -> tuple[Path, TextIO]:
    """A directory and the lock that keeps it; until that is held, another host may take both away."""
    for _ in range(_ATTEMPTS):
        try:
            path = Path(tempfile.mkdtemp(prefix="host-", dir=base))
        except FileNotFoundError:
            # Another host, the last one till then, has just taken the base away.
            base_directory()
            continue
        with contextlib.suppress(FileNotFoundError):
            path.chmod(0o711)
            lock = (path / _LOCK).open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            lock.close()
    raise PlatformError(f"cannot make a directory in {base}")


def _data_directory(run: Path) -> tuple[Path, Claim | None]:
    """Where ``run`` keeps database files: in memory where there is room, since copying there is ten times as fast.

    They need to outlive the servers, not the machine. A link in ``run`` leads whoever clears it to them, and a claim
    tells the remains of a dead host where that link is gone.
    """
    data = run / _DATA
    while _room(_MEMORY) >= _MEMORY_NEEDED and os.access(_MEMORY, os.W_OK | os.X_OK):
        target = _MEMORY / f"{_IN_MEMORY}{secrets.token_hex(6)}"
        data.symlink_to(target)
        target.mkdir()
        if (claimed := claims.claim(target)) is not None:
            target.chmod(0o711)
            return target, claimed
        data.unlink()
    if (free := _room(run)) < _DISK_NEEDED:
        raise PlatformError(
            f"only {free >> 20} MB are free in {run.parent.parent}, a platform needs {_DISK_NEEDED >> 20} MB: "
            "free some space, or set TMPDIR to another folder"
        )
    data.mkdir()
    data.chmod(0o711)
    return data.resolve(), None


def _room(place: Path) -> int:
    """Free bytes; none where that cannot be told."""
    try:
        facts = os.statvfs(place)
    except OSError:
        return 0
    return facts.f_bavail * facts.f_frsize


def _remove(run: Path) -> None:
    data = run / _DATA
    if data.is_symlink():
        shutil.rmtree(data.resolve(), ignore_errors=True)
    shutil.rmtree(run, ignore_errors=True)


def sweep(base: Path) -> None:
    """Clear what hosts left that died, and their reapers with them: directories, processes, copies and sockets."""
    for path in base.glob("host-*"):
        # Who has no lock yet is just being made; or died at it, long ago.
        with contextlib.suppress(OSError), (path / _LOCK).open("a" if _age(path) > _UNMARKED else "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(path)
    for place, pattern in [(_MEMORY, f"{_IN_MEMORY}*"), *((base, pattern) for pattern in programs.COPIES)]:
        for path in place.glob(pattern):
            claims.remove_unclaimed(path)
    for link in base.glob("*.sock"):
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def clear(path: Path) -> None:
    """End what still runs of the processes noted in ``path``, and delete ``path``."""
    _end_noted(path)
    deadline = time.monotonic() + _LONGEST_SWEEP
    while path.exists() and time.monotonic() < deadline:
        # A dying process may still write, so the first attempt need not be the last.
        _remove(path)
        time.sleep(0.02)


def _end_noted(path: Path) -> None:
    noted = _noted(path)
    deadline = time.monotonic() + _GRACE
    while any(system.alive(*entry) for entry in noted) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid, known_as in noted:
        if ours := system.alive(pid, known_as):
            _kill(pid)
        # A later process of the same number may share something of its own.
        if ours or not system.alive(pid):
            forget_shared_memory(pid)
    # A frozen server's own processes outlive it, since they notice nothing.
    for pid in system.working_in(path, (path / _DATA).resolve()):
        _kill(pid)
    for postgres in (path / _DATA).glob("*/"):
        system.forget_shared_memory(postgres)


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def _noted(path: Path) -> list[tuple[int, str]]:
    with contextlib.suppress(OSError):
        entries = [line.split() for line in (path / _PIDS).read_text().splitlines()]
        return [(int(entry[0]), entry[1] if len(entry) > 1 else "") for entry in entries if entry]
    return []
