"""How many defects are judged side by side: a few in any case, and more while processors have nothing to do.

Many a run waits most of its time, and where it must not wait long, a crowd beside it would be at fault.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

LOOK = 0.5
"""Seconds after which one who has begun is seen to work, and how often processors are looked at."""
SPARE = 0.2
"""The share of the processors that has to be idle for one more."""


class Lanes:
    """Lets one more begin."""

    def __init__(self, most: int, sure: int | None = None, busy: Callable[[], float] = psutil.cpu_percent) -> None:
        """At most ``most`` run, and ``sure`` (one a core) in any case; ``busy`` is percent since it was last asked."""
        self.most = most
        self._sure = min(most, sure or os.cpu_count() or 1)
        self._busy = busy
        self._looked = time.monotonic()

    def free(self, running: int, *, uncrowded: bool = False) -> bool:
        """Whether one may begin beside so many that run; beside an ``uncrowded`` one only the sure ones."""
        if running >= (self._sure if uncrowded else self.most):
            return False
        now = time.monotonic()
        if running >= self._sure and now - self._looked < LOOK:
            return False
        self._looked = now
        # Asked in any case: each start begins a new stretch to be judged.
        return self._busy() <= 100 * (1 - SPARE) or running < self._sure
