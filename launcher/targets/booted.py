"""How the rest of the launcher speaks to a booted target: start its keeper, ask it, end it."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded import rundir
from PlatformLibrary.embedded.client import HostClient
from PlatformLibrary.embedded.errors import HostEndedError, PlatformError
from PlatformLibrary.profile import folders

from launcher.console import LaunchError
from launcher.targets import recipe
from launcher.workers import environment

_ANSWERS_WITHIN = 180.0
_ENDS_WITHIN = 120.0
_POLL = 0.05


def socket_path(name: str) -> Path:
    """Where the keeper of that target listens; a ``LaunchError`` where there is no place for it."""
    try:
        return rundir.base_directory() / f"target-{name}.sock"
    except PlatformError as error:
        raise LaunchError(f"A target cannot be started: {error}") from error


def connected(name: str) -> HostClient | None:
    """A connection to the keeper of that target; ``None`` where it is not booted."""
    path = socket_path(name)
    try:
        return HostClient(path, within=0, answers_within=_ANSWERS_WITHIN)
    except PlatformError:
        return None
    finally:
        rundir.remove_if_empty(path.parent)


def facts(name: str) -> Mapping[str, str]:
    """The facts of a booted target, by name; none where it is not booted, or not ready yet."""
    client = connected(name)
    if client is None:
        return {}
    with contextlib.closing(client), contextlib.suppress(OSError, HostEndedError):
        return read(Path(client.call("status")["facts"]))
    return {}


def lend(target: str, environ: MutableMapping[str, str] = os.environ) -> None:
    """Put the facts of a booted target into the environment, where its dialect looks for them.

    What stands there already goes first: who runs the platform elsewhere sets it by hand. Raises ``LaunchError`` for a
    target that can be booted, is not, and of which the environment knows nothing.
    """
    folder = folder_of(target)
    if folder is None:
        return
    wanted = recipe.read(folder)
    found = facts(wanted.name)
    for name, value in found.items():
        environ.setdefault(name, value)
    if not found and not any(name in environ for name in (*wanted.ports, *wanted.secrets, *wanted.facts)):
        raise LaunchError(f"{wanted.name} is not up. To start it: ./run target boot {wanted.name} --detach")


def folder_of(target: str) -> Path | None:
    """The folder with the ``boot.yaml`` of a target, given by name or path; ``None`` where it brings none."""
    path = Path(target)
    own = [path if path.is_dir() else path.parent] if os.sep in target else []
    places = own or [place / target for place in folders()]
    return next((place for place in places if (place / recipe.FILE).is_file()), None)


def read(file: Path) -> dict[str, str]:
    """A file of facts."""
    words = [word for line in file.read_text("utf-8").splitlines() for word in shlex.split(line)]
    return dict(word.split("=", 1) for word in words if "=" in word)


def start(name: str, folder: Path) -> HostClient:
    """A connection to a new keeper, which has begun to start the target and ends with the connection.

    Raises ``LaunchError`` where the target is booted already, or nothing can be started.
    """
    path = socket_path(name)
    with rundir.base_directory_held():
        if client := connected(name):
            client.close()
            raise LaunchError(f"{name} is up already. To end it: ./run target stop {name}")
        path.unlink(missing_ok=True)
        # In a session of its own, so that Ctrl-C cannot end it between what it makes and what would delete that.
        starting = subprocess.Popen(
            [sys.executable, "-m", "launcher.targets.keeper", "--target", str(folder), "--socket", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment({}),
            start_new_session=True,
        )
        try:
            _, said = starting.communicate()
        except KeyboardInterrupt:
            starting.communicate()
            if client := connected(name):
                end(client)
            raise
        if starting.returncode:
            raise LaunchError(f"{name} cannot be started: {said.strip()}", code=1)
        client = HostClient(path, answers_within=_ANSWERS_WITHIN)
        client.call("lease")
        return client


def end(client: HostClient) -> None:
    """End the target and return when nothing of it is left; raises ``LaunchError`` where it takes too long."""
    # Whoever sweeps may take the link away while the folder that it leads to is still being deleted.
    left = [client.path, *([client.path.resolve().parent] if client.path.is_symlink() else [])]
    with contextlib.suppress(PlatformError, HostEndedError):
        client.call("end")
    client.close()
    deadline = time.monotonic() + _ENDS_WITHIN
    while any(os.path.lexists(path) for path in left):
        if time.monotonic() > deadline:
            raise LaunchError(f"It has not ended within {_ENDS_WITHIN:g} s: {client.path} is there still.", code=1)
        time.sleep(_POLL)
    rundir.remove_if_empty(client.path.parent)


def status(client: HostClient) -> dict[str, Any]:
    """What the keeper says of its instances."""
    return client.call("status")
