"""How busy the machine was during a run: by the run itself, and by others.

Linux tells how long its processors worked and were taken away (``/proc/stat``), and for how long any process waited for
one (``/proc/pressure/cpu``). Elsewhere nothing is known.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from lockstep.machine import Mark

_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What the processors did for ``elapsed`` seconds: seconds of all of them together but for ``waited``."""

    elapsed: float
    processors: int
    worked: float
    stolen: float
    own: float
    waited: float

    @property
    def _all(self) -> float:
        return max(self.elapsed * self.processors, 1e-9)

    @property
    def others(self) -> float:
        """The share of the machine that the run could not have, from 0 to 1."""
        return min(1.0, max(0.0, self.worked - self.own + self.stolen) / self._all)

    def __str__(self) -> str:
        own = min(self.own, self.worked)
        others = self.worked - own
        parts = [
            f"{self.processors} processors",
            f"{_percent(own / self._all)} used by this run, {_percent(others / self._all)} by others",
            f"a process waited for one {_percent(self.waited / max(self.elapsed, 1e-9))} of the time",
        ]
        if self.stolen / self._all >= 0.01:
            parts.append(f"{_percent(self.stolen / self._all)} taken away by the hypervisor")
        return "; ".join(parts)


class Watch:
    """Watches the machine from now on."""

    def __init__(self) -> None:
        self._mark, self._processors, self._own = Mark.now(), _processors(), _own()

    def load(self, elsewhere: float = 0.0) -> Load | None:
        """What has been since, with the processor time ``elsewhere`` (s) of the run's processes that are not ours.

        None where this system does not tell.
        """
        now = Mark.now()
        if self._processors is None or now.pressure is None or self._mark.pressure is None:
            return None
        worked, stolen = (
            after - before for after, before in zip(_processors() or (0, 0), self._processors, strict=True)
        )
        return Load(
            elapsed=now.at - self._mark.at,
            processors=os.cpu_count() or 1,
            worked=worked,
            stolen=stolen,
            own=_own() - self._own + elsewhere,
            waited=now.pressure - self._mark.pressure,
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _own() -> float:
    """Processor seconds of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _processors() -> tuple[float, float] | None:
    """Seconds for which all processors have worked, and were taken away, since the machine's start."""
    try:
        user, nice, system, _, _, irq, softirq, stolen = map(int, Path("/proc/stat").read_text("ascii").split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq) * _TICK, stolen * _TICK
