"""What a set of latencies says: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Of ``count`` values; all in the unit of the values."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not exceeded by ``percent`` of all (nearest rank): always a value that occurred.

    Raises ``ValueError`` without values, or for a percentage outside of 0 to 100.
    """
    if not values:
        raise ValueError("no values")
    if not 0 <= percent <= 100:
        raise ValueError(f"a percentile is between 0 and 100, not {percent:g}")
    rank = max(1, math.ceil(round(percent / 100 * len(values), 9)))
    return sorted(values)[rank - 1]


def summary(values: Sequence[float]) -> Summary:
    """All that is reported of ``values``; raises ``ValueError`` without any."""
    p50, p95, p99, most = (percentile(values, percent) for percent in (50, 95, 99, 100))
    return Summary(len(values), math.fsum(values) / len(values), p50, p95, p99, most)


def statistic(values: Sequence[float], name: str) -> float:
    """``mean``, ``max``, ``min``, ``count``, or a percentile such as ``p99`` or ``p99.9``."""
    simple = {"mean": lambda: math.fsum(values) / len(values), "max": lambda: max(values), "min": lambda: min(values)}
    if name == "count":
        return len(values)
    if not values:
        raise ValueError("no values")
    if name in simple:
        return simple[name]()
    try:
        return percentile(values, float(name.removeprefix("p")))
    except ValueError:
        raise ValueError(f"unknown statistic '{name}': use mean, min, max, count, or p50, p95, p99.9 …") from None
