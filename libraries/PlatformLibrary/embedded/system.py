"""What the host asks of the operating system: lifelines between processes, identities, reachable directories."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import PlatformError

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IPC_RMID = 0
# A zombie holds nothing any more; it waits for its parent to ask.
ENDED = ("dead", "zombie")
_ZOMBIE = "Z"
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A ``preexec_fn`` that makes the kernel send ``death_signal`` when this process ends.

    On Linux only; elsewhere the reaper does it. Call on the main thread: the kernel watches the thread that forked.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal)
            if os.getppid() != parent:
                os._exit(1)

    return ask_kernel


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (Linux)."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def identity(pid: int) -> str:
    """What tells process ``pid`` from a later one of the same number: its start time; empty where it is unknown."""
    facts = _facts(pid)
    return facts[19] if len(facts) > 19 else ""


def _facts(pid: int) -> list[str]:
    """What Linux says of process ``pid``, its state first; nothing elsewhere, and of none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def alive(pid: int, known_as: str = "") -> bool:
    """Whether ``pid`` still runs and, where both can be told, is the process that was ``known_as``.

    One that has ended does not run, whether its parent has asked or not (Linux).
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return (not known_as or identity(pid) == known_as) and _facts(pid)[:1] != [_ZOMBIE]


def working_in(*folders: Path) -> list[int]:
    """Processes, as far as this user may know, whose working directory lies in one of these (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            # The link to a directory that was deleted ends in " (deleted)", and its parents are unharmed.
            if any(entry.readlink().is_relative_to(folder) for folder in folders):
                found.append(int(entry.parent.name))
    return found


def status(pid: int) -> str:
    """Its status in psutil's words; ``dead`` where there is no such process."""
    import psutil  # only verbs need it, and it would cost every start 20 ms

    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_DEAD


def processor_seconds() -> float:
    """What this process, and all that it has started or adopted, have used of processors."""
    import psutil

    ended = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in ended)
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            seconds += sum(process.cpu_times()[:4])
    return seconds


def unprivileged_user() -> pwd.struct_passwd | None:
    """Who PostgreSQL runs as: ``nobody`` where this process is root, else (None) as this process.

    Raises ``PlatformError`` where there is no such user.
    """
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise PlatformError(
            "PostgreSQL refuses to run as root, and this machine has no user 'nobody' to run it as: start the run as "
            "another user, or make that one (useradd --system nobody)"
        ) from None


def reachable_by_all(path: Path) -> bool:
    """Whether every user may enter ``path``."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.resolve().parents))


def forget_shared_memory(data_directory: Path) -> None:
    """Remove the System V segment that a killed PostgreSQL left behind; ``postmaster.pid`` names it (line 7)."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        segment = int((data_directory / "postmaster.pid").read_text().splitlines()[6].split()[1])
        _LIBC.shmctl(segment, _IPC_RMID, None)
