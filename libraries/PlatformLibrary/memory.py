"""What the processes of a platform occupy in memory, seen from outside while a load runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

MEGABYTE = 1_000_000
_EVERY = 0.05


@dataclass(frozen=True)
class Memory:
    """Resident memory of one process, in MB (10⁶ bytes): at the beginning, at most, at the end."""

    before: float
    peak: float
    after: float

    @property
    def growth(self) -> float:
        """From the beginning to the peak."""
        return self.peak - self.before

    def __str__(self) -> str:
        return f"{self.before:.1f} MB before, {self.peak:.1f} MB at most, {self.after:.1f} MB after"


class MemoryWatch:
    """Samples the processes (by name: pid) in a thread until `stop`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before = self._sample()
        self._peaks = dict(self._before)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory watch", daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, Memory]:
        """What was seen; raises psutil.NoSuchProcess where a process has ended meanwhile."""
        self._ended.set()
        self._thread.join()
        after = self._sample()
        return {
            name: Memory(self._before[name], max(self._peaks[name], after[name]), after[name]) for name in self._before
        }

    def _run(self) -> None:
        while not self._ended.wait(_EVERY):
            try:
                sample = self._sample()
            except psutil.NoSuchProcess:
                return
            for name, value in sample.items():
                self._peaks[name] = max(self._peaks[name], value)

    def _sample(self) -> dict[str, float]:
        return {name: process.memory_info().rss / MEGABYTE for name, process in self._processes.items()}
