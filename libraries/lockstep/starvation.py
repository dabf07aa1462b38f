"""How much longer everything takes because others keep the machine busy.

Linux counts how long each thread ran and how long it waited, ready to run, for a processor
(``/proc/<pid>/task/<tid>/schedstat``). What the running test had to wait for, services of the platform had to wait for
too; so a limit that was meant for a machine of one's own is to be multiplied by this. Elsewhere nothing is known, and
the factor is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_LEAST_RUN = 0.02


@dataclass(frozen=True)
class Account:
    """Seconds for which this thread has run, and has waited for a processor."""

    ran: float
    waited: float

    def factor_since(self, earlier: Account) -> float:
        """How many times as long as alone on the machine: 1 or more; 1 where too little was run to tell."""
        ran, waited = self.ran - earlier.ran, self.waited - earlier.waited
        return 1 + waited / ran if ran >= _LEAST_RUN else 1.0


def account(pid: int | None = None) -> Account:
    """The account so far of the calling thread, or of the main thread of process ``pid``."""
    try:
        ran, waited, *_ = Path("/proc", str(pid or "thread-self"), "schedstat").read_text("ascii").split()
        return Account(int(ran) / 1e9, int(waited) / 1e9)
    except (OSError, ValueError):
        return Account(0.0, 0.0)
