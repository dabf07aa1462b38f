"""What the services occupy: memory and descriptors, where they run on this machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psutil
from PlatformLibrary.memory import MEGABYTE

_WITHIN = timedelta(seconds=10)
_WITH_PORTS = ("auth", "backend-1", "backend-2", "frontend")


class ServiceWatch:
    """The processes of the platform in use, as ``PlatformLibrary`` knows them; none where it starts none."""

    def __init__(self, platform: Any) -> None:
        self._processes: dict[str, psutil.Process] = {}
        if platform is not None and platform.profile().kind == "embedded":
            found = {name: platform.get_process(name, _WITHIN).local for name in _WITH_PORTS}
            self._processes = {name: process for name, process in found.items() if process is not None}

    def look(self) -> dict[str, list[float]]:
        """By service: resident megabytes, and how many descriptors are open. A process that has ended is left out."""
        found = {}
        for name, process in self._processes.items():
            try:
                found[name] = [process.memory_info().rss / MEGABYTE, float(process.num_fds())]
            except psutil.NoSuchProcess:
                continue
        return found
