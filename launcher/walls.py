"""How long each area of a run takes alone, judged by its budget ``run <area>`` of ``variables/budgets.yaml``.

A run of one area is timed as a whole. Beside other areas its own suites are counted as if they had run alone: longest
first on as many workers as they would have, each for as long as it took in this run, and beside them what the run took
without any suite. Other areas make a suite slower and never faster, so this is at least what the area takes alone:
within the budget it proves the budget, beyond it nothing is proved.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from lockstep import machine
from robot.result import Result
from robot.utils import timestr_to_secs

from launcher import areas as places
from launcher.machine import Load
from launcher.paths import BUDGETS, SHIPPED_BUDGETS
from launcher.verdicts import Verdict

# Seconds from the end of a suite to the start of the next on the same worker.
_BETWEEN = 0.5


@dataclass(frozen=True)
class Wall:
    """The time of an area alone, in seconds; ``timed``: it ran alone, so the time is no upper bound."""

    area: str
    seconds: float
    limit: float
    timed: bool
    load: Load | None = None
    """What the machine did meanwhile; None where nothing is known."""

    @property
    def verdict(self) -> Verdict:
        waited = self.seconds * self.load.others if self.load else 0.0
        verdict = Verdict(machine.judge(self.seconds, self.limit, waited))
        return verdict if verdict is Verdict.PASS or self.timed else Verdict.UNKNOWN

    def __str__(self) -> str:
        busy = f"; {self.load}" if self.load and self.verdict is Verdict.UNKNOWN else ""
        if self.timed:
            return f"the run took {self.seconds:.1f} s, its budget is {self.limit:g} s{busy}"
        return (f"alone {self.area} would have taken at most {self.seconds:.1f} s, its budget is {self.limit:g} s: "
                f"./run {self.area} decides{busy}")  # fmt: skip

    def as_budget(self) -> dict[str, Any]:
        """As a line of ``budgets.jsonl``."""
        return {"name": f"run {self.area}", "limit": self.limit, "used": round(self.seconds, 2), "unit": "s",
                "verdict": self.verdict, "suite": None, "test": None, "latencies": None}  # fmt: skip


@dataclass(frozen=True)
class SuiteTime:
    """When a suite file ran."""

    source: Path
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def limits(*paths: Path) -> dict[str, float]:
    """The seconds that each area may take as a whole, where it has such a budget: the project's, and Lockstep's own."""
    runs: dict[str, Any] = {}
    for path in paths or dict.fromkeys((SHIPPED_BUDGETS, BUDGETS)):
        budgets = yaml.safe_load(path.read_text("utf-8")) if path.exists() else None
        runs |= {name.removeprefix("run "): limit for name, limit in (budgets or {}).items() if name.startswith("run ")}
    return {area: float(timestr_to_secs(limit)) for area, limit in runs.items()}


def alone(areas: Sequence[str], seconds: float, times: Sequence[SuiteTime], workers: int) -> dict[str, float]:
    """Seconds that each of the ``areas`` of a run of ``seconds`` would have taken at most without the others."""
    if not times:
        return {}
    beside = seconds - (max(one.end for one in times) - min(one.start for one in times)).total_seconds()
    own = {area: [one.seconds for one in times if places.folder(area) in one.source.parents] for area in areas}
    return {area: beside + makespan(suites, workers) for area, suites in own.items() if suites}


def makespan(suites: Iterable[float], workers: int) -> float:
    """Seconds that ``suites`` take on so many workers, the longest first."""
    free = [0.0] * workers
    end = 0.0
    for seconds in sorted(suites, reverse=True):
        start = heapq.heappop(free)
        end = max(end, start + seconds)
        heapq.heappush(free, start + seconds + _BETWEEN)
    return end


def judged(
    seconds: Mapping[str, float], limits: Mapping[str, float], load: Load | None, *, timed: bool
) -> tuple[Wall, ...]:
    """The areas that have a budget, by what the machine did meanwhile."""
    return tuple(Wall(area, taken, limits[area], timed, load) for area, taken in seconds.items() if area in limits)


def times(result: Result) -> list[SuiteTime]:
    """When each suite file of a merged result ran."""
    return list(_times(result.suite))


def _times(suite: Any) -> Iterator[SuiteTime]:
    if suite.tests and suite.source and suite.start_time and suite.end_time:
        yield SuiteTime(Path(suite.source), suite.start_time, suite.end_time)
    for child in suite.suites:
        yield from _times(child)
