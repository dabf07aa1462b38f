"""When is a figure slower than its baseline? Pure functions, so that the rule can be tested on numbers alone.

The limit of a figure is ``median + max(6 σ, share × median + floor)``. Median and σ (1.4826 × the median absolute
deviation, so that one odd run counts for little) are those of the baseline's runs; ``share`` is a half, or the whole as
long as there are fewer than five runs, which say little of the spread; ``floor`` belongs to the kind of figure.

Before that, times of the baseline are multiplied by the pace: the median of all tests' ratios, at least 1. A busy
machine slows everything; what has become slow by itself stands out from the rest. A pace over 3 is a finding itself,
unless the launcher's own work was slowed, too (its contention is over 1.2 times that of the baseline): then others
kept the machine busy, and neither the pace nor the whole run is judged.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from launcher.verdicts import COMPARABLE, HELD

Kind = Literal["contention", "run", "suite", "requirement", "test", "budget", "latency"]
DEVIATIONS, SHARE, FEW_SHARE, FEW = 6.0, 0.5, 1.0, 5
MOST_PACE, FEWEST_TESTS = 3.0, 5
CONTENTION, BUSY = "contention of the machine", 1.2
_TO_SIGMA = 1.4826
_TIME_FLOOR = 1.0
_OF_BUDGET = 1 / 20
_LATENCY_FLOORS = {"p50": 0.01, "p95": 0.05, "p99": 0.1}
_ENOUGH_FOR_P99 = 200


@dataclass(frozen=True)
class Figure:
    """One number of a run, in ``unit``; ``tests`` is of how many tests it is the sum, where it is one."""

    kind: Kind
    value: float
    unit: str = "s"
    floor: float = _TIME_FLOOR
    tests: int | None = None


@dataclass(frozen=True)
class Finding:
    """A figure beside its baseline."""

    name: str
    baseline: float
    now: float
    limit: float
    unit: str

    @property
    def slower(self) -> bool:
        """Beyond its limit."""
        return self.now > self.limit

    @property
    def ratio(self) -> float:
        """How many times the baseline."""
        return self.now / self.baseline if self.baseline else float("inf")


def figures(metrics: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure of a run that can be compared, by name; what failed has no time worth comparing.

    Of several budgets or latencies with one name the worst counts; a p99 needs 200 values.
    """
    found = {CONTENTION: Figure("contention", metrics["machine"]["contention"], "×")}
    if metrics["well"]:
        found["run"] = Figure("run", metrics["seconds"], tests=len(metrics["tests"]))
    for name, suite in metrics["suites"].items():
        if suite["well"]:
            found[f"suite {name}"] = Figure("suite", suite["seconds"], tests=suite["tests"])
    for name, judged in metrics["requirements"].items():
        if judged["verdict"] in COMPARABLE:
            found[f"requirement {name}"] = Figure("requirement", judged["seconds"], tests=judged["tests"])
    for name, test in metrics["tests"].items():
        if test["verdict"] in HELD:
            found[f"test {name}"] = Figure("test", test["seconds"])
    for name, figure in _measured(metrics):
        if name not in found or found[name].value < figure.value:
            found[name] = figure
    return found


def _measured(metrics: Mapping[str, Any]) -> Iterator[tuple[str, Figure]]:
    for budget in metrics["budgets"]:
        floor = budget["allowed"] * _OF_BUDGET
        yield f"budget {budget['name']}", Figure("budget", budget["used"], budget["unit"], floor)
    for latency in metrics["latencies"]:
        for percentile, floor in _LATENCY_FLOORS.items():
            if percentile != "p99" or latency["count"] >= _ENOUGH_FOR_P99:
                yield f"latency {latency['name']} {percentile}", Figure("latency", latency[percentile], floor=floor)


def pace(now: Mapping[str, Figure], before: Mapping[str, Sequence[float]]) -> float:
    """How many times as long as in the baseline a test takes in the median; 1 where there are too few tests to say."""
    ratios = [
        figure.value / middle
        for name, figure in now.items()
        if figure.kind == "test" and before.get(name) and (middle := statistics.median(before[name])) > 0
    ]
    return statistics.median(ratios) if len(ratios) >= FEWEST_TESTS else 1.0


def busy(now: Mapping[str, Figure], before: Mapping[str, Sequence[float]]) -> bool:
    """Whether others took more of the machine than when the baseline was made."""
    known = before.get(CONTENTION)
    return bool(known) and now[CONTENTION].value > BUSY * statistics.median(known or ())


def limit(values: Sequence[float], floor: float) -> float:
    """The most that a figure may be, after these values of the baseline."""
    middle = statistics.median(values)
    sigma = _TO_SIGMA * statistics.median(abs(value - middle) for value in values)
    share = FEW_SHARE if len(values) < FEW else SHARE
    return middle + max(DEVIATIONS * sigma, share * middle + floor)


def compare(now: Mapping[str, Figure], before: Mapping[str, Sequence[float]]) -> list[Finding]:
    """Every figure that both have, in the order of ``now``; a pace over 3 comes first, as ``pace of all tests``."""
    measured, disturbed = pace(now, before), busy(now, before)
    factor = max(1.0, measured if disturbed else min(MOST_PACE, measured))
    too_slow = measured > MOST_PACE and not disturbed
    found = [Finding("pace of all tests", 1.0, measured, MOST_PACE, "")] if too_slow else []
    for name, figure in now.items():
        if (values := before.get(name)) and figure.kind != "contention" and not (figure.kind == "run" and disturbed):
            scale = factor if figure.unit == "s" else 1.0
            most = limit([scale * value for value in values], figure.floor)
            found.append(Finding(name, statistics.median(values), figure.value, most, figure.unit))
    return found
