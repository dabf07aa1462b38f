"""The folder of one run, and how its files become the newest ones."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

from launcher.console import LaunchError

PUBLISHED = ("output.xml", "log.html", "report.html", "xunit.xml", "summary.json", "summary.html", "metrics.json")
_LEAST_FREE = 32 * 1024 * 1024


def make(results: Path) -> Path:
    """A new folder ``results/<time>-<pid>``; raises ``LaunchError`` where little or nothing can be written."""
    folder = results / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
        (folder / "progress.jsonl").touch()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise LaunchError(unwritable(results, error)) from error
    if free < _LEAST_FREE:
        shutil.rmtree(folder, ignore_errors=True)
        raise LaunchError(
            f"Only {free // 2**20} MB are free for results in {results}; a run needs {_LEAST_FREE // 2**20} MB. "
            "Free some space, or choose another folder: --results DIR."
        )
    return folder


def unwritable(results: Path, error: OSError) -> str:
    """What to say when results cannot be written."""
    full = " The disk is full." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return (f"Cannot write results to {results}: {error.strerror or error}.{full} "
            "Free it, or choose another folder: --results DIR.")  # fmt: skip


def publish(folder: Path) -> None:
    """Make ``folder`` the newest results, in one step.

    The published files are links through ``latest``, so replacing that one link changes all of them at once.
    """
    results = folder.parent
    for name in PUBLISHED:
        link = results / name
        if not link.is_symlink() or os.readlink(link) != f"latest/{name}":
            _link(Path("latest") / name, link)
    _link(Path(folder.name), results / "latest")


def _link(target: Path, link: Path) -> None:
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        raise LaunchError(f"{link} is a folder, where the newest results should be linked: move it away.")
    os.replace(temporary, link)
