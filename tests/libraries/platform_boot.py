"""What the tests of platforms share: a host with a directory of its own, and what it leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from lockstep.environment import changed_environment
from PlatformLibrary.embedded.client import HostClient, start_host

ROOT = Path(__file__).resolve().parents[2]


def own_place(folder: Path) -> dict[str, str]:
    """Environment of a host whose run directories lie under ``folder``; ``nobody`` can enter it."""
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.getuid() and not place.stat().st_mode & 0o001:
            place.chmod(0o711)
    return {"TMPDIR": str(folder)}


def boot_host(folder: Path, **options: float) -> HostClient:
    """A host that keeps its things under ``folder``."""
    with changed_environment(own_place(folder)):
        return start_host(folder / "host.sock", **options)  # type: ignore[arg-type]


def processes_of(folder: Path) -> list[psutil.Process]:
    """The hosts that were started for ``folder``, and every process under them."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found += [process, *_tree(process)]
    return list({process.pid: process for process in found if process.pid != os.getpid()}.values())


def host_of(processes: list[psutil.Process]) -> psutil.Process:
    """The host among them: the one whose parent, its reaper, looks like it."""
    pids = {process.pid for process in processes if "PlatformLibrary.embedded.host" in process.cmdline()}
    return next(process for process in processes if process.pid in pids and process.ppid() in pids)


def reaper_of(host: psutil.Process) -> psutil.Process:
    """Its parent."""
    parent = host.parent()
    assert parent is not None
    assert parent.cmdline() == host.cmdline()
    return parent


def running(processes: list[psutil.Process]) -> list[str]:
    """Those that still run, by what they are."""
    return [f"{process.pid} {_title(process)}" for process in processes if _lives(process)]


def places_of(folder: Path) -> list[Path]:
    """Every directory that the hosts of ``folder`` keep something in, those in shared memory included."""
    runs = list(folder.glob("lockstep-*/host-*"))
    return [*runs, *((run / "data").resolve() for run in runs)]


def leftovers(folder: Path, *places: Path) -> list[Path]:
    """Files, sockets and directories that were not taken away."""
    return [path for path in (*folder.glob("lockstep-*"), *folder.glob("*.sock"), *places) if path.exists()]


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:4])
    except psutil.NoSuchProcess:
        return "?"
