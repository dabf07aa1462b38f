"""How long the processes of a platform have waited for a processor, as it grew over the last minutes.

Whoever asks has missed a time, and needs to know what was waited since it began; so it is written down before anybody
asks. Linux only; elsewhere it is 0.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from lockstep import machine

EVERY = 0.5
"""Seconds from one reading to the next."""
_KEPT = 1200


class WaitingLog:
    """The readings of one platform: when, in seconds of the monotonic clock, and how much in all by then."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._last: dict[int, float] = {}
        self._total = 0.0

    def read(self, pids: Iterable[int]) -> None:
        """Add a reading of these processes and their children; what ended ones have waited stays counted."""
        found = {pid: machine.waited(pid) for pid in _with_children(pids)}
        self._total += sum(max(0.0, waited - self._last.get(pid, 0.0)) for pid, waited in found.items())
        self._last = found
        self._readings.append((time.monotonic(), self._total))

    def between(self, since: float, until: float) -> float:
        """Seconds that were waited between two instants, all processes together."""
        return max(0.0, self._by(until) - self._by(since))

    def _by(self, instant: float) -> float:
        """What had been waited by an instant; between two readings it grew evenly."""
        readings = self._readings
        after = bisect_left(readings, (instant, 0.0))
        if after == 0:
            return readings[0][1] if readings else 0.0
        if after == len(readings):
            return readings[-1][1]
        (begun, less), (ended, more) = readings[after - 1], readings[after]
        return less + (more - less) * (instant - begun) / (ended - begun) if ended > begun else more


def _with_children(pids: Iterable[int]) -> Iterable[int]:
    """Each process, and those it has started: PostgreSQL has one for each connection."""
    for pid in pids:
        yield pid
        try:
            yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())
        except (OSError, ValueError):
            continue
