"""A part of a run for one of several machines: which suites it has, and what of the others a merge has to expect.

Suites are dealt out by their known durations, longest first, each to the machine that has least to do so far. The same
suites with the same durations give the same parts, wherever they are dealt out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from launcher.console import LaunchError
from launcher.outcome import PlannedTest
from launcher.planning import Plan, PlannedSuite
from launcher.selection import Step

FILE = "shard.json"
_FORM = re.compile(r"([1-9]\d*)/([1-9]\d*)")
_UNKNOWN_SECONDS = 10.0


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``of``, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse(text: str) -> Shard:
    """``2/5``; raises ``LaunchError`` for anything else."""
    found = _FORM.fullmatch(text)
    if not found or int(found[1]) > int(found[2]):
        raise LaunchError(f"--shard needs which part of how many, such as 2/5, not {text!r}.")
    return Shard(int(found[1]), int(found[2]))


def dealt(suites: Sequence[PlannedSuite], durations: Mapping[str, float], of: int) -> list[list[PlannedSuite]]:
    """The suites of each part; one whose duration nobody knows counts as the median of the known ones."""
    known = [durations[suite.name] for suite in suites if suite.name in durations]
    usual = median(known) if known else _UNKNOWN_SECONDS
    parts: list[list[PlannedSuite]] = [[] for _ in range(of)]
    load = [0.0] * of
    for suite in sorted(suites, key=lambda one: (-durations.get(one.name, usual), one.name)):
        least = min(range(of), key=lambda part: (load[part], part))
        parts[least].append(suite)
        load[least] += durations.get(suite.name, usual)
    return parts


def planned(written: Mapping[str, Any]) -> PlannedTest:
    """A test as `cut` has written it down."""
    place = tuple(Step(**step) for step in written["place"])
    return PlannedTest(written["name"], tuple(written["tags"]), written["title"], place, written["line"])


def cut(plan: Plan, shard: Shard, durations: Mapping[str, float], folder: Path, facts: Mapping[str, Any]) -> Plan:
    """The part of ``plan``; writes into ``folder`` what a merge has to know: all parts, and ``facts`` of the run.

    Raises ``LaunchError`` where there are fewer suites than parts, so that this one would have none.
    """
    parts = dealt(plan.suites, durations, shard.of)
    shares = [[test for suite in part for test in plan.tests if test.place == suite.place] for part in parts]
    own = parts[shard.number - 1]
    if not own:
        raise LaunchError(
            f"There are {len(plan.suites)} suites, so part {shard} would have none: cut into fewer parts."
        )
    written = {
        **facts,
        "shard": shard.number,
        "of": shard.of,
        "shares": [[asdict(test) for test in share] for share in shares],
    }
    (folder / FILE).write_text(json.dumps(written, indent=1), "utf-8")
    return replace(plan, suites=tuple(own), tests=tuple(shares[shard.number - 1]))
