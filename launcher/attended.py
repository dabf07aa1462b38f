"""The processes of a platform that is up: where each is reached, which have ended, and one that is started again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from PlatformLibrary.embedded.errors import PlatformError

from launcher.console import complain, say
from launcher.host import Host

FILE = "status.json"
_INTERVAL = 0.5


class Attendant:
    """Looks after the processes of a platform while it is up, and writes down for other terminals how they are."""

    def __init__(self, host: Host, descriptor: Mapping[str, Any], folder: Path, *, keep: bool) -> None:
        """With ``keep`` what ends by itself is started again."""
        self._host = host
        self._ports = _ports(descriptor)
        self._file = folder / FILE
        self._keep = keep
        self._reported = 0
        self._next = 0.0
        self._state: dict[str, Any] = {}
        self.look()

    def table(self) -> list[str]:
        """A line for each process: its name, how it is, its pid and its port."""
        return _table(self._state)

    def look(self) -> None:
        """Report what has ended since the last look; asks the host twice a second at most."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _INTERVAL
        status = self._host.ask("status")
        if not status:
            return
        services = {
            name: {"state": state, "pid": status["pids"].get(name), "port": self._ports.get(name)}
            for name, state in status["instances"].items()
        }
        self._state = {"pid": os.getpid(), "services": services, "ended": status["ended"]}
        self._write()
        for end in status["ended"][self._reported :]:
            complain(str(end))
        died = len(status["ended"]) > self._reported
        self._reported = len(status["ended"])
        if died and self._keep:
            for name, state in status["instances"].items():
                if state == "stopped":
                    self._start(name)

    def _start(self, name: str) -> None:
        try:
            self._host.ask("start", instance=name)
        except PlatformError as error:
            complain(f"{name} could not be started again: {error}")
        else:
            say(f"{name} was started again")
            self._next = 0.0

    def _write(self) -> None:
        made = self._file.with_suffix(".new")
        made.write_text(json.dumps(self._state, indent=1), "utf-8")
        made.replace(self._file)


def show(folder: Path) -> int:
    """What `Attendant` has written down, where the launcher that wrote it still runs; the exit code."""
    try:
        state = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        state = {}
    if not state or not psutil.pid_exists(state["pid"]):
        say(f"Nothing is up: there is no living ./run up for {folder}.")
        return 1
    for line in [*_table(state), *state["ended"]]:
        say(line)
    return 0


def _table(state: Mapping[str, Any]) -> list[str]:
    head = f"{'service':<14} {'state':<9} {'pid':>8} {'port':>6}"
    rows = (
        f"{name:<14} {one['state']:<9} {one['pid'] or '-':>8} {one['port'] or '-':>6}"
        for name, one in state.get("services", {}).items()
    )
    return [head, *rows]


def _ports(descriptor: Mapping[str, Any]) -> dict[str, int | None]:
    addresses = {
        "auth": descriptor["auth_url"],
        "frontend": descriptor["public_url"],
        "provider": descriptor["provider_url"],
        "postgres": descriptor["auth_db_url"],
        "redis": descriptor["redis_url"],
        **{f"backend-{number}": url for number, url in enumerate(descriptor["backend_urls"], 1)},
    }
    return {name: urlsplit(address).port for name, address in addresses.items() if address}
