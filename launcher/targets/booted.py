"""How the rest of the launcher speaks to a booted target: start its keeper, ask it, end it."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded import rundir
from PlatformLibrary.embedded.client import HostClient
from PlatformLibrary.embedded.errors import HostEndedError, PlatformError

from launcher.console import LaunchError
from launcher.workers import environment

_ANSWERS_WITHIN = 180.0
_ENDS_WITHIN = 60.0
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
        started = subprocess.run(
            [sys.executable, "-m", "launcher.targets.keeper", "--target", str(folder), "--socket", str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment({}),
            check=False,
        )
        if started.returncode:
            raise LaunchError(f"{name} cannot be started: {started.stderr.strip()}", code=1)
        client = HostClient(path, answers_within=_ANSWERS_WITHIN)
        client.call("lease")
        return client


def end(client: HostClient) -> None:
    """End the target and return when nothing of it is left; raises ``LaunchError`` where it takes too long."""
    with contextlib.suppress(PlatformError, HostEndedError):
        client.call("end")
    client.close()
    deadline = time.monotonic() + _ENDS_WITHIN
    while os.path.lexists(client.path):
        if time.monotonic() > deadline:
            raise LaunchError(f"It has not ended within {_ENDS_WITHIN:g} s: {client.path} is there still.", code=1)
        time.sleep(_POLL)
    rundir.remove_if_empty(client.path.parent)


def status(client: HostClient) -> dict[str, Any]:
    """What the keeper says of its instances."""
    return client.call("status")
