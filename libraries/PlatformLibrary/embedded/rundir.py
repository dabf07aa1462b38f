"""Directories of hosts: each host has one, marked alive by a lock, and what dead hosts left is swept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from . import system
from .errors import PlatformError

_LOCK = "alive"
_DATA = "data"
_MEMORY = Path("/dev/shm")  # noqa: S108 - directories there are made by mkdtemp
_MEMORY_NEEDED = 1 << 30
_PIDS = "pids"
_GRACE = 1.0
_ATTEMPTS = 100
_UNMARKED = 60.0
_LONGEST_SWEEP = 20.0


def base_directory() -> Path:
    """This user's place for run directories, which ``nobody`` can enter where root needs that."""
    for place in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - owner and mode are checked
        if system.unprivileged_user() is not None and not system.reachable_by_all(place):
            continue
        base = place / f"lockstep-{os.getuid()}"
        with contextlib.suppress(FileExistsError):
            base.mkdir(mode=0o711)
            base.chmod(0o711)
        facts = base.lstat()
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid():
            return base
    raise PlatformError("no temporary directory that this user owns and can use; set TMPDIR to one")


def cache_directory() -> Path:
    """Where templates are kept: ``LOCKSTEP_CACHE``, default ``~/.cache/lockstep``."""
    cache = Path(os.environ.get("LOCKSTEP_CACHE") or Path.home() / ".cache" / "lockstep")
    cache.mkdir(parents=True, exist_ok=True)
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
        # The janitor shares this lock by inheritance, so nobody sweeps while it still works.
        self.path, self._lock = _new_directory(self.base)
        self.data = _fast_directory(self.path)
        self._pids = (self.path / _PIDS).open("a")

    def note(self, pid: int) -> None:
        """Remember a process."""
        self._pids.write(f"{pid} {system.identity(pid)}\n")
        self._pids.flush()

    def remove(self) -> None:
        """Delete it and everything in it, also where somebody has taken the link to its data away."""
        _remove(self.path)
        shutil.rmtree(self.data, ignore_errors=True)

    def leave_to_janitor(self, socket_path: Path) -> None:
        """Fork a process that waits for this one's end and then clears up what this one could not.

        Call before any thread exists.
        """
        waiting, lifeline = os.pipe()
        if os.fork() == 0:
            try:
                os.close(lifeline)
                _become_janitor(waiting)
                clear(self.path)
                shutil.rmtree(self.data, ignore_errors=True)
                with contextlib.suppress(OSError):
                    socket_path.unlink()
                remove_if_empty(self.base)
            finally:
                os._exit(0)
        os.close(waiting)


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


def _fast_directory(run: Path) -> Path:
    """Where ``run`` keeps database files: in memory where there is room, since copying there is ten times as fast.

    They need to outlive the servers, not the machine. A link in ``run`` leads whoever clears it to them.
    """
    data = run / _DATA
    if _has_room(_MEMORY):
        with contextlib.suppress(OSError):
            data.symlink_to(tempfile.mkdtemp(prefix="lockstep-", dir=_MEMORY))
    if not data.exists():
        data.mkdir()
    data.chmod(0o711)
    return data.resolve()


def _has_room(place: Path) -> bool:
    try:
        facts = os.statvfs(place)
    except OSError:
        return False
    return facts.f_bavail * facts.f_frsize >= _MEMORY_NEEDED and os.access(place, os.W_OK | os.X_OK)


def _remove(run: Path) -> None:
    data = run / _DATA
    if data.is_symlink():
        shutil.rmtree(data.resolve(), ignore_errors=True)
    shutil.rmtree(run, ignore_errors=True)


def _become_janitor(waiting: int) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.chdir("/")
    select.select([waiting], [], [])


def sweep(base: Path) -> None:
    """Clear the directories of hosts that died without doing so."""
    for path in base.glob("host-*"):
        # Who has no lock yet is just being made; or died at it, long ago.
        with contextlib.suppress(OSError), (path / _LOCK).open("a" if _age(path) > _UNMARKED else "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(path)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def clear(path: Path) -> None:
    """End what still runs of the processes noted in ``path``, and delete ``path``."""
    noted = _noted(path)
    deadline = time.monotonic() + _GRACE
    while any(system.alive(*entry) for entry in noted) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid, known_as in noted:
        if system.alive(pid, known_as):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    for postgres in (path / _DATA).glob("*/"):
        system.forget_shared_memory(postgres)
    deadline = time.monotonic() + _LONGEST_SWEEP
    while path.exists() and time.monotonic() < deadline:
        # A dying process may still write, so the first attempt need not be the last.
        _remove(path)
        time.sleep(0.02)


def _noted(path: Path) -> list[tuple[int, str]]:
    with contextlib.suppress(OSError):
        entries = [line.split() for line in (path / _PIDS).read_text().splitlines()]
        return [(int(entry[0]), entry[1] if len(entry) > 1 else "") for entry in entries if entry]
    return []
