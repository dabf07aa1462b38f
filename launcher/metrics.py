"""``metrics.json``: the times and latencies of a run, for people, and for ``./run baseline`` to compare.

Times are seconds. ``latencies`` are the summaries that a worker's listener wrote at the end of each test.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.outcome import Outcome
from launcher.verdicts import COMPARABLE

FORMAT = 1
LATENCIES = "latencies.jsonl"


class Contention:
    """How busy others keep the machine: the time of the work within, beside the CPU time that it needed.

    The work is to be this process' own, mostly computing, while nothing else of the run is busy.
    """

    def __enter__(self) -> Contention:
        self._wall, self._cpu = -time.perf_counter(), -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._wall += time.perf_counter()
        self._cpu += time.process_time()

    @property
    def ratio(self) -> float:
        """1 on an idle machine, 2 where the work got half a core."""
        return max(1.0, self._wall / self._cpu) if self._cpu else 1.0


def machine(contention: float) -> dict[str, Any]:
    """What times depend on: cores, Python, the operating system, and what others did meanwhile."""
    return {
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "contention": round(contention, 2),
    }


def as_json(
    outcome: Outcome,
    run: str,
    suites: Mapping[str, float],
    latencies: tuple[Mapping[str, Any], ...],
    contention: float,
) -> dict[str, Any]:
    """The documented shape; a suite is well when the times of all its tests can be compared."""
    well = {name: _all_well(outcome, name) for name in suites}
    return {
        "format": FORMAT,
        "run": run,
        "name": outcome.name,
        "target": outcome.target,
        "seed": outcome.seed,
        "started": outcome.started,
        "tested": outcome.facts,
        "well": outcome.well,
        "machine": machine(contention),
        "versions": dict(outcome.versions),
        "seconds": round(outcome.seconds, 3),
        "suites": {
            name: {"seconds": seconds, "tests": _tests_in(outcome, name), "well": well[name]}
            for name, seconds in suites.items()
        },
        "tests": {
            test.name: {"id": test.id, "seconds": round(test.seconds, 3), "verdict": test.verdict}
            for test in outcome.tests
        },
        "requirements": {
            key: {"seconds": round(found.seconds, 3), "tests": len(found.tests), "verdict": found.verdict}
            for key, found in outcome.requirements.items()
            if found.tests
        },
        "budgets": [
            {"name": budget["name"], "used": budget["used"], "allowed": budget["limit"],
             "unit": budget.get("unit", ""), "test": budget.get("test")}
            for budget in outcome.budgets
        ],
        "latencies": [dict(line) for line in latencies],
    }  # fmt: skip


def write(metrics: Mapping[str, Any], path: Path) -> None:
    """Write ``metrics.json``."""
    path.write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _tests_in(outcome: Outcome, suite: str) -> int:
    return sum(test.name.startswith(f"{suite}.") for test in outcome.tests)


def _all_well(outcome: Outcome, suite: str) -> bool:
    own = [test for test in outcome.tests if test.name.startswith(f"{suite}.")]
    return all(test.verdict in COMPARABLE for test in own)
